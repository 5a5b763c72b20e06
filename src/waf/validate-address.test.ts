import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalAddress, canonicalRange } from './validate-address.ts';

test('addresses and ranges have one spelling', () => {
  for (const [text, canonical] of [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
    ['::/0', '::/0'],
    ['192.0.2.1/24', null],
    ['2001:db8::1/32', null],
    ['192.0.2.0/33', null],
    ['::/129', null],
    ['::ffff:192.0.2.0/24', null],
    ['192.0.2.0/024', null],
    ['192.0.2.0/', null],
    ['192.0.2.0/24/24', null],
    ['192.0.2', null],
    ['01.2.3.4', null],
    ['fe80::1%lo', null],
    ['', null],
    [' 192.0.2.1', null],
  ] as const) {
    assert.equal(canonicalRange(text), canonical, text);
    assert.equal(canonicalAddress(text), text.includes('/') ? null : canonical, text);
  }
});
