import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { HpackDecoder } from './hpack-decoder.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** The list as `name: value` lines, or the problem. */
function decode(decoder: HpackDecoder, block: Buffer): string[] | string {
  const fields: string[] = [];
  return decoder.decode(block, (name, value) => fields.push(`${name}: ${value}`)) ?? fields;
}

/** Several blocks on one connection, with a table of this size. */
interface Example {
  readonly name: string;
  readonly tableSize: number;
  readonly blocks: readonly (readonly [hex: string, fields: readonly string[]])[];
}

const GET = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const REQUESTS = [
  GET,
  [...GET, 'cache-control: no-cache'],
  [
    ...[':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com'],
    'custom-key: custom-value',
  ],
] as const;
const FIRST = ['cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT', 'location: https://www.example.com'];
const RESPONSES = [
  [':status: 302', ...FIRST],
  [':status: 307', ...FIRST],
  [
    ...[':status: 200', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:22 GMT'],
    ...['location: https://www.example.com', 'content-encoding: gzip'],
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
] as const;

const EXAMPLES: readonly Example[] = [
  {
    name: 'C.2.1 a literal that is indexed',
    tableSize: 4096,
    blocks: [['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key: custom-header']]],
  },
  {
    name: 'C.2.2 a literal that is not indexed',
    tableSize: 4096,
    blocks: [['040c 2f73 616d 706c 652f 7061 7468', [':path: /sample/path']]],
  },
  {
    name: 'C.2.3 a literal that is never indexed',
    tableSize: 4096,
    blocks: [['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password: secret']]],
  },
  { name: 'C.2.4 an indexed field', tableSize: 4096, blocks: [['82', [':method: GET']]] },
  {
    name: 'C.3 requests without Huffman code',
    tableSize: 4096,
    blocks: [
      ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', REQUESTS[0]],
      ['8286 84be 5808 6e6f 2d63 6163 6865', REQUESTS[1]],
      ['8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65', REQUESTS[2]],
    ],
  },
  {
    name: 'C.4 requests in Huffman code',
    tableSize: 4096,
    blocks: [
      ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', REQUESTS[0]],
      ['8286 84be 5886 a8eb 1064 9cbf', REQUESTS[1]],
      ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', REQUESTS[2]],
    ],
  },
  {
    name: 'C.5 responses without Huffman code, and a table that is too small for them',
    tableSize: 256,
    blocks: [
      [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        RESPONSES[0],
      ],
      ['4803 3330 37c1 c0bf', RESPONSES[1]],
      [
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
         2076 6572 7369 6f6e 3d31`,
        RESPONSES[2],
      ],
    ],
  },
  {
    name: 'C.6 responses in Huffman code, and a table that is too small for them',
    tableSize: 256,
    blocks: [
      [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
         8f0b 97c8 e9ae 82ae 43d3`,
        RESPONSES[0],
      ],
      ['4883 640e ffc1 c0bf', RESPONSES[1]],
      [
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
        RESPONSES[2],
      ],
    ],
  },
];

