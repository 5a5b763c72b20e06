import type { Buffer } from 'node:buffer';

/** Writes parts behind each other into a buffer that has room for them. Texts are latin1. */
export function join(parts: readonly (string | Buffer)[], into: Buffer): void {
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') into.write(part, at, 'latin1');
    else part.copy(into, at);
    at += part.length;
  }
}
