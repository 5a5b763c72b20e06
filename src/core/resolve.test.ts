import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SslMode } from './level.ts';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from './life-cycle.ts';
import { resolve } from './resolve.ts';
import type { Association, IdentityEntry, SnapshotEntry } from './snapshot.ts';
import { SnapshotIndex } from './snapshot-index.ts';

interface World {
  ssl?: SslMode;
  global?: boolean;
  zone?: boolean;
  zoneCertificates?: readonly (readonly [id: string, status: DeploymentStatus, deployedAt: number])[];
  association?: Association | null;
  hostnameCertificates?: readonly (readonly [id: string, status: DeploymentStatus])[];
}

function identity(id: string, level: IdentityEntry['level'], status: DeploymentStatus, deployedAt = 1): IdentityEntry {
  const zoneId = level === 'global' ? null : 'z1';
  return {
    kind: 'identity',
    id,
    level,
    zoneId,
    status,
    deployedAt,
    uploadedAt: 1,
    expiresAt: 2,
    certificate: '',
    privateKey: '',
  };
}

function world(w: World): SnapshotIndex {
  const entries: SnapshotEntry[] = [
    { kind: 'installation', sharedIdentityId: 'shared', root: '' },
    identity('shared', 'global', 'active'),
    {
      kind: 'zone',
      id: 'z1',
      name: 'a.test',
      accountId: 'acc',
      ssl: w.ssl ?? 'full',
      tlsClientAuth: w.global ?? false,
      originTlsClientAuth: w.zone ?? false,
      certificateIds: (w.zoneCertificates ?? []).map(([id]) => id),
    },
    ...(w.zoneCertificates ?? []).map(([id, status, at]) => identity(id, 'zone', status, at)),
    ...(w.hostnameCertificates ?? []).map(([id, status]) => identity(id, 'hostname', status)),
    { kind: 'hostname', zoneId: 'z1', hostname: 'www.a.test', association: w.association ?? null, origin: null },
  ];
  return new SnapshotIndex({ number: 1, entries });
}

const on = (certId: string, previousCertId: string | null = null): Association => ({
  certId,
  previousCertId,
  enabled: true,
});
const off: Association = { certId: 'h1', previousCertId: null, enabled: false };
const H1 = [['h1', 'active']] as const;
const C1 = [['c1', 'active', 1]] as const;

// spec/origin-pulls.md 2.4, row by row.
const ROWS: readonly [row: string, world: World, scheme: 'http' | 'https', port: number, presented: string | null][] = [
  [
    '1 hostname certificate beats everything',
    { association: on('h1'), hostnameCertificates: H1, zone: true, zoneCertificates: C1, global: true },
    'https',
    443,
    'h1',
  ],
  [
    '2 a disabled association presents none',
    { association: off, hostnameCertificates: H1, zone: true, zoneCertificates: C1, global: true },
    'https',
    443,
    null,
  ],
  ['3 zone certificate', { zone: true, zoneCertificates: C1, global: true }, 'https', 443, 'c1'],
  [
    '3 newest deployed zone certificate',
    {
      zone: true,
      zoneCertificates: [
        ['c1', 'active', 5],
        ['c2', 'active', 9],
        ['c3', 'pending_deployment', 10],
      ],
    },
    'https',
    443,
    'c2',
  ],
  ['4 zone on without certificate, global on', { zone: true, global: true }, 'https', 443, 'shared'],
  ['5 zone on without certificate, global off', { zone: true }, 'https', 443, null],
  ['6 zone off, global on', { zoneCertificates: C1, global: true }, 'https', 443, 'shared'],
  ['7 everything off', { zoneCertificates: C1 }, 'https', 443, null],
  [
    '8 first association still pending',
    { association: on('h1'), hostnameCertificates: [['h1', 'pending_deployment']], zone: true, zoneCertificates: C1 },
    'https',
    443,
    'c1',
  ],
  [
    '9 re-pointed to a pending certificate',
    {
      association: on('h2', 'h1'),
      hostnameCertificates: [
        ['h1', 'active'],
        ['h2', 'pending_deployment'],
      ],
      global: true,
    },
    'https',
    443,
    'h1',
  ],
  ['10 mode off', { ssl: 'off', association: on('h1'), hostnameCertificates: H1, global: true }, 'https', 443, null],
  [
    '10 mode flexible',
    { ssl: 'flexible', association: on('h1'), hostnameCertificates: H1, global: true },
    'https',
    443,
    null,
  ],
  ['11 full, visitor on http', { association: on('h1'), hostnameCertificates: H1, global: true }, 'http', 80, null],
  [
    '11 strict, visitor on http',
    { ssl: 'strict', association: on('h1'), hostnameCertificates: H1, global: true },
    'http',
    80,
    null,
  ],
  [
    '12 flexible on another port',
    { ssl: 'flexible', association: on('h1'), hostnameCertificates: H1 },
    'https',
    2053,
    'h1',
  ],
  ['origin_pull forces TLS for http visitors too', { ssl: 'origin_pull', global: true }, 'http', 80, 'shared'],
];

