import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startEdge, type TestEdge, ZONE } from '../../test/doubles/edge.ts';
import { get } from '../../test/doubles/wire.ts';
import type { ResolvedAddress } from '../platform/mod.ts';
import { OwnAddresses } from './own-addresses.ts';

const CASES: readonly [listener: string, own: readonly string[], others: readonly string[]][] = [
  ['127.0.0.1', ['127.0.0.1', '0.0.0.0', '::ffff:127.0.0.1', '::FFFF:7f00:1'], ['127.0.0.2', '::1', '192.0.2.7', '::']],
  ['::1', ['::1', '0:0:0:0:0:0:0:1', '::'], ['127.0.0.1', '::2']],
  ['0.0.0.0', ['127.0.0.1', '127.9.9.9', '0.0.0.0', '192.0.2.7'], ['192.0.2.8', '::1', '2001:db8::7', 'origin.test']],
  ['::', ['127.0.0.1', '::1', '192.0.2.7', '2001:db8:0::7', '::'], ['192.0.2.8', '2001:db8::8']],
];
for (const [listener, own, others] of CASES) {
  test(`a listener at ${listener} is reached by ${own.join(', ')}, and not by ${others.join(', ')}`, () => {
    const addresses = new OwnAddresses(() => ['192.0.2.7', '2001:db8::7', 'fe80::1%eth0']);
    addresses.add(listener, 443);
    for (const address of own) {
      assert.equal(addresses.has(address, 443), true, address);
      assert.equal(addresses.has(address, 444), false, 'another port');
    }
    for (const address of others) assert.equal(addresses.has(address, 443), false, address);
  });
}

const edges: TestEdge[] = [];
after(async () => {
  for (const { edge } of edges) await edge.drain();
});

const NAMES: Readonly<Record<string, readonly ResolvedAddress[]>> = {
  'self.test': [{ address: '127.0.0.1', family: 4, ttl: 60 }],
  'partly.test': [
    { address: '192.0.2.1', family: 4, ttl: 60 },
    { address: '127.0.0.1', family: 4, ttl: 60 },
  ],
};

test('an origin at the edge itself, by address or by name, over http or https: error 1000, and no connection', async () => {
  const testEdge = await startEdge(
    { hosts: { www: { port: 1 } } },
    { drain: 500 },
    [],
    async (name) => NAMES[name] ?? [],
  );
  edges.push(testEdge);
  const { httpsPort, httpPort, edge } = testEdge;
  for (const addresses of [['127.0.0.1'], ['192.0.2.1', '0.0.0.0'], ['self.test'], ['partly.test']]) {
    for (const ssl of ['full', 'flexible'] as const) {
      await testEdge.apply({ ssl, hosts: { www: { port: httpsPort, httpPort, addresses } } });
      const answered = await get(testEdge, 'www');
      assert.match(answered, /^HTTP\/1\.1 403 Error 1000\r\n/, `${addresses} ${ssl}`);
      assert.equal(edge.visitors.size <= 1, true);
      const [record, ...more] = testEdge.takeLog();
      assert.deepEqual([record!.OriginFailure, record!.ClientRequestHost, more], ['own_address', `www.${ZONE}`, []]);
    }
  }
});
