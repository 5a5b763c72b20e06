import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalIPv6, formatIPv6 } from './ipv6-text.ts';

const SPELLINGS: readonly [text: string, canonical: string][] = [
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['0::0:0:0.0.0.0', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['fe80:0000:0000:0000:0000:0000:0000:0000', 'fe80::'],
  ['1::', '1::'],
  ['10:0:0:10::', '10:0:0:10::'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['0:0:0:0:0:FFFF:CB00:7107', '203.0.113.7'],
  ['64:ff9b::203.0.113.7', '64:ff9b::cb00:7107'],
];
for (const [text, canonical] of SPELLINGS) {
  test(`${text} is ${canonical}`, () => assert.equal(canonicalIPv6(text), canonical));
}

test('every address has one spelling, and means what it meant', () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const long = groups.map((value) => value.toString(16).padStart(4, '0')).join(':');
      const short = formatIPv6(groups);
      assert.equal(canonicalIPv6(long), short);
      if (net.isIPv4(short)) return;
      assert.ok(net.isIPv6(short), short);
      assert.equal(canonicalIPv6(short), short);
      assert.equal(short, new URL(`http://[${long}]/`).hostname.slice(1, -1));
    }),
  );
  fc.assert(fc.property(fc.ipV6(), (text) => assert.ok(net.isIP(canonicalIPv6(text)) > 0)));
});
