import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';

function decode(decoder: HpackDecoder, block: Buffer): string[] {
  const fields: string[] = [];
  assert.equal(
    decoder.decode(block, (name, value) => fields.push(name, value)),
    null,
  );
  return fields;
}

const hexOf = (block: Buffer): string => block.toString('hex');

test('RFC 7541 C.4 requests in Huffman code', () => {
  const encoder = new HpackEncoder();
  const get = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
  assert.equal(hexOf(encoder.encode(get)), '828684418cf1e3c2e5f23a6ba0ab90f4ff');
  assert.equal(hexOf(encoder.encode([...get, 'cache-control', 'no-cache'])), '828684be5886a8eb10649cbf');
  assert.equal(
    hexOf(
      encoder.encode([
        ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
        ...['custom-key', 'custom-value'],
      ]),
    ),
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  );
});

test('RFC 7541 C.1 integers of several bytes', () => {
  const encoder = new HpackEncoder();
  encoder.setMaxTableSize(1337);
  assert.equal(hexOf(encoder.encode([])), '3f9a0a');
});

test('a field is added to the table once, and an index from then on', () => {
  const encoder = new HpackEncoder();
  const fields = [':status', '302', 'server', 'countersign', 'x-own', 'a'];
  assert.ok(encoder.encode(fields).length > 10);
  assert.equal(hexOf(encoder.encode(fields)), 'c0bfbe');
});

test('secrets are never indexed, and the ever-changing is not', () => {
  const encoder = new HpackEncoder();
  for (let i = 0; i < 2; i++) {
    assert.equal(hexOf(encoder.encode(['authorization', '~'])), '1f08017e');
    assert.equal(hexOf(encoder.encode(['cookie', '~'])), '1f11017e');
    assert.equal(hexOf(encoder.encode(['set-cookie', ''])), '1f2800');
    assert.equal(hexOf(encoder.encode(['content-length', '~'])), '0f0d017e');
    assert.equal(hexOf(encoder.encode(['etag', '~'])), '0f13017e');
    assert.equal(encoder.encode(['cf-ray', '~'])[0], 0x00);
  }
});

test('a plain value that comes again, or not, is written as it is', () => {
  const decoder = new HpackDecoder(4096, 65_536);
  const [first, second, long] = ['Mon, 21 Oct 2013 20:13:21 GMT', '', 'x'.repeat(300)] as const;
  for (const date of [second, first, first, first, second, second, first, long, long, long, second, first, first]) {
    const fields = ['date', date, 'etag', date];
    assert.deepEqual(decode(decoder, new HpackEncoder().encode(fields)), fields);
  }
});

test('a text is in Huffman code only where that is shorter', () => {
  const encoder = new HpackEncoder();
  assert.equal(hexOf(encoder.encode(['etag', 'aaaaaaaa'])), '0f1385' + '18c6318c63');
  assert.equal(hexOf(encoder.encode(['etag', '|||'])), '0f13037c7c7c');
  const long = '\xe9'.repeat(40);
  assert.equal(hexOf(encoder.encode(['etag', long])), `0f1328${'e9'.repeat(40)}`);
});

test('a name whose values keep changing does not drive the others out', () => {
  const encoder = new HpackEncoder();
  const server = encoder.encode(['server', 'countersign']);
  assert.ok(server.length > 1);
  for (let i = 0; i < 1000; i++) encoder.encode(['x-own-id', `${i}-${'a'.repeat(30)}`]);
  assert.equal(encoder.encode(['server', 'countersign']).length, 1);
});

test('a large value is not added to the table', () => {
  const encoder = new HpackEncoder();
  encoder.encode(['server', 'countersign']);
  encoder.encode(['content-security-policy', 'a'.repeat(4000)]);
  assert.equal(hexOf(encoder.encode(['server', 'countersign'])), 'be');
});

test('the peer is told of table sizes at the start of the next block', () => {
  const encoder = new HpackEncoder();
  encoder.setMaxTableSize(4096);
  assert.equal(hexOf(encoder.encode([':status', '200'])), '88', 'nothing new');
  encoder.setMaxTableSize(0);
  encoder.setMaxTableSize(100);
  assert.equal(hexOf(encoder.encode([':status', '200'])), '203f4588', 'the smallest and the last');
  assert.equal(hexOf(encoder.encode([':status', '200'])), '88');
  encoder.setMaxTableSize(4_000_000_000);
  assert.equal(hexOf(encoder.encode([':status', '200'])), '3fe11f88', 'not above its own limit');
  assert.equal(hexOf(new HpackEncoder(256).encode([])), '3fe101', 'an own limit below the default');
  assert.equal(hexOf(new HpackEncoder(8192).encode([])), '');
});

test('blocks that were given away stay what they are', () => {
  const encoder = new HpackEncoder();
  const blocks: { readonly block: Buffer; readonly hex: string }[] = [];
  for (let i = 0; i < 2000; i++) {
    const block = encoder.encode(['etag', `${i}`.repeat(i % 100), 'x', 'y'.repeat(i % 7 === 0 ? 20_000 : 3)]);
    blocks.push({ block, hex: hexOf(block) });
  }
  for (const { block, hex } of blocks) assert.equal(hexOf(block), hex);
});

const latin1 = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const name = fc.oneof(
  fc.constantFrom('server', 'content-type', ':status', ':path', 'etag', 'set-cookie', 'x-a', 'x-b', 'date', 'vary'),
  fc.string({ unit: fc.constantFrom(...'abcdefghij-_'), minLength: 1, maxLength: 20 }),
);
const value = fc.oneof(
  fc.constantFrom('', '200', '404', '/', 'gzip', 'text/html'),
  fc.string({ unit: latin1, maxLength: 80 }),
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => pairs.flat()) },
  { weight: 1, arbitrary: fc.array(fc.nat(1024), { minLength: 1, maxLength: 3 }) },
);

test('whatever is encoded is decoded the same, over many blocks and changes of the table size', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(0, 64, 300, 1024), (steps, maxSize) => {
      const encoder = new HpackEncoder(maxSize);
      const decoder = new HpackDecoder(4096, 1_000_000);
      for (const item of steps) {
        if (item.every((part) => typeof part === 'number')) {
          for (const size of item) encoder.setMaxTableSize(size);
        } else {
          const fields = item.map(String);
          assert.deepEqual(decode(decoder, encoder.encode(fields)), fields);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('thousands of names and values leave both ends in step', () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096, 1_000_000);
  for (let i = 0; i < 5000; i++) {
    const fields = [`x-${i}`, `${i % 10}`, 'x-some', `${i % 30}`, `y-${i % 50}`, 'z'];
    assert.deepEqual(decode(decoder, encoder.encode(fields)), fields);
  }
});
