import { createHash, X509Certificate } from 'node:crypto';
import { ApiError } from '../core/mod.ts';
import { type DerElement, DerError, readChildren, readDer, readInteger, readOid, readTime, TAG } from './der.ts';
import { formatName } from './name.ts';
import { readPem } from './pem.ts';

/** What an X.509 certificate says, in the API's own forms (spec/origin-pulls.md 1.3). */
export interface CertificateFacts {
  /** PEM as given. */
  readonly certificate: string;
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly issuer: string;
  /** Go's name of the signature algorithm, as `SHA256-RSA`. */
  readonly signature: string;
  /** Decimal. */
  readonly serialNumber: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  readonly isCa: boolean;
  /** False where the extended key usage names other uses only: a strict origin refuses such a client (RFC 5280 section 4.2.1.12). */
  readonly allowsClientAuth: boolean;
}

const MAX_PEM = 64 * 1024;
const SIGNATURES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'MD5-RSA',
  '1.2.840.113549.1.1.5': 'SHA1-RSA',
  '1.2.840.113549.1.1.11': 'SHA256-RSA',
  '1.2.840.113549.1.1.12': 'SHA384-RSA',
  '1.2.840.113549.1.1.13': 'SHA512-RSA',
  '1.2.840.10045.4.1': 'ECDSA-SHA1',
  '1.2.840.10045.4.3.2': 'ECDSA-SHA256',
  '1.2.840.10045.4.3.3': 'ECDSA-SHA384',
  '1.2.840.10045.4.3.4': 'ECDSA-SHA512',
  '1.3.101.112': 'Ed25519',
};
const RSA_PSS = '1.2.840.113549.1.1.10';
const PSS_HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'SHA256-RSAPSS',
  '2.16.840.1.101.3.4.2.2': 'SHA384-RSAPSS',
  '2.16.840.1.101.3.4.2.3': 'SHA512-RSAPSS',
};
const BASIC_CONSTRAINTS = '2.5.29.19';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const CLIENT_USES = new Set(['1.3.6.1.5.5.7.3.2', '2.5.29.37.0']);
// RFC 5280 section 4.1.2.2 says 20; some private CAs write more.
const MAX_SERIAL = 128;

function unparseable(why: string): ApiError {
  return new ApiError('certificate_unparseable', {
    message: `Unable to parse certificate: ${why}.`,
    pointer: '/certificate',
  });
}

/**
 * Reads exactly one certificate in PEM. Throws `ApiError`: `certificate_unparseable` for what is not one (or over
 * 64 KiB), `certificate_chain` for several.
 */
export function readCertificate(pem: string): CertificateFacts {
  if (pem.length > MAX_PEM) throw unparseable('it is longer than 64 KiB');
  const blocks = readPem(pem);
  if (blocks === null) {
    throw unparseable('it must be one PEM block, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----');
  }
  if (blocks.some(({ label, headers }) => label !== 'CERTIFICATE' || headers.length > 0)) {
    throw unparseable('only a CERTIFICATE block is allowed');
  }
  if (blocks.length > 1) throw new ApiError('certificate_chain', { pointer: '/certificate' });
  const { der } = blocks[0]!;
  try {
    // What the TLS library cannot load is no use to anybody.
    new X509Certificate(der);
    return { certificate: pem, fingerprint: createHash('sha256').update(der).digest('hex'), ...readFacts(der) };
  } catch (error) {
    throw unparseable(error instanceof DerError ? `it has ${error.message}` : 'it is not an X.509 certificate');
  }
}

function readFacts(der: Uint8Array): Omit<CertificateFacts, 'certificate' | 'fingerprint'> {
  const outer = readChildren(expect(readDer(der), TAG.sequence));
  const fields = readChildren(expect(outer[0], TAG.sequence));
  if (outer.length !== 3) throw new DerError('a malformed certificate');
  // version [0] is there from v2 on
  const at = fields[0]?.tag === 0xa0 ? 1 : 0;
  const [serial, , issuer, validity, subject] = fields.slice(at);
  const [notBefore, notAfter] = readChildren(expect(validity, TAG.sequence));
  if (expect(serial).content.length > MAX_SERIAL) throw new DerError('a serial number that is too long');
  const extensions = readExtensions(fields.find(({ tag }) => tag === 0xa3));
  return {
    subject: formatName(expect(subject, TAG.sequence)),
    issuer: formatName(expect(issuer, TAG.sequence)),
    signature: signatureName(expect(outer[1], TAG.sequence)),
    serialNumber: readInteger(expect(serial, TAG.integer)).toString(),
    notBefore: readTime(expect(notBefore)),
    notAfter: readTime(expect(notAfter)),
    isCa: isCa(extensions.get(BASIC_CONSTRAINTS)),
    allowsClientAuth: allowsClientAuth(extensions.get(EXTENDED_KEY_USAGE)),
  };
}

function expect(element: DerElement | undefined, tag?: number): DerElement {
  if (element === undefined || (tag !== undefined && element.tag !== tag))
    throw new DerError('a malformed certificate');
  return element;
}

function signatureName(algorithm: DerElement): string {
  const [oid, parameters] = readChildren(algorithm);
  const name = readOid(expect(oid));
  if (name !== RSA_PSS) return SIGNATURES[name] ?? '0';
  const hash = parameters && readChildren(parameters).find(({ tag }) => tag === 0xa0);
  const hashOid = hash && readChildren(readDer(hash.content))[0];
  return (hashOid && PSS_HASHES[readOid(hashOid)]) ?? '0';
}

/** The values of the extensions by their object identifiers. Each may be there once (RFC 5280 section 4.2). */
function readExtensions(extensions: DerElement | undefined): Map<string, DerElement> {
  const values = new Map<string, DerElement>();
  if (extensions === undefined) return values;
  for (const extension of readChildren(expect(readDer(extensions.content), TAG.sequence))) {
    const parts = readChildren(expect(extension, TAG.sequence));
    const oid = readOid(expect(parts[0]));
    if (values.has(oid)) throw new DerError('an extension twice');
    values.set(oid, expect(parts.at(-1), TAG.octetString));
  }
  return values;
}

function isCa(basicConstraints: DerElement | undefined): boolean {
  if (basicConstraints === undefined) return false;
  const [ca] = readChildren(expect(readDer(basicConstraints.content), TAG.sequence));
  return ca?.tag === TAG.boolean && ca.content[0] !== 0;
}

function allowsClientAuth(extendedKeyUsage: DerElement | undefined): boolean {
  if (extendedKeyUsage === undefined) return true;
  const uses = readChildren(expect(readDer(extendedKeyUsage.content), TAG.sequence));
  return uses.some((use) => CLIENT_USES.has(readOid(use)));
}
