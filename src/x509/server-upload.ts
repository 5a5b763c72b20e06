import { type KeyObject, X509Certificate } from 'node:crypto';
import { ApiError, canonicalRecordName, type ServerKey } from '../core/mod.ts';
import type { CertificateFacts } from './certificate.ts';
import { readPem, writePem } from './pem.ts';
import { pkcs8, readLeafAndKey } from './upload.ts';

/** A certificate for visitors with its chain and key, checked and ready to be stored. */
export interface ServerCertificateUpload {
  /** Of the leaf. */
  readonly facts: CertificateFacts;
  /** PEM, leaf first, each one issued by the next. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  readonly key: ServerKey;
  /** The hostnames that the leaf is for (RFC 6125 section 6.4), canonical; wildcards as `*.parent`. */
  readonly hosts: readonly string[];
}

const MAX_PEM = 64 * 1024;
const MAX_CHAIN = 10;
const KEYS: Readonly<Record<string, ServerKey>> = {
  prime256v1: 'P-256',
  'P-256': 'P-256',
  secp384r1: 'P-384',
  'P-384': 'P-384',
  secp521r1: 'P-521',
  'P-521': 'P-521',
};

/**
 * Checks a server certificate, with as much of its chain as comes with it, and its private key, all in PEM. Self-signed
 * ones and private CAs are accepted. Throws `ApiError`, a kind of its own for each mistake.
 */
export function parseServerUpload(certificate: string, privateKey: string): ServerCertificateUpload {
  const [leaf, ...chain] = readChain(certificate);
  const { facts, key } = readLeafAndKey(leaf!, privateKey);
  checkOrder([leaf!, ...chain]);
  return {
    facts,
    certificate: [leaf, ...chain].join(''),
    privateKey: pkcs8(key),
    key: keyOf(key),
    hosts: hostsOf(leaf!),
  };
}

function unparseable(why: string): ApiError {
  return new ApiError('certificate_unparseable', {
    message: `Unable to parse certificate: ${why}.`,
    pointer: '/certificate',
  });
}

function readChain(pem: string): string[] {
  if (pem.length > MAX_PEM) throw unparseable('it is longer than 64 KiB');
  const blocks = readPem(pem);
  if (blocks === null || blocks.some(({ label, headers }) => label !== 'CERTIFICATE' || headers.length > 0)) {
    throw unparseable(
      'it must be PEM blocks from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, leaf first',
    );
  }
  if (blocks.length > MAX_CHAIN) throw unparseable(`it has more than ${MAX_CHAIN} certificates`);
  return blocks.map(({ der }) => writePem('CERTIFICATE', der));
}

/** A TLS server sends each certificate before its issuer (RFC 8446 section 4.4.2), and clients build on it. */
function checkOrder(chain: readonly string[]): void {
  let certificates: X509Certificate[];
  try {
    certificates = chain.map((pem) => new X509Certificate(pem));
  } catch {
    throw unparseable('it is not an X.509 certificate');
  }
  certificates.forEach((certificate, i) => {
    const issuer = certificates[i + 1];
    if (issuer !== undefined && !(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))) {
      throw new ApiError('certificate_chain_broken', {
        message: `Certificate ${i + 2} of the chain did not issue certificate ${i + 1}: put the leaf first and each issuer after what it issued.`,
        pointer: '/certificate',
      });
    }
  });
}

function keyOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): ServerKey {
  return asymmetricKeyType === 'rsa' ? 'RSA' : KEYS[asymmetricKeyDetails?.namedCurve ?? '']!;
}

function hostsOf(leaf: string): string[] {
  const names = new X509Certificate(leaf).subjectAltName?.split(', ') ?? [];
  const hosts = names.flatMap((name) => (name.startsWith('DNS:') ? (canonicalRecordName(name.slice(4)) ?? []) : []));
  return [...new Set(hosts)];
}
