import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSeed } from '../doubles/random.ts';
import { fuzzHttp1 } from './http1/fuzz.ts';

test('no bytes make the codec throw or keep too much; what is written is read as what was parsed', async () => {
  const found = await fuzzHttp1({ seed: chooseSeed(), streams: 10_000 });
  assert.deepEqual(found.broken, [], JSON.stringify(found));
  // Without these the run would have shown nothing.
  assert.ok(found.requests > 5_000 && found.responses > 500 && found.refused > 2_000, JSON.stringify(found));
});
