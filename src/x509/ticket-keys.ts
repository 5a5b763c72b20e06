import { hkdfSync } from 'node:crypto';

/** Name, HMAC key and AES key of TLS session tickets, 16 bytes each, as `tls.createSecureContext` takes them. */
export type TicketKeys = Uint8Array;

const LENGTH = 48;

/**
 * Derives the ticket keys of one context from the secret that all workers share (HKDF, RFC 5869). `scope` says whose
 * sessions they are, and `certificate` under which one: others have other keys, so none resumes there.
 */
export function deriveTicketKeys(secret: Uint8Array, scope: string, certificate: string): TicketKeys {
  return new Uint8Array(hkdfSync('sha256', secret, certificate, `countersign tickets ${scope}`, LENGTH));
}
