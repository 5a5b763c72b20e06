import { Buffer } from 'node:buffer';
import { webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import type { ServerAlgorithm } from '../core/mod.ts';

/** A certificate that was just issued, with its key. */
export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** A CA with its key, both PEM. */
export interface Issuer {
  readonly certificate: string;
  readonly privateKey: string;
}

/** What issuing takes from outside. */
export interface IssueOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly installationId: string;
}

export const DAY = 86_400_000;
const CA_DAYS = 3650;
/** Life of the leaf that the global level presents, and of visitor certificates. */
const LEAF_DAYS = 90;
const CLIENT_DAYS = 365;
/** Parameters of WebCrypto for the keys that are issued. */
export const ALGORITHMS = {
  ecdsa: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
} as const;

type Library = typeof X509;

/** What distinguishes one kind of leaf from another. */
interface LeafKind {
  readonly commonName: string;
  readonly days: number;
  /** Extended key usage (RFC 5280 section 4.2.1.12). */
  readonly usage: 'clientAuth' | 'serverAuth';
  readonly alternativeNames: readonly { readonly type: 'dns' | 'ip' | 'url'; readonly value: string }[];
  /** Of its key; that of the signature is its issuer's. */
  readonly algorithm: ServerAlgorithm;
}

let loading: Promise<Library> | null = null;

/** The issuing library, loaded on first use: edge workers never issue, and it would cost each of them time and memory. */
export function library(): Promise<Library> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Library> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  return x509;
}

/**
 * The installation's root of one algorithm: signs the certificates that visitors see. A visitor who cannot do ECDSA could
 * not verify one of its signatures in the chain either.
 */
export function issueRoot(options: IssueOptions, algorithm: ServerAlgorithm): Promise<IssuedCertificate> {
  const name = `Countersign installation root ${options.installationId.slice(0, 8)}`;
  return issueCa(algorithm === 'rsa' ? `${name} RSA` : name, options, algorithm);
}

/** The shared origin-pull CA: signs the leaf of the global level (spec/origin-pulls.md 1.12). */
export function issueOriginPullCa(options: IssueOptions): Promise<IssuedCertificate> {
  return issueCa(`origin-pull.${options.installationId.slice(0, 8)}.countersign`, options);
}

/** A private CA for client certificates. */
export function issueClientCa(commonName: string, options: IssueOptions): Promise<IssuedCertificate> {
  return issueCa(commonName, options);
}

/** The leaf that the global level presents. */
export function issueSharedLeaf(ca: Issuer, options: IssueOptions): Promise<IssuedCertificate> {
  const uri = `urn:countersign:${options.installationId}:global`;
  return issueLeaf(ca, options, {
    commonName: 'origin-pull.countersign',
    days: LEAF_DAYS,
    usage: 'clientAuth',
    alternativeNames: [{ type: 'url', value: uri }],
    algorithm: 'ecdsa',
  });
}

/** The certificate that visitors of `names` (hostnames, or IP addresses) see. */
export function issueServerCertificate(
  ca: Issuer,
  names: readonly string[],
  options: IssueOptions,
  algorithm: ServerAlgorithm = 'ecdsa',
): Promise<IssuedCertificate> {
  return issueLeaf(ca, options, {
    commonName: names[0]!,
    days: LEAF_DAYS,
    usage: 'serverAuth',
    alternativeNames: names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value })),
    algorithm,
  });
}

/** A client leaf under a private CA. */
export function issueClientCertificate(
  ca: Issuer,
  commonName: string,
  options: IssueOptions,
): Promise<IssuedCertificate> {
  return issueLeaf(ca, options, {
    commonName,
    days: CLIENT_DAYS,
    usage: 'clientAuth',
    alternativeNames: [],
    algorithm: 'ecdsa',
  });
}

/** True where less than a third of a certificate's life is left. Times in milliseconds since the epoch. */
export function needsRenewal(notBefore: number, notAfter: number, now: number): boolean {
  return notAfter - now < (notAfter - notBefore) / 3;
}

async function issueCa(
  commonName: string,
  options: IssueOptions,
  algorithm: ServerAlgorithm = 'ecdsa',
): Promise<IssuedCertificate> {
  const x509 = await library();
  const keys = await webcrypto.subtle.generateKey(ALGORITHMS[algorithm], true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(options.now, CA_DAYS),
    serialNumber: serialNumber(options.randomBytes),
    name: new x509.Name([{ CN: [commonName] }]),
    signingAlgorithm: ALGORITHMS[algorithm],
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return issued(x509, certificate, keys.privateKey);
}

async function issueLeaf(
  ca: Issuer,
  options: IssueOptions,
  { commonName, days, usage, alternativeNames, algorithm }: LeafKind,
): Promise<IssuedCertificate> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(ca.certificate);
  const der = x509.PemConverter.decodeFirst(ca.privateKey);
  const signingAlgorithm = ALGORITHMS[issuer.publicKey.algorithm.name === ALGORITHMS.rsa.name ? 'rsa' : 'ecdsa'];
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, signingAlgorithm, false, ['sign']);
  const keys = await webcrypto.subtle.generateKey(ALGORITHMS[algorithm], true, ['sign', 'verify']);
  const { notBefore, notAfter } = validity(options.now, days);
  const certificate = await x509.X509CertificateGenerator.create({
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    serialNumber: serialNumber(options.randomBytes),
    // ub-common-name is 64 (RFC 5280 appendix A); the alternative names carry longer ones.
    subject: commonName.length <= 64 ? new x509.Name([{ CN: [commonName] }]) : new x509.Name([{ O: ['Countersign'] }]),
    issuer: issuer.subjectName,
    signingAlgorithm,
    signingKey,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[usage]]),
      ...(alternativeNames.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...alternativeNames])]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return issued(x509, certificate, keys.privateKey);
}

/** An hour of grace for clocks that lag. */
export function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + days * DAY) };
}

/** 127 random bits, positive (RFC 5280 section 4.1.2.2). */
export function serialNumber(random: (count: number) => Uint8Array): string {
  const bytes = Buffer.from(random(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** What issuing returns, from a certificate and its key. */
export async function issued(
  x509: Library,
  certificate: X509.X509Certificate,
  privateKey: webcrypto.CryptoKey,
): Promise<IssuedCertificate> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
    notAfter: certificate.notAfter.getTime(),
  };
}
