import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SecurityEvent } from '../../src/core/mod.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';

let control: TestControlPlane;
before(async () => {
  control = await startControlPlane();
});
after(() => control.close());

const event = (RayID: string, Action = 'block') =>
  ({ RayID, Action, ZoneID: control.zone.id, ClientIP: '203.0.113.7' }) as SecurityEvent;
const ask = (query: string, headers: Record<string, string> = {}) =>
  fetch(`${control.api}/zones/${control.zone.id}/countersign/events${query}`, {
    headers: { Authorization: `Bearer ${control.token}`, ...headers },
  });

test('events come newest first, filtered and in pages', async () => {
  control.plane.events.add({
    events: [...Array(8).keys()].map((n) => event(`r${n}`, n % 2 ? 'log' : 'block')),
  });
  const all = (await (await ask('?per_page=5')).json()) as { result: SecurityEvent[]; result_info: object };
  assert.deepEqual(
    all.result.map(({ RayID }) => RayID),
    ['r7', 'r6', 'r5', 'r4', 'r3'],
  );
  assert.deepEqual(all.result_info, { page: 1, per_page: 5, count: 5, total_count: 8, total_pages: 2 });
  const logs = (await (await ask('?action=log&ip=203.0.113.7')).json()) as { result: SecurityEvent[] };
  assert.equal(logs.result.length, 4);
});

test('a stream tells of events as they come, and ends with the program', async () => {
  const response = await ask('?action=block', { Accept: 'text/event-stream' });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  control.plane.events.add({ events: [event('x1', 'log'), event('x2')] });
  let text = '';
  while (!text.includes('\n\n')) text += (await reader.read()).value;
  assert.match(text, /^event: security\ndata: \{.*"RayID":"x2".*\}\nid: x2\n\n$|"RayID":"x2"/);
  assert.doesNotMatch(text, /x1/);
  control.plane.events.endFollowing();
  while (!(await reader.read()).done);
});

test('nobody reads the events of somebody else', async () => {
  const response = await fetch(`${control.api}/zones/${control.zone.id}/countersign/events`);
  assert.equal(response.ok, false);
});
