import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

export { x509 };

x509.cryptoProvider.set(webcrypto as unknown as Crypto);

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 86_400_000;
const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;

/** A certificate with its key, as PEM and as the issuing library has it. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly x509: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** What a certificate says beside its name. */
export interface Wish {
  readonly issuer?: Identity;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Days from now. */
  readonly from?: number;
  readonly until?: number;
  readonly keyUsage?: number | null;
  readonly extendedKeyUsage?: readonly string[] | null;
  readonly extensions?: readonly x509.Extension[];
  readonly dns?: readonly string[];
  /** In place of the name. */
  readonly subject?: x509.JsonName;
  readonly serialNumber?: string;
  readonly keys?: webcrypto.CryptoKeyPair;
  readonly algorithm?: webcrypto.RsaHashedKeyGenParams | (webcrypto.EcKeyGenParams & { hash: string });
  /** Hash of the signature. */
  readonly hash?: string;
}

/** Issues a certificate; without an issuer it signs itself. */
export async function issue(name: string, wish: Wish = {}): Promise<Identity> {
  const { issuer, ca = false, from = -1, until = 30, serialNumber = randomSerial() } = wish;
  const algorithm = wish.algorithm ?? ECDSA;
  const keys =
    wish.keys ?? ((await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair);
  const keyUsage = wish.keyUsage === undefined ? (ca ? keyCertSign | cRLSign : digitalSignature) : wish.keyUsage;
  const eku = wish.extendedKeyUsage === undefined && !ca ? [x509.ExtendedKeyUsage.clientAuth] : wish.extendedKeyUsage;
  const subject = new x509.Name(wish.subject ?? (name.includes('=') ? name : `CN=${name}`));
  const signer = issuer?.keys ?? keys;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber,
    notBefore: new Date(Date.now() + from * DAY),
    notAfter: new Date(Date.now() + until * DAY),
    subject,
    issuer: issuer?.x509.subjectName ?? subject,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: {
      ...(signer.privateKey.algorithm as object),
      hash: wish.hash ?? 'SHA-256',
    } as webcrypto.EcdsaParams,
    extensions: [
      ...(ca || wish.pathLength !== undefined ? [new x509.BasicConstraintsExtension(ca, wish.pathLength, true)] : []),
      ...(keyUsage === null ? [] : [new x509.KeyUsagesExtension(keyUsage, true)]),
      ...(eku == null ? [] : [new x509.ExtendedKeyUsageExtension([...eku])]),
      ...(wish.dns === undefined
        ? []
        : [new x509.SubjectAlternativeNameExtension(wish.dns.map((value) => ({ type: 'dns' as const, value })))]),
      ...(wish.extensions ?? []),
    ],
  });
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const key = x509.PemConverter.encode(der, 'PRIVATE KEY');
  return { cert: `${certificate.toString('pem')}\n`, key: `${key}\n`, x509: certificate, keys };
}

/** A server's certificate for hostnames, its own issuer. */
export function issueServer(...dns: readonly string[]): Promise<Identity> {
  return issue(dns[0]!, { dns, extendedKeyUsage: [x509.ExtendedKeyUsage.serverAuth] });
}

/** A revocation list as PEM. `from` and `until` are days from now. */
export async function revoke(
  issuer: Identity,
  revoked: readonly Identity[],
  { from = -1, until = 7, signer = issuer, extensions = [] as readonly x509.Extension[] } = {},
): Promise<string> {
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.x509.subjectName,
    thisUpdate: new Date(Date.now() + from * DAY),
    nextUpdate: new Date(Date.now() + until * DAY),
    entries: revoked.map((identity) => ({
      serialNumber: identity.x509.serialNumber,
      revocationDate: new Date(Date.now() - DAY),
    })),
    signingAlgorithm: ECDSA,
    signingKey: signer.keys.privateKey,
    extensions: [...extensions],
  });
  return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
}

function randomSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(12));
  bytes[0] = 0x40;
  return Buffer.from(bytes).toString('hex');
}
