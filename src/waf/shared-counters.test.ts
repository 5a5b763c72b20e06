import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryCounters } from './counters.ts';
import { type AskCounters, SharedCounters } from './shared-counters.ts';

const count = (key: string) => ({ key, limit: 10, period: 10_000, timeout: 0, reads: true, adds: 1 });

test('workers that share counters let exactly the limit pass', async () => {
  const shared = new MemoryCounters(() => 0);
  let batches = 0;
  const ask: AskCounters = async (counts) => {
    batches++;
    return counts.flatMap((one, i) => (shared.take(one).isOver ? [i] : []));
  };
  const workers = [1, 2, 3, 4].map(() => new SharedCounters(ask, new MemoryCounters(() => 0)));
  const answers = await Promise.all(workers.flatMap((worker) => [...Array(25)].map(() => worker.take(count('a')))));
  assert.equal(answers.filter(({ isOver }) => !isOver).length, 10);
  assert.equal(batches, 4);
});

test('where nobody answers, a worker counts for itself', async () => {
  const worker = new SharedCounters(async () => null, new MemoryCounters(() => 0));
  const answers = await Promise.all([...Array(12)].map(() => worker.take(count('a'))));
  assert.equal(answers.filter(({ isOver }) => isOver).length, 2);
});

test('where an answer takes too long, a worker counts for itself', async () => {
  const worker = new SharedCounters(() => new Promise(() => undefined), new MemoryCounters(() => 0), 1);
  const answers = await Promise.all([...Array(12)].map(() => worker.take(count('a'))));
  assert.equal(answers.filter(({ isOver }) => isOver).length, 2);
});
