import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { type ApiCodeName, ApiError } from '../core/mod.ts';
import { type CertificateFacts, readCertificate } from './certificate.ts';
import { readPem } from './pem.ts';

/** A client certificate with its key, checked and ready to be stored. */
export interface ClientCertificateUpload {
  readonly facts: CertificateFacts;
  /** As uploaded, ending in exactly one newline (spec/api.md section 0, row 9). */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
}

const MAX_PEM = 64 * 1024;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1', 'P-256', 'P-384', 'P-521']);
const KEY_LABELS = new Set(['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']);

function keyError(kind: ApiCodeName): ApiError {
  return new ApiError(kind, { pointer: '/private_key' });
}

/**
 * Checks a leaf certificate and its private key (PKCS#1, SEC1 or PKCS#8, not encrypted), both in PEM
 * (spec/origin-pulls.md 1.4). Expired and self-signed certificates, any key usage and any name are accepted. Throws
 * `ApiError`, a kind of its own for each mistake.
 */
export function parseUpload(certificate: string, privateKey: string): ClientCertificateUpload {
  const { facts, key } = readLeafAndKey(certificate, privateKey);
  const stored = `${certificate.trimEnd()}\n`;
  return { facts: { ...facts, certificate: stored }, certificate: stored, privateKey: pkcs8(key) };
}

/** A leaf certificate and the private key that belongs to it. Throws as `parseUpload` says. */
export function readLeafAndKey(
  certificate: string,
  privateKey: string,
): { readonly facts: CertificateFacts; readonly key: KeyObject } {
  const facts = readCertificate(certificate);
  if (facts.isCa) throw new ApiError('certificate_not_leaf', { pointer: '/certificate' });
  const key = readPrivateKey(privateKey);
  checkAlgorithm(key);
  if (!isPair(certificate, key)) throw keyError('private_key_mismatch');
  return { facts, key };
}

/** A private key in the one form that is stored. */
export function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function readPrivateKey(pem: string): KeyObject {
  if (pem.length > MAX_PEM) throw keyError('private_key_unparseable');
  // `openssl ecparam -genkey` writes the curve in a block of its own before the key, which names it again.
  const blocks = readPem(pem)?.filter(({ label }) => label !== 'EC PARAMETERS');
  const [block] = blocks ?? [];
  if (block === undefined || blocks!.length !== 1) throw keyError('private_key_unparseable');
  if (block.label === 'ENCRYPTED PRIVATE KEY' || block.headers.some((header) => header.includes('ENCRYPTED'))) {
    throw keyError('private_key_encrypted');
  }
  if (!KEY_LABELS.has(block.label) || block.headers.length > 0) throw keyError('private_key_unparseable');
  const type = block.label === 'PRIVATE KEY' ? 'pkcs8' : block.label === 'RSA PRIVATE KEY' ? 'pkcs1' : 'sec1';
  try {
    return createPrivateKey({ key: Buffer.from(block.der), format: 'der', type });
  } catch {
    throw keyError('private_key_unparseable');
  }
}

function checkAlgorithm(key: KeyObject): void {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const isRsa = key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 8192;
  const isEc = key.asymmetricKeyType === 'ec' && CURVES.has(namedCurve);
  if (!isRsa && !isEc) throw keyError('private_key_unsupported');
}

/**
 * The public keys are the same, and the private key signs what the certificate verifies: a key file carries its public
 * half in a copy of its own, which proves nothing about the private one.
 */
function isPair(certificate: string, key: KeyObject): boolean {
  try {
    const { publicKey } = new X509Certificate(certificate);
    const spki = (object: KeyObject) => object.export({ type: 'spki', format: 'der' }) as Buffer;
    const probe = Buffer.from('countersign');
    return (
      spki(createPublicKey(key)).equals(spki(publicKey)) &&
      verify('sha256', probe, publicKey, sign('sha256', probe, key))
    );
  } catch {
    return false;
  }
}
