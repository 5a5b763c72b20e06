import type { Buffer } from 'node:buffer';
import { writeLatin1 } from './latin1.ts';
import { currentRuntime } from './runtime.ts';
import { Slice } from './slice.ts';

/** What a message is put together of. Texts are latin1. */
export type Part = string | Buffer | Slice;

/**
 * Whether texts that follow each other are better one. They are on Node, because writing one into a buffer costs a call into C++. On Bun
 * each is written where it goes: as one they would be copied once more, into memory that is not in the cache.
 */
export const JOINS_TEXTS: boolean = currentRuntime().name === 'node';

/** Moves parts into a buffer that has room for them, behind each other: the list is empty afterwards. */
export function join(parts: Part[], into: Buffer): void {
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') writeLatin1(into, part, at);
    else if (part instanceof Slice) part.data.copy(into, at, part.from, part.to);
    else part.copy(into, at);
    at += part.length;
  }
  parts.length = 0;
}
