import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeHuffman, encodeHuffman, huffmanLength, maxDecodedLength } from './huffman.ts';

function encode(text: string): Buffer {
  const out = Buffer.alloc(huffmanLength(text));
  assert.equal(encodeHuffman(text, out, 0), out.length);
  return out;
}

function decode(data: Buffer): string | null {
  const out = Buffer.alloc(maxDecodedLength(data.length));
  const length = decodeHuffman(data, 0, data.length, out);
  return length < 0 ? null : out.toString('latin1', 0, length);
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

// RFC 7541 C.4 and C.6, and codes of each length as they stand in Appendix B (padded with ones).
const KNOWN: readonly [text: string, code: string][] = [
  ['www.example.com', 'f1e3 c2e5 f23a 6ba0 ab90 f4ff'],
  ['no-cache', 'a8eb 1064 9cbf'],
  ['custom-key', '25a8 49e9 5ba9 7d7f'],
  ['custom-value', '25a8 49e9 5bb8 e8b4 bf'],
  ['private', 'aec3 771a 4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff'],
  ['https://www.example.com', '9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3'],
  ['0', '07'],
  ['Z', 'fd'],
  ['\\', 'ff fe 1f'],
  ['\x00', 'ff c7'],
  ['\x01', 'ff ff b1'],
  ['\x09', 'ff ff ea'],
  ['\x0a', 'ff ff ff f3'],
  ['\x16', 'ff ff ff fb'],
  ['\xff', 'ff ff fb bf'],
  ['\xc7', 'ff ff f6 7f'],
];

test('texts have the code that RFC 7541 gives them', () => {
  for (const [text, code] of KNOWN) {
    assert.equal(encode(text).toString('hex'), hex(code).toString('hex'), JSON.stringify(text));
    assert.equal(decode(hex(code)), text);
  }
});

test('every byte, alone and beside every other, survives', () => {
  for (let a = 0; a < 256; a++) {
    assert.equal(decode(encode(String.fromCharCode(a))), String.fromCharCode(a));
    for (let b = 0; b < 256; b++) {
      const pair = String.fromCharCode(a, b);
      assert.equal(decode(encode(pair)), pair);
    }
  }
});

test('any text survives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      assert.equal(decode(encode(text)), text);
    }),
  );
});

test('any code is either refused or the code of what it decodes to', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const data = Buffer.from(bytes);
      const text = decode(data);
      if (text !== null) assert.deepEqual(encode(text), data);
    }),
  );
});

const REFUSED: readonly [name: string, code: string][] = [
  ['eight ones of padding', '07 ff'],
  ['only padding of a whole byte', 'ff'],
  ['padding of zeros', '00'],
  ['padding that is not all ones', '06'],
  ['EOS', 'ff ff ff ff'],
  ['EOS with its padding', 'ff ff ff fc'],
  ['EOS between two symbols', '07 ff ff ff fc 07'],
  ['a code cut off', 'ff ff ff'],
];

test('wrong padding and EOS are refused', () => {
  for (const [name, code] of REFUSED) assert.equal(decode(hex(code)), null, name);
  assert.equal(decode(hex('')), '');
});
