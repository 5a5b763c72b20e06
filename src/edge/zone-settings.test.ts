import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Policy, startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import {
  eachRequest,
  get,
  response,
  type ScriptedOrigin,
  scriptedOrigin,
  visitHttp,
  visitHttps,
} from '../../test/doubles/wire.ts';
import type { ZoneSettings } from '../core/mod.ts';

let edge: TestEdge;
let origin: ScriptedOrigin;
let policy: Policy;

before(async () => {
  origin = await scriptedOrigin((socket) =>
    eachRequest(socket, (request) => {
      if (!request.startsWith('GET /silent')) socket.write(response('from the origin'));
    }),
  );
  policy = { ssl: 'flexible', hosts: { www: { port: origin.port } } };
  edge = await startEdge(policy, { drain: 500, linger: 100 });
});
after(async () => {
  await edge.edge.drain();
  origin.close();
});

const change = (settings: Partial<ZoneSettings>, more: Partial<Policy> = {}): Promise<void> =>
  edge.apply({ ...policy, ...more, settings });

async function getHttp(path: string): Promise<string> {
  const visitor = await visitHttp(edge);
  visitor.send(`GET ${path} HTTP/1.1\r\nHost: WWW.a.test\r\nConnection: close\r\n\r\n`);
  return await visitor.end();
}

test('always_use_https: an http visitor is sent to https before any origin is asked, an https visitor is served', async () => {
  await change({ always_use_https: 'on' });
  const connections = origin.connections();
  const sent = await getHttp('/a?b=c');
  assert.match(sent, /^HTTP\/1\.1 301 Moved Permanently\r\n[\s\S]*\r\nLocation: https:\/\/www\.a\.test\/a\?b=c\r\n/);
  assert.equal(origin.connections(), connections);
  assert.match(await get(edge, 'www'), /from the origin$/);
  await change({});
  assert.match(await getHttp('/'), /from the origin$/);
});

test('always_use_https does nothing in mode off, which sends visitors the other way', async () => {
  await change({ always_use_https: 'on' }, { ssl: 'off' });
  assert.match(await getHttp('/'), /from the origin$/);
});

test('websockets off: the upgrade is refused before any origin is asked, other requests are not', async () => {
  await change({ websockets: 'off' });
  const visitor = await visitHttps(edge, 'www');
  visitor.send('GET /chat HTTP/1.1\r\nHost: www.a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  assert.match(await visitor.end(), /^HTTP\/1\.1 403 /);
  assert.match(await get(edge, 'www'), /from the origin$/);
});

test('proxy_read_timeout is the time of the origin, from the next request on, on a connection that was there before', async () => {
  await change({});
  const connections = origin.connections();
  assert.match(await get(edge, 'www'), /from the origin$/);
  await change({ proxy_read_timeout: 1 });
  assert.match(await get(edge, 'www', '/silent'), /^HTTP\/1\.1 524 /);
  assert.ok(origin.connections() <= connections + 1);
});
