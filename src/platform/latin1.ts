import type { Buffer } from 'node:buffer';

/** What buffers of both runtimes have besides `write` and `toString`: these need not be told the encoding, which costs some 20 ns. */
interface Latin1Buffer extends Buffer {
  latin1Slice(from: number, to: number): string;
  latin1Write(text: string, at: number): number;
}

/** The bytes from `from` to `to` as latin1 text. */
export function readLatin1(bytes: Buffer, from: number, to: number): string {
  return (bytes as Latin1Buffer).latin1Slice(from, to);
}

/** Writes latin1 text to where there is room for it; returns its length. */
export function writeLatin1(into: Buffer, text: string, at: number): number {
  return (into as Latin1Buffer).latin1Write(text, at);
}
