import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RateCount } from '../core/mod.ts';
import { CounterShares } from './counter-shares.ts';
import { MemoryCounters } from './counters.ts';
import { SharedCounters } from './shared-counters.ts';

const PERIOD = 10_000;
const count = (more: Partial<RateCount> = {}): RateCount => ({
  key: 'a',
  limit: 10,
  period: PERIOD,
  timeout: 0,
  reads: true,
  adds: 1,
  ...more,
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Workers and the place that counts for them; what they say to each other arrives, in order, at the next turn of the event loop. */
function fleet(size: number) {
  const clock = { now: 0 };
  const now = () => clock.now;
  let messages = 0;
  const deliver = (work: () => void) => {
    messages++;
    setImmediate(work);
  };
  // A machine that stands still for a moment must not look like a worker that does not answer.
  const timeLimit = 120_000;
  const shares = new CounterShares(
    new MemoryCounters(now),
    now,
    (worker, key) => deliver(() => (worker as SharedCounters).recalled([key])),
    timeLimit,
  );
  const workers = Array.from({ length: size }, () => {
    const worker: SharedCounters = new SharedCounters(
      (asks, returns) => {
        deliver(async () => {
          for (const returned of returns) shares.giveBack(worker, returned);
          for (const ask of asks) {
            const answer = shares.ask(worker, ask);
            if (answer instanceof Promise) {
              answer.then((grant) => deliver(() => worker.answered([grant])));
            } else deliver(() => worker.answered([answer]));
          }
        });
        return true;
      },
      new MemoryCounters(now),
      now,
      timeLimit,
    );
    return worker;
  });
  return { clock, workers, shares, messages: () => messages };
}

test('workers that share a counter let exactly the limit pass', async () => {
  const { workers } = fleet(4);
  const answers = await Promise.all(workers.flatMap((worker) => [...Array(25)].map(() => worker.take(count()))));
  assert.equal(answers.filter(({ isOver }) => !isOver).length, 10);
});

test('a request that comes within the share of its worker asks nobody', async () => {
  const { workers, messages } = fleet(2);
  const take = () => workers[0]!.take(count({ limit: 1_000 }));
  await take();
  const asked = messages();
  for (let i = 0; i < 400; i++) assert.ok(!(take() instanceof Promise));
  assert.equal(messages(), asked);
});

test('who is over the limit is refused without asking, until it may be otherwise', async () => {
  const { workers, messages, clock } = fleet(1);
  const take = () => workers[0]!.take(count());
  for (let i = 0; i < 10; i++) await take();
  assert.equal((await take()).isOver, true);
  const asked = messages();
  clock.now = PERIOD - 1;
  assert.deepEqual(take(), { isOver: true });
  assert.equal(messages(), asked);
  // A tenth of the period later one of ten is forgotten.
  clock.now = PERIOD * 1.1 + 1;
  assert.equal((await take()).isOver, false);
});

test('who went over the limit is held back at every worker for the whole timeout', async () => {
  const { workers, clock } = fleet(2);
  const take = (i: number) => workers[i]!.take(count({ timeout: 60_000 }));
  for (let i = 0; i < 10; i++) await take(i % 2);
  assert.equal((await take(0)).isOver, true);
  clock.now = 59_999;
  assert.equal((await take(1)).isOver, true);
  clock.now = 60_000;
  assert.equal((await take(1)).isOver, false);
});

test('what is counted without a question counts, and a look counts nothing', async () => {
  const { workers } = fleet(2);
  const look = async (i: number) => (await workers[i]!.take(count({ adds: 0 }))).isOver;
  for (let i = 0; i < 5; i++) assert.equal(await look(i % 2), false);
  await workers[0]!.take(count({ reads: false, adds: 4 }));
  await workers[1]!.take(count({ reads: false, adds: 5 }));
  assert.deepEqual([await look(0), await look(1)], [false, false]);
  await workers[0]!.take(count({ reads: false }));
  assert.deepEqual([await look(0), await look(1)], [true, true]);
});

test('what a worker used of its share is not lost when it goes', async () => {
  const { workers, shares } = fleet(2);
  await workers[0]!.take(count());
  workers[0]!.take(count());
  workers[0]!.returnAll();
  await turn();
  shares.gone(workers[0]!);
  const answers = await Promise.all([...Array(12)].map(() => workers[1]!.take(count())));
  assert.equal(answers.filter(({ isOver }) => !isOver).length, 8);
});

test('the share of a worker that was killed counts as used', async () => {
  const { workers, shares } = fleet(2);
  await workers[0]!.take(count());
  shares.gone(workers[0]!);
  const answers = await Promise.all([...Array(12)].map(() => workers[1]!.take(count())));
  assert.equal(answers.filter(({ isOver }) => !isOver).length, 5);
});

test('a worker that does not give its share back holds nobody up for long: it counts as used', async () => {
  const now = () => 0;
  const shares = new CounterShares(new MemoryCounters(now), now, () => undefined);
  const ask = { key: 'a', limit: 10, period: PERIOD, timeout: 0, requests: 1, looks: false, adds: 0 };
  const [silent, other] = [{}, {}];
  assert.equal((await shares.ask(silent, ask)).share, 4);
  assert.deepEqual(await shares.ask(other, { ...ask, requests: 9 }), {
    key: 'a',
    granted: 5,
    isOver: true,
    until: PERIOD,
    share: 0,
    window: 0,
  });
  // Back too late, it does not count twice.
  shares.giveBack(silent, { key: 'a', window: 0, used: 4 });
  assert.equal((await shares.ask(other, { ...ask, limit: 11 })).granted, 1);
});

test('a control plane that goes while questions wait to be sent: they are counted here, once each', async () => {
  const worker: SharedCounters = new SharedCounters(
    () => false,
    new MemoryCounters(() => 0),
    () => 0,
  );
  const before = [...Array(6)].map(() => worker.take(count()));
  const other = worker.take(count({ key: 'b' }));
  worker.lost();
  const after = [...Array(6)].map(() => worker.take(count()));
  const answers = await Promise.all([...before, ...after]);
  assert.equal(answers.filter(({ isOver }) => isOver).length, 2);
  assert.equal((await other).isOver, false);
});

for (const [what, ask] of [
  ['nobody can be asked', () => false],
  ['an answer takes too long', () => true],
] as const)
  test(`where ${what}, a worker counts for itself`, async () => {
    const worker = new SharedCounters(ask, new MemoryCounters(() => 0), () => 0, 1);
    const answers = await Promise.all([...Array(12)].map(() => worker.take(count())));
    assert.equal(answers.filter(({ isOver }) => isOver).length, 2);
  });

test('whatever the order, nobody is let in over the limit, and nobody refused below it', async () => {
  const step = fc.record({ worker: fc.nat(2), requests: fc.nat(12), pass: fc.nat(6_000), turns: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 30 }), async (steps, limit) => {
      const { clock, workers, messages } = fleet(3);
      const passed: number[] = [];
      /** What was let in within the last period, by the definition of the sliding window. */
      const estimated = () => {
        const window = Math.floor(clock.now / PERIOD);
        const within = (which: number) => passed.filter((at) => Math.floor(at / PERIOD) === which).length;
        return within(window) + within(window - 1) * (window + 1 - clock.now / PERIOD);
      };
      const wrong: string[] = [];
      for (const { worker, requests, pass, turns } of steps) {
        for (let i = 0; i < requests; i++) {
          const check = ({ isOver }: { isOver: boolean }) => {
            const before = estimated();
            if (isOver !== before >= limit) wrong.push(`${isOver ? 'refused' : 'let in'} at ${before} of ${limit}`);
            if (!isOver) passed.push(clock.now);
          };
          const answer = workers[worker]!.take(count({ limit }));
          if (answer instanceof Promise) void answer.then(check);
          else check(answer);
        }
        for (let i = 0; i < turns; i++) await turn();
        if (pass === 0) continue;
        // Time passes when nothing is under way.
        for (let before = -1; before !== messages(); ) {
          before = messages();
          for (let i = 0; i < 4; i++) await turn();
        }
        clock.now += pass;
      }
      for (let i = 0; i < 40; i++) await turn();
      assert.deepEqual(wrong, []);
    }),
    { numRuns: 300 },
  );
});
