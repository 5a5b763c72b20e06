import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SecurityEvent } from '../core/mod.ts';
import { EventStore } from './event-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
after(() => rmSync(directory, { recursive: true }));

const event = (RayID: string, more: Partial<SecurityEvent> = {}) =>
  ({ RayID, ZoneID: 'z1', Action: 'block', RuleID: 'r1', ...more }) as SecurityEvent;
const open = (name = directory) => new EventStore(name, (reason) => assert.fail(reason));
const rays = (events: readonly SecurityEvent[]) => events.map(({ RayID }) => RayID);

test('events are listed newest first, by zone and filter, and are there after a restart', async () => {
  const store = open();
  store.add({ events: [event('1'), event('2', { Action: 'log' }), event('3', { ZoneID: 'z2' })] });
  store.add({ events: [event('4')] });
  assert.deepEqual(rays(store.list('z1', {})), ['4', '2', '1']);
  assert.deepEqual(rays(store.list('z1', { Action: 'log' })), ['2']);
  assert.deepEqual(rays(store.list('z2', {})), ['3']);
  await store.close();
  assert.deepEqual(rays(open().list('z1', {})), ['4', '2', '1']);
});

test('whoever follows gets new events of the zone until the end', async () => {
  const store = open();
  const seen: string[] = [];
  const onEvent = ({ RayID }: SecurityEvent) => seen.push(RayID);
  const end = store.follow('z1', { Action: 'block' }, { onEvent, onEnd: () => seen.push('end') });
  store.add({ events: [event('5'), event('6', { Action: 'log' }), event('7', { ZoneID: 'z2' })] });
  end();
  store.add({ events: [event('8')] });
  store.follow('z1', {}, { onEvent, onEnd: () => seen.push('end') });
  store.endFollowing();
  assert.deepEqual(seen, ['5', 'end']);
  await store.close();
});

test('the number of events in memory is bounded', async () => {
  const store = open(mkdtempSync(join(directory, 'other-')));
  for (let i = 0; i < 30; i++) {
    store.add({ events: [...Array(1_000).keys()].map((n) => event(String(i * 1_000 + n))) });
  }
  const listed = store.list('z1', {});
  assert.ok(listed.length <= 21_000);
  assert.equal(listed[0]?.RayID, '29999');
  await store.close();
});

test('events of workers that tell late are listed by when they happened', async () => {
  const store = open(mkdtempSync(join(directory, 'late-')));
  const at = (second: number) => ({ Datetime: `2026-01-01T00:00:0${second}.000Z` });
  store.add({ events: [event('2', at(2))] });
  store.add({ events: [event('1', at(1)), event('3', at(3))] });
  assert.deepEqual(rays(store.list('z1', {})), ['3', '2', '1']);
  await store.close();
});
