import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import type { Enforcement } from '../../src/core/mod.ts';
import type { ProveOrigin } from '../../src/edge/mod.ts';
import { tryWithoutCertificate } from '../../src/origin/mod.ts';
import type { IssuedCertificate } from '../../src/x509/mod.ts';
import { makeCa, makeClient, makeServer } from '../doubles/certificates.ts';
import { startEdge, type TestEdge } from '../doubles/edge.ts';
import { get } from '../doubles/wire.ts';
import { missing, SERVERS, type ServerName } from './server-process.ts';
import { MODES, type RealServer, startServer, VERSIONS } from './servers.ts';

const HOST = 'www.a.test';
const TIMEOUT = 2_000;
const tools = (attemptTimeout: number) => ({ attemptTimeout, clock: { now: () => Date.now() } });
const servers = new Map<ServerName, RealServer>();
let pair: IssuedCertificate;
let edge: TestEdge;
let onFound: (enforcement: Enforcement) => void = () => undefined;

/** Tells what came of an attempt of the edge's own. */
const prove: ProveOrigin = async (target) => {
  const enforcement = await tryWithoutCertificate(target, tools(TIMEOUT));
  setImmediate(onFound, enforcement);
  return enforcement;
};

before(async () => {
  const ca = await makeCa('Team CA');
  pair = await makeClient(ca, 'of zone');
  edge = await startEdge({ hosts: { www: { port: 1 } } }, { drain: 500 }, [], undefined, { proveOrigin: prove });
  const files = { ...(await makeServer(edge.root, HOST)), clientCas: ca.certificate };
  for (const name of SERVERS) if (!missing(name)) servers.set(name, await startServer(name, files));
});
after(async () => {
  await edge?.edge.drain();
  for (const server of servers.values()) await server.stop();
});

for (const server of SERVERS) {
  for (const mode of MODES) {
    for (const version of VERSIONS)
      test(`${server}, ${mode}, ${version}`, { skip: missing(server) }, async () => {
        const port = servers.get(server)!.port(mode, version);
        const target = { hostname: HOST, serverName: HOST, address: '127.0.0.1', port };
        const expected = mode === 'enforce' ? 'enforced' : 'not_enforced';
        assert.equal(await tryWithoutCertificate(target, tools(TIMEOUT)), expected);
      });
  }
}

/** Origins from which nothing can be told: none of them may pass for one that enforces. */
const UNCLEAR: Readonly<Record<string, (socket: net.Socket) => void>> = {
  'one that closes': (socket) => socket.end(),
  'one that resets': (socket) => socket.resetAndDestroy(),
  'one that says nothing': () => undefined,
  'one that speaks no TLS': (socket) => socket.end('220 mail.a.test\r\n'),
};

for (const [what, act] of Object.entries(UNCLEAR))
  test(`${what}: unknown`, async () => {
    const origin = net.createServer((socket) => act(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    const target = { hostname: HOST, serverName: HOST, address: '127.0.0.1', port };
    assert.equal(await tryWithoutCertificate(target, tools(300)), 'unknown');
    origin.close();
  });

for (const [status, expected] of [
  [200, 'not_enforced'],
  [302, 'not_enforced'],
  [404, 'not_enforced'],
  [400, 'unknown'],
  [403, 'unknown'],
  [421, 'unknown'],
  [429, 'unknown'],
  [503, 'unknown'],
  [496, 'enforced'],
] as const)
  test(`an application that answers ${status}: ${expected}`, async () => {
    const { certificate: cert, privateKey: key } = await makeServer(edge.root, HOST);
    const origin = tls
      .createServer({ cert, key }, (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`));
      })
      .listen(0, '127.0.0.1');
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    const target = { hostname: HOST, serverName: HOST, address: '127.0.0.1', port };
    assert.equal(await tryWithoutCertificate(target, tools(TIMEOUT)), expected);
    origin.close();
  });

for (const mode of MODES)
  test(`the edge finds out by itself: nginx, ${mode}`, { skip: missing('nginx') }, async () => {
    const port = servers.get('nginx')!.port(mode, 'TLSv1.3');
    await edge.apply({
      ssl: 'strict',
      zone: true,
      identities: { z: { level: 'zone', pair } },
      hosts: { www: { port } },
    });
    const found = new Promise<Enforcement>((resolve) => {
      onFound = resolve;
    });
    assert.match(await get(edge, 'www', '/index.html'), /^HTTP\/1.1 200 /);
    const expected = mode === 'enforce' ? 'enforced' : 'not_enforced';
    assert.equal(await found, expected);
    const [proof] = edge.edge.takeOriginProofs();
    assert.deepEqual(
      { ...proof, zoneId: '', at: 0 },
      { zoneId: '', hostname: HOST, address: `127.0.0.1:${port}`, enforcement: expected, at: 0 },
    );
  });

test('an origin that was presented nothing is not tried', { skip: missing('nginx') }, async () => {
  let tries = 0;
  onFound = () => tries++;
  await edge.apply({ ssl: 'strict', hosts: { www: { port: servers.get('nginx')!.port('accept', 'TLSv1.2') } } });
  assert.match(await get(edge, 'www', '/index.html'), /^HTTP\/1.1 200 /);
  assert.deepEqual([edge.edge.takeOriginProofs(), tries], [[], 0]);
});
