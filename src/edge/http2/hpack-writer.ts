import type { Buffer } from 'node:buffer';
import { encodeHuffman, huffmanLength } from './huffman.ts';

/** The most bytes that an integer here takes beside its prefix: none is above 2^28. */
export const MAX_INTEGER_LENGTH = 5;

/** Above this, writing a text at once is faster than byte by byte. */
const SHORT_TEXT = 32;

/** Writes an integer after the `pattern` bits of its first byte, whose prefix is `mask` (RFC 7541 section 5.1). */
export function writeInteger(value: number, mask: number, pattern: number, out: Buffer, at: number): number {
  if (value < mask) {
    out[at] = pattern | value;
    return at + 1;
  }
  let end = at;
  out[end++] = pattern | mask;
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) out[end++] = (rest & 0x7f) | 0x80;
  out[end++] = rest;
  return end;
}

/** Writes a latin1 text as a string literal, in Huffman code where that is shorter (RFC 7541 section 5.2). */
export function writeString(text: string, out: Buffer, at: number): number {
  const coded = huffmanLength(text);
  if (coded < text.length) return encodeHuffman(text, out, writeInteger(coded, 0x7f, 0x80, out, at));
  const start = writeInteger(text.length, 0x7f, 0, out, at);
  if (text.length > SHORT_TEXT) return start + out.write(text, start, 'latin1');
  for (let i = 0; i < text.length; i++) out[start + i] = text.charCodeAt(i);
  return start + text.length;
}
