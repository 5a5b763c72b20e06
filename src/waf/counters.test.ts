import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RateCount } from '../core/mod.ts';
import { MemoryCounters } from './counters.ts';

const SECOND = 1_000;
const request = (key: string, more: Partial<RateCount> = {}): RateCount => ({
  key,
  limit: 3,
  period: 10 * SECOND,
  timeout: 0,
  reads: true,
  adds: 1,
  ...more,
});

test('the limit passes, the next does not', () => {
  const counters = new MemoryCounters(() => 0);
  const answers = [1, 2, 3, 4].map(() => counters.take(request('a')).isOver);
  assert.deepEqual(answers, [false, false, false, true]);
  assert.equal(counters.take(request('b')).isOver, false);
});

test('with a timeout of 0 only the excess is held back', () => {
  let now = 0;
  const counters = new MemoryCounters(() => now);
  let passed = 0;
  // Two a second for a hundred seconds, where three in ten seconds may pass.
  for (let i = 0; i < 200; i++, now += 500) if (!counters.take(request('a')).isOver) passed++;
  assert.ok(passed >= 27 && passed <= 33, `${passed} passed`);
});

test('who went over the limit is held back for the whole timeout, and not longer', () => {
  let now = 0;
  const counters = new MemoryCounters(() => now);
  const take = () => counters.take(request('a', { timeout: 60 * SECOND })).isOver;
  for (let i = 0; i < 3; i++) take();
  assert.equal(take(), true);
  now = 59_999;
  assert.equal(take(), true);
  now = 60_000;
  assert.equal(take(), false);
});

test('the window slides: half of the window before counts in the middle of the next', () => {
  let now = 9 * SECOND;
  const counters = new MemoryCounters(() => now);
  const take = () => counters.take(request('a', { limit: 4 })).isOver;
  for (let i = 0; i < 4; i++) assert.equal(take(), false);
  now = 10 * SECOND;
  assert.equal(take(), true);
  now = 15 * SECOND;
  assert.deepEqual([take(), take(), take()], [false, false, true]);
});

test('to add without asking, and to ask without adding', () => {
  const counters = new MemoryCounters(() => 0);
  for (let i = 0; i < 5; i++) assert.equal(counters.take(request('a', { adds: 0 })).isOver, false);
  assert.equal(counters.size, 0);
  assert.equal(counters.take(request('a', { reads: false, adds: 100 })).isOver, false);
  assert.equal(counters.take(request('a', { adds: 0 })).isOver, true);
});

test('a flood of keys forgets low counts, never those who are held back', () => {
  const counters = new MemoryCounters(() => 0, 1_000);
  const held = (key: string) => counters.take(request(key, { limit: 1, timeout: 60 * SECOND })).isOver;
  for (let i = 0; i < 100; i++) {
    held(`held${i}`);
    assert.equal(held(`held${i}`), true);
  }
  for (let i = 0; i < 3; i++) counters.take(request('high'));
  for (let i = 0; i < 100_000; i++) counters.take(request(`flood${i}`));
  assert.ok(counters.size <= 1_000);
  for (let i = 0; i < 100; i++) assert.equal(held(`held${i}`), true);
  assert.equal(counters.take(request('high')).isOver, true);
});

test('where everybody is held back, the oldest is forgotten', () => {
  const counters = new MemoryCounters(() => 0, 2);
  const over = (key: string) => counters.take(request(key, { limit: 1, timeout: 60 * SECOND })).isOver;
  for (const key of ['a', 'a', 'b', 'b', 'c']) over(key);
  assert.equal(counters.size, 2);
  assert.equal(over('b'), true);
  assert.equal(over('a'), false);
});
