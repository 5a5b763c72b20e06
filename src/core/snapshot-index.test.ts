import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HostnameEntry, keyOf, type SnapshotEntry, SnapshotIndex, type ZoneEntry } from './mod.ts';

const zone = (id: string, name: string): ZoneEntry => ({
  kind: 'zone',
  id,
  name,
  accountId: 'a',
  ssl: 'full',
  tlsClientAuth: false,
  originTlsClientAuth: false,
  certificateIds: [],
});
const hostname = (zoneId: string, name: string, address: string | null): HostnameEntry => ({
  kind: 'hostname',
  zoneId,
  hostname: name,
  association: null,
  origin: address === null ? null : { addresses: [address], httpsPort: 443, httpPort: 80, sni: null, hostHeader: null },
});

const entries: fc.Arbitrary<SnapshotEntry> = fc.oneof(
  fc.constantFrom(zone('1', 'a.test'), zone('2', 'b.a.test')),
  fc
    .tuple(
      fc.constantFrom('1', '2'),
      fc.constantFrom('x.a.test', '*.a.test', 'x.b.a.test'),
      fc.option(fc.constant('192.0.2.1')),
    )
    .map(([zoneId, name, address]) => hostname(zoneId, name, address)),
);
const deltas = fc.array(
  fc.record({ upserts: fc.array(entries, { maxLength: 4 }), deletes: fc.array(entries, { maxLength: 3 }) }),
  { maxLength: 8 },
);

test('applying deltas gives the same index as loading the outcome', () => {
  fc.assert(
    fc.property(deltas, (steps) => {
      const index = new SnapshotIndex();
      for (const [i, { upserts, deletes }] of steps.entries()) {
        index.apply({ from: i, to: i + 1, upserts, deletes: deletes.map(keyOf) });
      }
      const loaded = new SnapshotIndex(index.snapshot());
      assert.equal(loaded.number, steps.length);
      for (const name of ['a.test', 'x.a.test', 'x.b.a.test', 'other.test']) {
        assert.equal(index.zoneOf(name), loaded.zoneOf(name));
        for (const id of ['1', '2']) assert.equal(index.originOf(id, name), loaded.originOf(id, name));
      }
    }),
  );
});

test('a delta that starts elsewhere changes nothing', () => {
  const index = new SnapshotIndex({ number: 5, entries: [zone('1', 'a.test')] });
  const before = index.snapshot();
  assert.throws(() => index.apply({ from: 4, to: 6, upserts: [zone('2', 'b.test')], deletes: ['zone:1'] }));
  assert.deepEqual(index.snapshot(), before);
});

test('the longest zone name wins, and the closest origin', () => {
  const index = new SnapshotIndex({
    number: 1,
    entries: [
      zone('1', 'a.test'),
      zone('2', 'b.a.test'),
      hostname('1', '*.a.test', '192.0.2.1'),
      hostname('1', 'x.a.test', '192.0.2.2'),
      hostname('1', 'bare.a.test', null),
    ],
  });
  assert.deepEqual(
    ['a.test', 'x.a.test', 'b.a.test', 'x.b.a.test', 'ab.test'].map((name) => index.zoneOf(name)?.id),
    ['1', '1', '2', '2', undefined],
  );
  assert.deepEqual(
    ['x.a.test', 'y.a.test', 'y.y.a.test', 'bare.a.test', 'a.test'].map((name) => index.originOf('1', name)?.hostname),
    ['x.a.test', '*.a.test', '*.a.test', '*.a.test', undefined],
  );
  assert.deepEqual(
    ['x.a.test', 'y.a.test', 'y.y.a.test', '*.a.test', '*.y.a.test', 'a.test', 'c.test'].map((name) =>
      index.certificateName(name),
    ),
    ['x.a.test', '*.a.test', null, '*.a.test', null, null, null],
    'names that visitors see: no certificate covers more than one label below a wildcard',
  );
});
