import tls from 'node:tls';
import { currentRuntime } from './runtime.ts';

/**
 * The cipher list with which a server of this runtime still speaks TLS 1.0 and 1.1, besides what it speaks anyway;
 * undefined where its own list does. OpenSSL 3 has them only at security level 0, a word that BoringSSL does not know.
 */
export function oldTlsCiphers(): string | undefined {
  return currentRuntime().name === 'bun' ? undefined : `${tls.DEFAULT_CIPHERS}:@SECLEVEL=0`;
}
