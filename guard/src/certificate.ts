import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import {
  children,
  DerError,
  type Element,
  type Extension,
  expectTag,
  hex,
  readBits,
  readBoolean,
  readElement,
  readExtensions,
  readInteger,
  readOid,
  readSignature,
  readTime,
  TAG,
} from './der.ts';
import { nameText } from './name.ts';
import { isStrongHash, OID, RSA_PSS, signatureHash } from './oid.ts';

/** What this package reads of a certificate. Names, the serial number and fingerprints are lower-case hexadecimal text. */
export interface Certificate {
  readonly x509: X509Certificate;
  /** SHA-256 over the certificate. */
  readonly fingerprint: string;
  /** SHA-256 over the SubjectPublicKeyInfo. */
  readonly publicKeyFingerprint: string;
  readonly serialNumber: string;
  readonly issuer: string;
  readonly subject: string;
  /** RFC 4514. */
  readonly subjectText: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
  /** How many CA certificates may stand between this one and the leaf; null where it says nothing. */
  readonly pathLength: number | null;
  /** First octet of the key usage (RFC 5280 section 4.2.1.3); null where it says nothing. */
  readonly keyUsage: number | null;
  /** Object identifiers; null where it says nothing. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** It carries a constraint that this package does not evaluate, so it cannot be relied on. */
  readonly unsupported: boolean;
  /** Its signature algorithm or its key is too weak to prove anything. */
  readonly weak: boolean;
}

/** Bits of the first octet of a key usage. */
export const KEY_USAGE = { digitalSignature: 0x80, keyAgreement: 0x08, keyCertSign: 0x04, crlSign: 0x02 } as const;

const UNDERSTOOD: readonly string[] = [
  OID.keyUsage,
  OID.subjectAltName,
  OID.basicConstraints,
  OID.certificatePolicies,
  OID.extKeyUsage,
];
const MIN_RSA_BITS = 2048;

/** Reads a certificate from DER. Throws where it is not one. */
export function parseCertificate(der: Uint8Array): Certificate {
  const [tbs, outerAlgorithm, signature, ...more] = children(readElement(der, TAG.sequence));
  readSignature(signature);
  const fields = children(expectTag(tbs, TAG.sequence));
  if (more.length > 0) throw new DerError('bytes behind the signature');
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [serial, algorithm, issuer, validity, subject, spki, ...optional] = fields;
  const [notBefore, notAfter] = children(expectTag(validity, TAG.sequence));
  const wrapped = optional.find(({ tag }) => tag === 0xa3);
  const extensions = wrapped === undefined ? [] : readExtensions(readElement(wrapped.content, TAG.sequence));
  const value = (oid: string) => extensions.find((extension) => extension.oid === oid)?.value;
  const x509 = new X509Certificate(der);
  if (hex(expectTag(algorithm, TAG.sequence).bytes) !== hex(expectTag(outerAlgorithm, TAG.sequence).bytes))
    throw new DerError('two signature algorithms');
  return {
    x509,
    fingerprint: sha256(der),
    publicKeyFingerprint: sha256(expectTag(spki, TAG.sequence).bytes),
    serialNumber: readInteger(serial),
    issuer: hex(expectTag(issuer, TAG.sequence).bytes),
    subject: hex(expectTag(subject, TAG.sequence).bytes),
    subjectText: nameText(subject!.bytes),
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    ...readBasicConstraints(value(OID.basicConstraints)),
    keyUsage: readKeyUsage(value(OID.keyUsage)),
    extendedKeyUsage: readExtendedKeyUsage(value(OID.extKeyUsage)),
    unsupported: extensions.some(isUnsupported),
    weak: !isStrongSignature(algorithm!) || !isStrongKey(x509.publicKey),
  };
}

/** True where the key of `issuer` made the signature of `certificate`. */
export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

function readBasicConstraints(value: Uint8Array | undefined): { isCa: boolean; pathLength: number | null } {
  if (value === undefined) return { isCa: false, pathLength: null };
  const parts = children(readElement(value, TAG.sequence));
  const isCa = parts[0]?.tag === TAG.boolean && readBoolean(parts.shift());
  const length = parts.shift();
  if (parts.length > 0) throw new DerError('malformed basic constraints');
  const pathLength = length === undefined ? null : Number.parseInt(readInteger(length), 16);
  return { isCa, pathLength: pathLength === null ? null : Math.min(pathLength, 255) };
}

function readKeyUsage(value: Uint8Array | undefined): number | null {
  return value === undefined ? null : (readBits(readElement(value, TAG.bitString))[0] ?? 0);
}

function readExtendedKeyUsage(value: Uint8Array | undefined): string[] | null {
  return value === undefined ? null : children(readElement(value, TAG.sequence)).map(readOid);
}

/** Name constraints count whether critical or not: to overlook one would let in what the CA may not vouch for. */
function isUnsupported({ oid, critical }: Extension): boolean {
  return oid === OID.nameConstraints || (critical && !UNDERSTOOD.includes(oid));
}

function isStrongSignature(algorithm: Element): boolean {
  const [oid, parameters] = children(algorithm);
  if (readOid(oid) !== RSA_PSS) return signatureHash(readOid(oid)) !== undefined;
  // RFC 4055 section 3.1: without a hash in [0] it is SHA-1.
  const hash = parameters === undefined ? undefined : children(parameters).find(({ tag }) => tag === 0xa0);
  return hash !== undefined && isStrongHash(readOid(children(children(hash)[0]!)[0]));
}

function isStrongKey(key: KeyObject): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits === undefined ? !key.asymmetricKeyType?.startsWith('rsa') : bits >= MIN_RSA_BITS;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
