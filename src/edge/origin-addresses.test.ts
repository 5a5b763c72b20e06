import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { eachRequest, get, response, type ScriptedOrigin, scriptedOrigin } from '../../test/doubles/wire.ts';
import type { ResolvedAddress, ResolveName } from '../platform/mod.ts';

let origin: ScriptedOrigin;
/** Accepts connections on another address and the same port, and hangs up in the handshake. */
let broken: ScriptedOrigin;
const cleanUp: (() => unknown)[] = [];

before(async () => {
  const ca = await makeCa('Origin CA');
  const { certificate, privateKey } = await makeServer(ca, 'www.a.test');
  origin = await scriptedOrigin(
    (socket) => eachRequest(socket, () => socket.end(response('from the origin', '200 OK', 'Connection: close\r\n'))),
    { cert: certificate, key: privateKey },
  );
  broken = await scriptedOrigin((socket) => socket.destroy(), undefined, { host: '127.0.0.2', port: origin.port });
});
after(async () => {
  for (const clean of cleanUp.reverse()) await clean();
  origin.close();
  broken.close();
});

const GOOD = '127.0.0.1';
const BROKEN = '127.0.0.2';
const CLOSED = '127.0.0.3';
const CLOSED_TOO = '127.0.0.4';

async function edgeTo(addresses: readonly string[], resolve?: ResolveName): Promise<TestEdge> {
  const policy: Policy = { hosts: { www: { port: origin.port, addresses } } };
  const edge = await startEdge(policy, { drain: 500 }, [], resolve);
  cleanUp.push(() => edge.edge.drain());
  return edge;
}

/** An edge whose origin is a name with these addresses. */
const edgeToName = (...addresses: readonly string[]): Promise<TestEdge> =>
  edgeTo(['origin.test'], async (name) =>
    name === 'origin.test'
      ? addresses.map((address): ResolvedAddress => ({ address, family: address.includes(':') ? 6 : 4, ttl: 60 }))
      : [],
  );

async function statusOf(edge: TestEdge): Promise<number> {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(await get(edge, 'www'))?.[1]);
}

test('several addresses: one retry on another one, and the one that worked comes first from then on', async () => {
  const edge = await edgeTo([BROKEN, GOOD]);
  const before = broken.connections();
  assert.equal(await statusOf(edge), 200);
  assert.equal(await statusOf(edge), 200);
  assert.equal(broken.connections(), before + 1);
  assert.deepEqual(
    edge.log().map(({ OriginIP }) => OriginIP),
    [GOOD, GOOD],
  );
});

test('one retry, not more: the third address is for the next request', async () => {
  const edge = await edgeTo([CLOSED, CLOSED_TOO, GOOD]);
  assert.equal(await statusOf(edge), 521);
});

test('a name: every address that takes no connection is passed over, whatever its family', async () => {
  const edge = await edgeToName('::1', CLOSED, CLOSED_TOO, GOOD);
  assert.equal(await statusOf(edge), 200);
  assert.equal(edge.log().at(-1)!.OriginIP, GOOD);
});

test('a name: an address that fails in the handshake is retried once on another, and comes last from then on', async () => {
  const edge = await edgeToName(BROKEN, GOOD);
  const before = broken.connections();
  assert.equal(await statusOf(edge), 200);
  assert.equal(await statusOf(edge), 200);
  assert.equal(broken.connections(), before + 1);
});

test('a name with one address that fails has no other: one try', async () => {
  const edge = await edgeToName(BROKEN);
  const before = broken.connections();
  assert.equal(await statusOf(edge), 525);
  assert.equal(broken.connections(), before + 1);
});

test('a name without addresses, and one that nobody can be asked for: 530', async () => {
  assert.equal(await statusOf(await edgeToName()), 530);
  const edge = await edgeTo(['origin.test'], () => Promise.reject(new Error('no server answers')));
  assert.equal(await statusOf(edge), 530);
});

test('a name of the hosts file is found by the system', async () => {
  assert.equal(await statusOf(await edgeTo(['localhost'])), 200);
});