for (const { name, tableSize, blocks } of EXAMPLES) {
  test(`RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder(tableSize, 16_384);
    for (const [block, fields] of blocks) {
      const bytes = hex(block.replaceAll(/\s/g, ''));
      assert.deepEqual(decode(decoder, bytes), fields);
    }
  });
}

test('RFC 7541 C.1 integers of several bytes', () => {
  const decoder = new HpackDecoder(4096, 16_384);
  assert.deepEqual(decode(decoder, hex('2a')), [], '10, prefix of 5 bits');
  assert.deepEqual(decode(decoder, hex('3f9a0a')), [], '1337, prefix of 5 bits: a table size');
  const value = Buffer.alloc(1337, 'a');
  assert.deepEqual(decode(decoder, Buffer.concat([hex('04 7fba09'), value])), [`:path: ${value}`]);
  assert.equal(decode(new HpackDecoder(1336, 16_384), hex('3f9a0a')), 'compression');
});

const MALFORMED: readonly [name: string, block: string][] = [
  ['index 0', '80'],
  ['an index beyond the static table, where the dynamic one is empty', 'be'],
  ['a name index out of range', '7e 01 61'],
  ['an index that never ends', 'ff 80 80 80 80 80 80 80'],
  ['an index of more than five continuation bytes', 'ff 80 80 80 80 80 00'],
  ['a huge index', 'ff ff ff ff ff 7f'],
  ['an index whose bytes are cut off', 'ff'],
  ['a string longer than the block', '04 05 61 62 63 64'],
  ['a string length of 2^35', '04 7f ff ff ff ff 7f'],
  ['a name without a value', '04'],
  ['a literal without a name', '40'],
  ['a name whose length is cut off', '40 7f'],
  ['an empty literal name with no value', '40 00'],
  ['Huffman padding of zeros', '04 81 00'],
  ['Huffman padding of eight bits', '04 82 07 ff'],
  ['EOS in a string', '04 84 ff ff ff ff'],
  ['wrong padding in a name', '40 81 00 01 61'],
  ['a size update after a field', '82 20'],
  ['three size updates', '20 20 20 82'],
  ['a size update above what was told', '3f e2 1f'],
  ['a size update that never ends', '3f ff ff'],
];

for (const [name, block] of MALFORMED) {
  test(`refused: ${name}`, () => {
    assert.equal(decode(new HpackDecoder(4096, 16_384), hex(block)), 'compression');
  });
}

test('integers may have up to five continuation bytes, needed or not', () => {
  assert.deepEqual(decode(new HpackDecoder(4096, 16_384), hex('04 7f 82 80 80 80 00')), 'compression');
  const block = Buffer.concat([hex('04 7f 82 80 80 80 00'), Buffer.alloc(129, 'x')]);
  assert.deepEqual(decode(new HpackDecoder(4096, 16_384), block), [`:path: ${'x'.repeat(129)}`]);
});

test('a size update empties what it has no room for', () => {
  const decoder = new HpackDecoder(4096, 16_384);
  const added = hex('40 01 61 01 62');
  assert.deepEqual(decode(decoder, added), ['a: b']);
  assert.deepEqual(decode(decoder, hex('be')), ['a: b']);
  assert.deepEqual(decode(decoder, hex('20 3fe11f')), [], 'down to 0 and up to 4096 again');
  assert.equal(decode(decoder, hex('be')), 'compression');
});

test('an entry larger than the table empties it, and is no error', () => {
  const decoder = new HpackDecoder(64, 16_384);
  assert.deepEqual(decode(decoder, hex('40 01 61 01 62')), ['a: b']);
  const large = Buffer.concat([hex('40 01 63 40'), Buffer.alloc(64, 'd')]);
  assert.deepEqual(decode(decoder, large), [`c: ${'d'.repeat(64)}`]);
  assert.equal(decode(decoder, hex('be')), 'compression');
});

test('a name taken from an entry that makes room for the new one stays what it was', () => {
  const decoder = new HpackDecoder(40, 16_384);
  assert.deepEqual(decode(decoder, hex('40 04 6e616d65 01 31')), ['name: 1']);
  assert.deepEqual(decode(decoder, hex('7e 02 3232')), ['name: 22']);
  assert.deepEqual(decode(decoder, hex('be')), ['name: 22']);
});

test('bytes above ASCII come out as latin1', () => {
  assert.deepEqual(decode(new HpackDecoder(4096, 16_384), hex('04 02 c3a9')), [':path: \xc3\xa9']);
});

test('a list above its limit is no longer delivered, and the table stays in step', () => {
  const decoder = new HpackDecoder(4096, 100);
  const fields: string[] = [];
  const block = hex('82 40 01 61 01 62 40 01 63 01 64');
  assert.equal(
    decoder.decode(block, (name) => fields.push(name)),
    'too_large',
  );
  assert.deepEqual(fields, [':method', 'a']);
  assert.deepEqual(decode(decoder, hex('be bf')), ['c: d', 'a: b']);
});

test('a list of exactly its limit is delivered', () => {
  assert.deepEqual(decode(new HpackDecoder(4096, 42), hex('82')), [':method: GET']);
  assert.equal(decode(new HpackDecoder(4096, 41), hex('82')), 'too_large');
});

test('names and values that no list has room for are counted, not made', () => {
  const decoder = new HpackDecoder(4096, 1000);
  const long = Buffer.alloc(5000, 'x');
  const name = Buffer.concat([hex('00 7f 89 26'), long, hex('01 61')]);
  assert.equal(decode(decoder, Buffer.concat([hex('82'), name])), 'too_large');
  assert.deepEqual(decode(decoder, hex('40 01 61 01 62')), ['a: b']);
  assert.equal(decode(decoder, Buffer.concat([hex('40 7f 89 26'), long, hex('01 61')])), 'too_large');
  assert.equal(decode(decoder, hex('be')), 'compression', 'an entry larger than the table emptied it');
});

test('many references to one big entry cost no more than their bytes', () => {
  const decoder = new HpackDecoder(4096, 65_536);
  const value = Buffer.alloc(4000, 'x');
  const bomb = Buffer.concat([hex('40 01 61 7f a1 1e'), value, Buffer.alloc(1024 * 1024, 0xbe)]);
  let delivered = 0;
  const start = performance.now();
  const problem = decoder.decode(bomb, (name, text) => {
    delivered += name.length + text.length;
  });
  assert.equal(problem, 'too_large');
  assert.ok(delivered <= 65_536);
  assert.ok(performance.now() - start < 2000);
});

test('random bytes never make it throw or give more than the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (blocks) => {
      const decoder = new HpackDecoder(256, 200);
      for (const block of blocks) {
        let size = 0;
        decoder.decode(Buffer.from(block), (name, value) => {
          size += name.length + value.length + 32;
        });
        assert.ok(size <= 200);
      }
    }),
    { numRuns: 2000 },
  );
});
