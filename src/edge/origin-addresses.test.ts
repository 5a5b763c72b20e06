import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startBlackHole } from '../../test/doubles/black-hole.ts';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { eachRequest, get, response, type ScriptedOrigin, scriptedOrigin } from '../../test/doubles/wire.ts';
import type { Limits, ZoneSettings } from '../core/mod.ts';
import type { AccessRecord } from '../observe/mod.ts';
import type { ResolvedAddress, ResolveName } from '../platform/mod.ts';

let origin: ScriptedOrigin;
/** Accepts connections on another address and the same port, and hangs up in the handshake. */
let broken: ScriptedOrigin;
/** Accepts connections on one more address, and says nothing. */
let silent: ScriptedOrigin;
const cleanUp: (() => unknown)[] = [];

before(async () => {
  const ca = await makeCa('Origin CA');
  const { certificate, privateKey } = await makeServer(ca, 'www.a.test');
  origin = await scriptedOrigin(
    (socket) => eachRequest(socket, () => socket.end(response('from the origin', '200 OK', 'Connection: close\r\n'))),
    { cert: certificate, key: privateKey },
  );
  broken = await scriptedOrigin((socket) => socket.destroy(), undefined, { host: '127.0.0.2', port: origin.port });
  silent = await scriptedOrigin(() => undefined, undefined, { host: SILENT, port: origin.port });
});
after(async () => {
  for (const clean of cleanUp.reverse()) await clean();
  origin.close();
  broken.close();
  silent.close();
});

const GOOD = '127.0.0.1';
const BROKEN = '127.0.0.2';
const CLOSED = '127.0.0.3';
const CLOSED_TOO = '127.0.0.4';
const SILENT = '127.0.0.5';

async function edgeTo(
  addresses: readonly string[],
  resolve?: ResolveName,
  limits: Partial<Limits> = {},
  settings: Partial<ZoneSettings> = {},
): Promise<TestEdge> {
  const policy: Policy = { settings, hosts: { www: { port: origin.port, addresses } } };
  const edge = await startEdge(policy, { drain: 500, ...limits }, [], resolve);
  cleanUp.push(() => edge.edge.drain());
  return edge;
}

/** What finds these addresses for the one name. */
const nameOf =
  (...addresses: readonly string[]): ResolveName =>
  async (name) =>
    name === 'origin.test'
      ? addresses.map((address): ResolvedAddress => ({ address, family: address.includes(':') ? 6 : 4, ttl: 60 }))
      : [];

/** An edge whose origin is a name with these addresses. */
const edgeToName = (...addresses: readonly string[]): Promise<TestEdge> =>
  edgeTo(['origin.test'], nameOf(...addresses));

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

for (const version of ['1', '2'] as const) {
  test(`a name, HTTP/${version} offered: an address that is silent in the handshake is left for another in the one retry`, async () => {
    const before = silent.connections();
    const limits = { originHandshake: 300, connect: 300, linger: 100 };
    const edge = await edgeTo(['origin.test'], nameOf(SILENT, GOOD), limits, { origin_max_http_version: version });
    assert.equal(await statusOf(edge), 200);
    assert.equal(await statusOf(edge), 200);
    assert.equal(silent.connections(), before + 1);
    assert.deepEqual(
      edge.log().map(({ OriginIP }) => OriginIP),
      [GOOD, GOOD],
    );
  });
}

test('a name with an IPv6 address that swallows every attempt: IPv4 gets its turn, and comes first from then on', async () => {
  const hole = await startBlackHole('::1', origin.port);
  cleanUp.push(() => hole.close());
  for (const version of ['1', '2'] as const) {
    const edge = await edgeTo(['origin.test'], nameOf('::1', GOOD), {}, { origin_max_http_version: version });
    assert.equal(await statusOf(edge), 200);
    assert.equal(await statusOf(edge), 200);
    const [first, second] = edge.log();
    const took = ({ EdgeStartTimestamp, EdgeEndTimestamp }: AccessRecord) =>
      Date.parse(EdgeEndTimestamp) - Date.parse(EdgeStartTimestamp);
    assert.ok(took(first!) >= 240 && took(first!) < 2_000, `${took(first!)} ms`);
    assert.ok(took(second!) < 240, `${took(second!)} ms`);
    assert.equal(first!.OriginIP, GOOD);
  }
});
