import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Challenges, CLEARANCE_COOKIE, challengeKey, challengePage, returnPath } from './challenge.ts';

const visitor = { zoneId: 'z1', address: '203.0.113.7', userAgent: 'Browser/1' };

function work(token: string, bits: number): string {
  for (let nonce = 0; ; nonce++) {
    const hash = createHash('sha256').update(`${token}:${nonce}`).digest();
    if (Math.clz32(hash.readUInt32BE(0)) >= bits) return String(nonce);
  }
}

function challenges(now: () => number = () => 0): Challenges {
  const made = new Challenges(now);
  made.useKeys([challengeKey(new Uint8Array(32).fill(7))]);
  return made;
}

test('work gives a clearance, which opens that challenge and easier ones to that visitor alone', () => {
  const made = challenges();
  const task = made.task('js_challenge', visitor)!;
  const { cookie } = made.solve(task.token, work(task.token, task.bits), visitor)!;
  const field = `a=b; ${CLEARANCE_COOKIE}=${cookie}`;
  assert.equal(made.isCleared('js_challenge', field, visitor), true);
  assert.equal(made.isCleared('managed_challenge', field, visitor), true);
  assert.equal(made.isCleared('challenge', field, visitor), false);
  for (const other of [{ zoneId: 'z2' }, { address: '203.0.113.8' }, { userAgent: 'Browser/2' }]) {
    assert.equal(made.isCleared('js_challenge', field, { ...visitor, ...other }), false);
  }
});

test('no clearance without work, for another task, or from a task', () => {
  const made = challenges();
  const { token } = made.task('challenge', visitor)!;
  const lazy = [...Array(50).keys()].map((nonce) => made.solve(token, String(nonce), visitor)).filter(Boolean);
  assert.ok(lazy.length <= 1);
  const easier = token.replace(/\.16\./, '.0.');
  assert.equal(made.solve(easier, '0', visitor), null);
  assert.equal(made.isCleared('managed_challenge', `${CLEARANCE_COOKIE}=${token}`, visitor), false);
});

test('tasks and clearances end, and so do keys', () => {
  let now = 0;
  const made = challenges(() => now);
  const task = made.task('managed_challenge', visitor)!;
  const nonce = work(task.token, task.bits);
  const field = `${CLEARANCE_COOKIE}=${made.solve(task.token, nonce, visitor)!.cookie}`;
  now = 6 * 60_000;
  assert.equal(made.solve(task.token, nonce, visitor), null);
  assert.equal(made.isCleared('managed_challenge', field, visitor), true);
  const old = challengeKey(new Uint8Array(32).fill(7));
  made.useKeys([challengeKey(new Uint8Array(32).fill(8)), old]);
  assert.equal(made.isCleared('managed_challenge', field, visitor), true);
  now = 31 * 60_000;
  assert.equal(made.isCleared('managed_challenge', field, visitor), false);
});

test('without a key there is no task', () => assert.equal(new Challenges(() => 0).task('challenge', visitor), null));

test('a visitor goes back to the same host only', () => {
  assert.equal(returnPath('/a?b=c'), '/a?b=c');
  for (const path of ['//evil.test/', '/\\evil.test', 'https://evil.test/', '', null, '/a\r\nX: 1', '/a b'])
    assert.equal(returnPath(path), '/');
});

test('the page loads nothing', () => {
  const page = challengePage({ token: '1.2.x', bits: 13 }, 'ray');
  assert.doesNotMatch(page, /src=|href=|https?:\/\//);
});
