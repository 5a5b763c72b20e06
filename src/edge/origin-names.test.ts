import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResolvedAddress } from '../platform/mod.ts';
import { OriginNames } from './origin-names.ts';

const four = (address: string, ttl = 10): ResolvedAddress => ({ address, family: 4, ttl });
const six = (address: string, ttl = 10): ResolvedAddress => ({ address, family: 6, ttl });

/** Names over answers and a clock that the test owns. */
function setUp(...answers: (readonly ResolvedAddress[] | Error)[]) {
  const clock = { now: 0 };
  const asked: string[] = [];
  const names = new OriginNames(
    async (name) => {
      asked.push(name);
      const answer = answers[Math.min(asked.length, answers.length) - 1]!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    () => clock.now,
  );
  const find = (name = 'origin.test'): Promise<string> =>
    new Promise((resolve) => {
      names.lookup(name, { all: true }, (error, found) =>
        resolve(
          error === null
            ? (found as ResolvedAddress[]).map(({ address }) => address).join(' ')
            : (error as NodeJS.ErrnoException).code!,
        ),
      );
    });
  return { clock, asked, names, find };
}

test('IPv6 and IPv4 by turns, IPv6 first', async () => {
  const { find } = setUp([four('1.1.1.1'), four('1.1.1.2'), four('1.1.1.3'), six('::1'), six('::2')]);
  assert.equal(await find(), '::1 1.1.1.1 ::2 1.1.1.2 1.1.1.3');
});

test('an answer is kept for the shortest TTL in it, and asked for once however many wait', async () => {
  const { clock, asked, find } = setUp([four('1.1.1.1', 60), four('1.1.1.2', 20)], [four('1.1.1.3')]);
  await Promise.all([find(), find(), find()]);
  clock.now = 19_999;
  assert.equal(await find(), '1.1.1.1 1.1.1.2');
  assert.equal(asked.length, 1);
  clock.now = 20_000;
  assert.deepEqual(await Promise.all([find(), find()]), ['1.1.1.3', '1.1.1.3']);
  assert.equal(asked.length, 2);
});

test('a TTL of nothing is a second, and one of a year is an hour', async () => {
  const { clock, asked, find } = setUp([four('1.1.1.1', 0)], [four('1.1.1.1', 31_536_000)]);
  await find();
  clock.now = 999;
  await find();
  assert.equal(asked.length, 1);
  clock.now = 1_000;
  await find();
  clock.now += 3_599_999;
  await find();
  assert.equal(asked.length, 2);
  clock.now += 1;
  await find();
  assert.equal(asked.length, 3);
});

test('that there is no address is kept for 5 s, that nobody could be asked is not', async () => {
  const { clock, asked, find } = setUp([], new Error('no server answers'), [four('1.1.1.1')]);
  assert.equal(await find(), 'ENOTFOUND');
  clock.now = 4_999;
  assert.equal(await find(), 'ENOTFOUND');
  assert.equal(asked.length, 1);
  clock.now = 5_000;
  assert.equal(await find(), 'EAI_AGAIN');
  assert.equal(await find(), '1.1.1.1');
});

test('what worked last comes first, what failed comes last, also after the next answer', async () => {
  const answer = [four('1.1.1.1'), four('1.1.1.2'), four('1.1.1.3')];
  const { clock, names, find } = setUp(answer);
  await find();
  names.worked('origin.test', '1.1.1.2');
  assert.equal(await find(), '1.1.1.2 1.1.1.1 1.1.1.3');
  names.failed('origin.test', '1.1.1.2');
  assert.equal(await find(), '1.1.1.1 1.1.1.3 1.1.1.2');
  names.worked('origin.test', '1.1.1.3');
  clock.now = 10_000;
  assert.equal(await find(), '1.1.1.3 1.1.1.1 1.1.1.2');
  names.worked('other.test', '1.1.1.1');
  assert.equal(names.hasSeveral('origin.test'), true);
  assert.equal(names.hasSeveral('other.test'), false);
});

test('the names that are kept are bounded', async () => {
  const { asked, find } = setUp([four('1.1.1.1')]);
  for (let i = 0; i <= 10_000; i++) await find(`${i}.test`);
  await find('10000.test');
  assert.equal(asked.length, 10_001);
  await find('0.test');
  assert.equal(asked.length, 10_002);
});
