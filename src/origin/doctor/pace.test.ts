import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paceOf } from './pace.ts';

for (const [addresses, pace] of [
  [['127.0.0.1', '::1'], Number.POSITIVE_INFINITY],
  [['127.0.0.1', '192.0.2.1'], 10],
  [['1270::1'], 10],
  [['2001:db8::1'], 10],
] as const)
  test(`${addresses.join(', ')}: ${pace} attempts a second`, () =>
    assert.equal(paceOf(addresses.map((address) => ({ address, port: 443 }))), pace));
