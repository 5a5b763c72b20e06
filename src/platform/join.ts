import type { Buffer } from 'node:buffer';
import { Slice } from './slice.ts';

/** What a message is put together of. Texts are latin1. */
export type Part = string | Buffer | Slice;

/** Writes parts behind each other into a buffer that has room for them. */
export function join(parts: readonly Part[], into: Buffer): void {
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') into.write(part, at, 'latin1');
    else if (part instanceof Slice) part.data.copy(into, at, part.from, part.to);
    else part.copy(into, at);
    at += part.length;
  }
}
