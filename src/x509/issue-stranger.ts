import { webcrypto } from 'node:crypto';
import {
  ALGORITHMS,
  DAY,
  type IssuedCertificate,
  type IssueOptions,
  issued,
  library,
  serialNumber,
  validity,
} from './issue.ts';

/** Days before and after: whoever refuses one of these does not do so because a clock is wrong. */
const DAYS = 3;

/** A client certificate that no CA signed. Valid since three days, and for three more. */
export async function issueSelfSigned(commonName: string, options: IssueOptions): Promise<IssuedCertificate> {
  const x509 = await library();
  const keys = await webcrypto.subtle.generateKey(ALGORITHMS.ecdsa, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(options.now - DAYS * DAY, 2 * DAYS),
    serialNumber: serialNumber(options.randomBytes),
    name: new x509.Name([{ CN: [commonName] }]),
    signingAlgorithm: ALGORITHMS.ecdsa,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  return issued(x509, certificate, keys.privateKey);
}

/**
 * A client certificate that bears the subject of another (PEM), followed by the CA it is from, which bears the name of the
 * other's issuer, or `issuer` as common name: what somebody makes who has seen the real one. Valid as `issueSelfSigned`.
 */
export async function issueWithNamesOf(
  model: string,
  issuer: string | null,
  options: IssueOptions,
): Promise<IssuedCertificate> {
  const x509 = await library();
  const { subjectName, issuerName: modelIssuer } = new x509.X509Certificate(model);
  const issuerName = issuer === null ? modelIssuer : new x509.Name([{ CN: [issuer] }]);
  const [caKeys, keys] = [
    await webcrypto.subtle.generateKey(ALGORITHMS.ecdsa, true, ['sign', 'verify']),
    await webcrypto.subtle.generateKey(ALGORITHMS.ecdsa, true, ['sign', 'verify']),
  ];
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(options.now - DAYS * DAY, 2 * DAYS),
    serialNumber: serialNumber(options.randomBytes),
    name: issuerName,
    signingAlgorithm: ALGORITHMS.ecdsa,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    ...validity(options.now - DAYS * DAY, 2 * DAYS),
    serialNumber: serialNumber(options.randomBytes),
    subject: subjectName,
    issuer: issuerName,
    signingAlgorithm: ALGORITHMS.ecdsa,
    signingKey: caKeys.privateKey,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  const made = await issued(x509, leaf, keys.privateKey);
  return { ...made, certificate: `${made.certificate}${ca.toString('pem')}\n` };
}
