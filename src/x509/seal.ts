import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv } from 'node:crypto';

/** 32 bytes. */
export type MasterKey = Uint8Array;

/** A sealed text that does not open. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/** Reads a master key: 64 hexadecimal digits. Throws an `Error` that says so. */
export function parseMasterKey(text: string): MasterKey {
  const digits = text.trim();
  if (!/^[0-9A-Fa-f]{64}$/.test(digits)) throw new Error('it must be 64 hexadecimal digits.');
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Writes what `parseMasterKey` reads. */
export function formatMasterKey(key: MasterKey): string {
  return `${Buffer.from(key).toString('hex')}\n`;
}

const VERSION = 'v1';
const TAG_LENGTH = 16;

/**
 * Seals a text with AES-256-GCM (NIST SP 800-38D) under a fresh 96-bit nonce. `context` says what the text belongs to: it opens
 * only with the same one, so a sealed key cannot be moved to another row.
 */
export function seal(key: MasterKey, text: string, context: string, random: (count: number) => Uint8Array): string {
  const nonce = random(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(`${VERSION} ${context}`));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${VERSION}.${Buffer.from(nonce).toString('base64url')}.${sealed.toString('base64url')}`;
}

/** Opens what `seal` made. Throws `SealError` for another key, another context, or altered text. */
export function unseal(key: MasterKey, sealed: string, context: string): string {
  const [version, nonce, body] = sealed.split('.');
  const bytes = Buffer.from(body ?? '', 'base64url');
  if (version !== VERSION || nonce === undefined || bytes.length < TAG_LENGTH)
    throw new SealError('the sealed text is damaged');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), {
      authTagLength: TAG_LENGTH,
    });
    decipher.setAAD(Buffer.from(`${VERSION} ${context}`));
    decipher.setAuthTag(bytes.subarray(-TAG_LENGTH));
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_LENGTH)), decipher.final()]).toString('utf8');
  } catch {
    throw new SealError('the master key is not the one that sealed it, or the sealed text was altered');
  }
}
