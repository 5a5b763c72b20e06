import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Enforcement } from '../core/mod.ts';
import { OriginProofs, type ProofTarget } from './origin-proofs.ts';

const HOUR = 3_600_000;
const target: ProofTarget = {
  zoneId: 'z1',
  hostname: 'www.a.test',
  serverName: 'www.a.test',
  address: '192.0.2.1',
  port: 443,
};

/** Proofs with a clock of the test, and what was asked of origins; `next` resolves with the next attempt. */
function proofs(enforcement: Enforcement) {
  const clock = { now: 1_000 };
  const tried: ProofTarget[] = [];
  let onTry: () => void = () => undefined;
  const next = () =>
    new Promise<void>((resolve) => {
      onTry = resolve;
    });
  const prove = async (one: ProofTarget) => {
    tried.push(one);
    setImmediate(onTry);
    return enforcement;
  };
  return {
    clock,
    tried,
    next,
    proofs: new OriginProofs(prove, () => clock.now, { again: HOUR, soon: HOUR / 6, pause: 1 }),
  };
}

test('an address that was presented a certificate is tried without, once', async () => {
  const { proofs: all, tried, next } = proofs('enforced');
  const first = next();
  for (let i = 0; i < 100; i++) all.presented(target);
  await first;
  assert.deepEqual(tried, [target]);
  const found = { zoneId: 'z1', hostname: 'www.a.test', address: '192.0.2.1:443', enforcement: 'enforced', at: 1_000 };
  assert.deepEqual(all.take(), [found]);
  assert.deepEqual(all.take(), []);
});

for (const [enforcement, wait] of [
  ['enforced', HOUR],
  ['not_enforced', HOUR / 6],
  ['unknown', HOUR / 6],
] as const)
  test(`where it is ${enforcement}, it is tried again after ${wait / 60_000} minutes`, async () => {
    const { proofs: all, tried, clock, next } = proofs(enforcement);
    let tries = next();
    all.presented(target);
    await tries;
    clock.now += wait - 1;
    all.presented(target);
    tries = next();
    clock.now += 1;
    all.presented({ ...target, address: '::1' });
    all.presented(target);
    await tries;
    tries = next();
    await tries;
    assert.deepEqual(
      tried.map(({ address }) => address),
      ['192.0.2.1', '::1', '192.0.2.1'],
    );
    assert.deepEqual(
      all.take().map(({ address }) => address),
      ['192.0.2.1:443', '[::1]:443', '192.0.2.1:443'],
    );
  });

test('however many names a wildcard has, few of them wait', () => {
  const { proofs: all } = proofs('enforced');
  for (let i = 0; i < 50_000; i++) all.presented({ ...target, hostname: `n${i}.a.test` });
  assert.ok(all.waiting <= 1_000, `${all.waiting}`);
  all.stop();
});

test('what another worker found out is not tried again', async () => {
  const { proofs: all, tried, clock, next } = proofs('enforced');
  all.heard([
    { zoneId: 'z1', hostname: 'www.a.test', address: '192.0.2.1:443', enforcement: 'enforced', at: clock.now },
  ]);
  all.presented(target);
  const tries = next();
  all.presented({ ...target, hostname: 'other.a.test' });
  await tries;
  assert.deepEqual(
    tried.map(({ hostname }) => hostname),
    ['other.a.test'],
  );
});
