import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Enforcement, OriginProof } from '../core/mod.ts';
import { KnownProofs } from './origin-proofs.ts';

const proof = (address: string, enforcement: Enforcement, at = 0): OriginProof => ({
  zoneId: 'z1',
  hostname: 'www.a.test',
  address,
  enforcement,
  at,
});

/** An origin is as closed as its most open address. */
const TABLE: readonly (readonly [readonly Enforcement[], string])[] = [
  [[], 'not_tried'],
  [['enforced'], 'enforced'],
  [['enforced', 'enforced'], 'enforced'],
  [['enforced', 'unknown'], 'unknown'],
  [['enforced', 'unknown', 'not_enforced'], 'not_enforced'],
];

for (const [found, state] of TABLE)
  test(`addresses that are [${found}]: ${state}`, () => {
    const known = new KnownProofs(() => 0);
    known.add(found.map((enforcement, i) => proof(`192.0.2.${i}:443`, enforcement)));
    const { state: is, text, at } = known.of('z1', 'www.a.test');
    assert.equal(is, state);
    assert.match(text, state === 'not_tried' ? /^Not tried/ : /^Presented/);
    assert.equal(at, found.length === 0 ? null : '1970-01-01T00:00:00Z');
  });

test('the newest of an address counts, another zone and hostname are others, and what is old is forgotten', () => {
  let now = 0;
  const known = new KnownProofs(() => now);
  known.add([proof('192.0.2.1:443', 'not_enforced')]);
  known.add([proof('192.0.2.1:443', 'enforced')]);
  assert.equal(known.of('z1', 'www.a.test').state, 'enforced');
  assert.equal(known.of('z2', 'www.a.test').state, 'not_tried');
  assert.equal(known.of('z1', 'a.test').state, 'not_tried');
  assert.deepEqual(known.counts(), { enforced: 1, not_enforced: 0, unknown: 0 });
  now = 3 * 3_600_000;
  assert.equal(known.of('z1', 'www.a.test').state, 'not_tried');
  assert.deepEqual(known.counts(), { enforced: 0, not_enforced: 0, unknown: 0 });
});
