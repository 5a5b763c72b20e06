import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressSet, formatAddress, networkOf, parseAddress, parseAddressRange, parsePeer } from './mod.ts';

const TEXTS: readonly [text: string, written: string | null][] = [
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['1.2.3', null],
  ['1.2.3.256', null],
  ['01.2.3.4', null],
  ['::', '::'],
  ['::1', '::1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['1::2::3', null],
  ['1:2:3:4:5:6:7', null],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['1:2:3:4:5:6:7:8:9', null],
  ['1.2.3.4::', null],
  [':1', null],
  ['fe80::1%eth0', null],
  ['', null],
];
for (const [text, written] of TEXTS) {
  test(`"${text}" is ${written ?? 'no address'}`, () => {
    const address = parseAddress(text);
    assert.equal(address === null ? null : formatAddress(address), written);
  });
}

const octet = fc.nat(255);
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
const someAddress = fc.oneof(ipv4, fc.ipV6());

test('an address is one for the system too, and writing it loses nothing', () => {
  fc.assert(
    fc.property(fc.oneof(someAddress, fc.string({ unit: fc.constantFrom('1', 'a', ':', '.', '0') })), (text) => {
      const address = parseAddress(text);
      assert.equal(address !== null, isIP(text) !== 0);
      if (address !== null) assert.deepEqual(parseAddress(formatAddress(address)), address);
    }),
  );
});

test('a visitor whose address is mapped is IPv4', () => {
  assert.equal(formatAddress(parsePeer('::ffff:192.0.2.1')!), '192.0.2.1');
  assert.equal(formatAddress(parsePeer('2001:db8::1')!), '2001:db8::1');
});

test('networks', () => {
  const network = (text: string, bits: number) => formatAddress(networkOf(parseAddress(text)!, bits));
  assert.equal(network('113.10.0.2', 24), '113.10.0.0');
  assert.equal(network('255.255.255.255', 0), '0.0.0.0');
  assert.equal(network('2001:0:130F:0:0:9C0:876A:130B', 24), '2001::');
  assert.equal(network('2001:db8::ffff', 128), '2001:db8::ffff');
  assert.equal(network('2001:db8:ffff::', 33), '2001:db8:8000::');
});

const RANGE_PROBLEMS: readonly [text: string, problem: string][] = [
  ['10.0.0.1/24', 'host bits'],
  ['10.0.0.0/33', 'length'],
  ['10.0.0.0/', 'length'],
  ['::/129', 'length'],
  ['10.0.0/8', 'address'],
  ['10.0.0.0..::1', 'families'],
  ['10.0.0.2..10.0.0.1', 'order'],
];
for (const [text, problem] of RANGE_PROBLEMS) {
  test(`${text} is refused: ${problem}`, () => assert.equal(parseAddressRange(text), problem));
}

test('a set answers as a scan of its ranges does', () => {
  // Few different addresses, so that ranges meet, overlap and hold what is asked for.
  const near = fc.oneof(
    fc.tuple(fc.nat(3), octet).map(([a, b]) => `10.0.${a}.${b}`),
    fc.tuple(fc.nat(1), fc.nat(300)).map(([a, b]) => `2001:db8:${a}::${b.toString(16)}`),
  );
  const range = fc.oneof(
    near,
    fc.tuple(near, near).map(([a, b]) => `${a}..${b}`),
    fc
      .tuple(near, fc.nat(12))
      .map(
        ([a, n]) =>
          `${formatAddress(networkOf(parseAddress(a)!, (a.includes(':') ? 128 : 32) - n))}/${(a.includes(':') ? 128 : 32) - n}`,
      ),
  );
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), fc.array(near, { minLength: 1, maxLength: 20 }), (texts, asked) => {
      const ranges = texts.map(parseAddressRange).filter((one) => typeof one !== 'string');
      const set = addressSet(ranges);
      const number = (text: string) =>
        parseAddress(text)!.words.reduce((sum, word) => sum * 2n ** 32n + BigInt(word), 0n);
      const big = (words: readonly number[]) => words.reduce((sum, word) => sum * 2n ** 32n + BigInt(word), 0n);
      for (const text of asked) {
        const address = parseAddress(text)!;
        const isIn = ranges.some(
          ({ first, last }) =>
            first.family === address.family && big(first.words) <= number(text) && number(text) <= big(last.words),
        );
        assert.equal(set.has(address), isIn, text);
      }
    }),
  );
});
