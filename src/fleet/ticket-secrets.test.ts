import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TICKET_SECRET_LIFE, TicketSecrets } from './ticket-secrets.ts';

const HOUR = 3_600_000;

/** Secrets that say how many were made before them. */
function counted(): { readonly secrets: TicketSecrets; readonly at: (now: number) => number[] } {
  let made = 0;
  const secrets = new TicketSecrets((count) => new Uint8Array(count).fill(++made));
  const at = (now: number) => secrets.rotate(now).map((secret) => Buffer.from(secret, 'base64')[0]!);
  return { secrets, at };
}

test('a secret is the newest for 12 hours, the one before for 12 more, and then gone', () => {
  const { at } = counted();
  assert.deepEqual(at(0), [1]);
  assert.deepEqual(at(TICKET_SECRET_LIFE - 1), [1]);
  assert.deepEqual(at(TICKET_SECRET_LIFE), [2, 1]);
  assert.deepEqual(at(2 * TICKET_SECRET_LIFE - 1), [2, 1]);
  assert.deepEqual(at(2 * TICKET_SECRET_LIFE), [3, 2]);
});

test('after a long sleep of the machine nothing of before it is taken', () => {
  const { at } = counted();
  at(0);
  assert.deepEqual(at(48 * HOUR), [2]);
});

test('a secret has 32 bytes', () => {
  const { secrets } = counted();
  assert.equal(Buffer.from(secrets.rotate(0)[0]!, 'base64').length, 32);
});
