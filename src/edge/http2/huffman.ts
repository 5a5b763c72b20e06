import type { Buffer } from 'node:buffer';

const EOS = 256;

/**
 * Length in bits of each symbol's code (RFC 7541 Appendix B), EOS last. The code is canonical (shorter ones first,
 * equal ones in the symbols' order), so the codes themselves follow from this.
 */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];

/**
 * The decoder's states: the inner nodes of the code's tree, and one that nothing leads out of. Nodes 0 to 7 are those
 * reached by so many ones: what may be left over at a text's end (section 5.2).
 */
const STATES = 257;
const DEAD = 256;
const LAST_PADDING = 7;

const CODE_LENGTHS = Uint8Array.from(LENGTHS);
const CODES = canonicalCodes();
/** Code and length of a symbol in one number; 0 where the code has more than 24 bits (none of a usual text has). */
const SHORT_CODES = Int32Array.from(CODES, (code, symbol) =>
  LENGTHS[symbol]! > 24 ? 0 : (code << 5) | LENGTHS[symbol]!,
);
/** For a state and a byte: the symbols that end in it (two at most), bits 0–15; how many, 16–17; the next state, from 18. */
const STEPS = byteSteps(codeTree());

/** Number of bytes that `encodeHuffman` writes for this latin1 text. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += CODE_LENGTHS[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >> 3;
}

/** Writes a latin1 text in Huffman code into `out` at `at`; returns where it ends (RFC 7541 section 5.2). */
export function encodeHuffman(text: string, out: Buffer, at: number): number {
  let end = at;
  let pending = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let code = SHORT_CODES[symbol]!;
    if (code === 0) {
      // Seven bits may be pending, and there is room for 31 in all: the code goes in two parts, its last byte alone.
      const length = CODE_LENGTHS[symbol]! - 8;
      pending = (pending << length) | (CODES[symbol]! >>> 8);
      count += length;
      for (; count >= 8; count -= 8) out[end++] = pending >>> (count - 8);
      code = ((CODES[symbol]! & 0xff) << 5) | 8;
    }
    pending = (pending << (code & 31)) | (code >> 5);
    count += code & 31;
    for (; count >= 8; count -= 8) out[end++] = pending >>> (count - 8);
  }
  if (count > 0) out[end++] = (pending << (8 - count)) | (0xff >>> count);
  return end;
}

/** The most bytes that so many bytes of Huffman code may decode to: no code is shorter than five bits. */
export function maxDecodedLength(length: number): number {
  return Math.ceil((length * 8) / 5) + 1;
}

/**
 * Decodes `from` to `to` of `data` into `out`, which must have room for `maxDecodedLength`. Returns the number of
 * bytes written, or -1 where the text holds EOS or ends in other than up to seven ones (RFC 7541 section 5.2).
 */
export function decodeHuffman(data: Buffer, from: number, to: number, out: Buffer): number {
  let length = 0;
  let state = 0;
  for (let i = from; i < to; i++) {
    const step = STEPS[(state << 8) | data[i]!]!;
    out[length] = step;
    out[length + 1] = step >> 8;
    length += (step >> 16) & 3;
    state = step >> 18;
  }
  return state <= LAST_PADDING ? length : -1;
}

function canonicalCodes(): Uint32Array {
  const codes = new Uint32Array(LENGTHS.length);
  const symbols = LENGTHS.map((_, symbol) => symbol).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  let code = 0;
  let length = LENGTHS[symbols[0]!]!;
  for (const symbol of symbols) {
    code <<= LENGTHS[symbol]! - length;
    length = LENGTHS[symbol]!;
    codes[symbol] = code++;
  }
  return codes;
}

/** Two branches a node: the number of a node, or -1 minus a symbol; EOS is a dead end (section 5.2). */
function codeTree(): Int16Array {
  const tree = new Int16Array(2 * DEAD);
  let nodes = 1;
  // EOS, the code of ones alone, comes first: so the nodes on its way are the first ones.
  for (const symbol of [EOS, ...Array(EOS).keys()]) {
    let node = 0;
    for (let bit = LENGTHS[symbol]! - 1; bit > 0; bit--) {
      const branch = 2 * node + ((CODES[symbol]! >>> bit) & 1);
      if (tree[branch] === 0) tree[branch] = nodes++;
      node = tree[branch]!;
    }
    tree[2 * node + (CODES[symbol]! & 1)] = symbol === EOS ? DEAD : -1 - symbol;
  }
  return tree;
}

/** A byte's step is made of two half steps; in four bits, no more than one symbol ends. */
function byteSteps(tree: Int16Array): Int32Array {
  const halves = halfSteps(tree);
  const steps = new Int32Array(STATES << 8);
  for (let at = 0; at < steps.length; at++) {
    const first = halves[at >> 4]!;
    const second = halves[((first >> 18) << 4) | (at & 15)]!;
    const count = (first >> 16) & 3;
    steps[at] = (second & ~0xffff) + (first & 0x3ffff) + ((second & 0xff) << (8 * count));
  }
  return steps;
}

function halfSteps(tree: Int16Array): Int32Array {
  const steps = new Int32Array(STATES << 4);
  for (let at = 0; at < steps.length; at++) {
    let node = at >> 4;
    let ended = 0;
    for (let bit = 3; bit >= 0 && node !== DEAD; bit--) {
      const branch = tree[2 * node + ((at >> bit) & 1)]!;
      if (branch >= 0) {
        node = branch;
      } else {
        ended = (1 << 16) | (-1 - branch);
        node = 0;
      }
    }
    steps[at] = (node << 18) | ended;
  }
  return steps;
}
