import { Buffer } from 'node:buffer';

/**
 * A head: its latin1 text, which parts are cut out of, and the bytes that it was made of, which are quicker to look at one by one.
 * Positions are those in the text; the byte of the one at `i` is `bytes[base + i]`.
 */
export interface HeadText {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly base: number;
}

/** A head by its text, which must be latin1. */
export function headText(text: string): HeadText {
  return { text, bytes: Buffer.from(text, 'latin1'), base: 0 };
}