for (const [row, w, scheme, port, presented] of ROWS) {
  test(`row ${row}`, () => {
    const { identity: found, reasons } = resolve(world(w), 'www.a.test', scheme, port);
    assert.equal(found?.id ?? null, presented);
    assert.equal(reasons.filter(({ decided }) => decided).length, 1, 'exactly one step decides');
    assert.ok(reasons.at(-1)!.decided, 'the last one');
  });
}

const status = fc.constantFrom(...DEPLOYMENT_STATUSES);
const worlds = fc.record({
  ssl: fc.constantFrom<SslMode>('off', 'flexible', 'full', 'strict', 'origin_pull'),
  global: fc.boolean(),
  zone: fc.boolean(),
  zoneCertificates: fc.array(fc.tuple(fc.constantFrom('c1', 'c2', 'c3'), status, fc.nat(9)), { maxLength: 3 }),
  association: fc.option(
    fc.record({
      certId: fc.constantFrom('h1', 'h2', 'c1', 'shared'),
      previousCertId: fc.option(fc.constantFrom('h1', 'h2')),
      enabled: fc.boolean(),
    }),
  ),
  hostnameCertificates: fc.array(fc.tuple(fc.constantFrom('h1', 'h2'), status), { maxLength: 2 }),
});
const scheme = fc.constantFrom('http' as const, 'https' as const);

test('switching a less specific level never changes the answer of a more specific one', () => {
  fc.assert(
    fc.property(worlds, scheme, (w, s) => {
      const before = resolve(world(w), 'www.a.test', s);
      const otherGlobal = resolve(world({ ...w, global: !w.global }), 'www.a.test', s);
      if (before.level === 'hostname' || before.level === 'zone')
        assert.equal(otherGlobal.identity?.id, before.identity?.id);
      const otherZone = resolve(world({ ...w, zone: !w.zone }), 'www.a.test', s);
      if (before.level === 'hostname') assert.equal(otherZone.identity?.id, before.identity?.id);
      if (w.association?.enabled === false) assert.equal(otherZone.identity, null);
    }),
  );
});

test('only a deployed certificate of the right store and zone is ever chosen', () => {
  fc.assert(
    fc.property(worlds, scheme, (w, s) => {
      const { identity: found, level } = resolve(world(w), 'www.a.test', s);
      assert.equal(found?.level ?? 'none', level);
      if (found !== null) assert.equal(found.status, 'active');
    }),
  );
});

test('case and a trailing dot of the hostname do not matter', () => {
  fc.assert(
    fc.property(worlds, scheme, fc.constantFrom('WWW.A.TEST', 'www.a.test.', 'Www.A.test.'), (w, s, spelling) => {
      const index = world(w);
      assert.deepEqual(resolve(index, spelling, s), resolve(index, 'www.a.test', s));
    }),
  );
});

test('a hostname of no zone gets no certificate', () => {
  const { zone, identity: found } = resolve(world({ global: true }), 'www.b.test', 'https');
  assert.equal(zone, null);
  assert.equal(found, null);
});
