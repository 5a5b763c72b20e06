import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { afterEach, before, beforeEach, test } from 'node:test';
import { makeCa, makeClient } from '../../test/doubles/certificates.ts';
import { CAUSE, startControl, type TestControl } from '../../test/doubles/control.ts';
import type { DoctorReport } from '../core/mod.ts';
import type { DoctorSubject } from '../origin/mod.ts';
import {
  changeSettings,
  deleteZone,
  Examinations,
  putAssociations,
  putEntrypoint,
  putOrigin,
  setZoneLevel,
  uploadCertificate,
  type VerdictChange,
} from './mod.ts';

const HOST = 'www.a.test';
const MINUTE = 60_000;
type Pair = Awaited<ReturnType<typeof makeClient>>;
let pairs: readonly Pair[];
let control: TestControl;
let examinations: Examinations;
let subjects: DoctorSubject[];
let changes: VerdictChange[];
let verdict: DoctorReport['verdict'];
let addresses: readonly string[];
let fail: (subject: DoctorSubject) => Error | null;

before(async () => {
  const ca = await makeCa('Team CA');
  pairs = await Promise.all(['old', 'new'].map((name) => makeClient(ca, name)));
});

beforeEach(async () => {
  control = await startControl();
  subjects = [];
  changes = [];
  verdict = 'closed';
  fail = () => null;
  addresses = ['192.0.2.1', '2001:db8::1'];
  examinations = new Examinations(control.context, {
    resolveName: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4, ttl: 60 })),
    examine: async (subject) => {
      subjects.push(subject);
      const failure = fail(subject);
      if (failure !== null) throw failure;
      return {
        version: 1,
        hostname: subject.hostname,
        level: subject.level,
        started_at: '2026-11-24T00:00:00Z',
        duration_ms: 1,
        verdict,
        summary: `It is ${verdict}.`,
        findings: [],
        certificate_requests: [],
        attempts: [],
      };
    },
    sign: (report) => JSON.stringify({ report }),
    onVerdictChange: (change) => changes.push(change),
  });
  await changeSettings(control.context, CAUSE, control.zone, [{ id: 'ssl', value: 'full', pointer: '' }]);
});
afterEach(() => control.close());

const origin = (hostname: string, more: object = {}) =>
  putOrigin(control.context, CAUSE, control.zone, {
    hostname,
    address: 'origin.example',
    https_port: 8443,
    http_port: 8080,
    sni: null,
    host_header: null,
    ...more,
  });

async function upload(store: 'zone' | 'hostname', { certificate, privateKey }: Pair): Promise<string> {
  control.clock.now += 1_000;
  const { row } = await uploadCertificate(control.context, control.deployment, CAUSE, control.zone, store, {
    certificate,
    privateKey,
  });
  return row.id;
}

const names = (pair: { readonly certificate: string } | null) =>
  pair && new X509Certificate(pair.certificate).subject.replace(/^CN=/, '');

test('the doctor goes where the edge would go, with what it would present', async () => {
  await origin(HOST, { sni: 'inside.example', host_header: 'app.example' });
  await origin('other.a.test');
  await origin('elsewhere.a.test', { address: '198.51.100.1' });
  await setZoneLevel(control.context, CAUSE, control.zone, true);
  await upload('zone', pairs[0]!);
  await examinations.examine(control.zone, HOST, { path: '/health', otherNames: ['third.example'] });
  const [subject] = subjects;
  assert.deepEqual(subject!.endpoints, [
    { address: '192.0.2.1', port: 8443 },
    { address: '2001:db8::1', port: 8443 },
  ]);
  const { hostname, serverName, level, httpPort, path, otherNames, right, previous, shared, otherTenant, expired } =
    subject!;
  assert.deepEqual(
    { hostname, serverName, level, httpPort, path, otherNames },
    {
      hostname: 'app.example',
      serverName: 'inside.example',
      level: 'zone',
      httpPort: 8080,
      path: '/health',
      otherNames: ['third.example', 'other.a.test'],
    },
  );
  assert.deepEqual(
    [names(right), names(previous), names(shared), expired],
    ['old', null, 'origin-pull.countersign', null],
  );
  assert.equal(right!.privateKey, pairs[0]!.privateKey);
  assert.match(names(otherTenant)!, /^tenant-/);
});

test('during a rotation both certificates must be let in', async () => {
  await origin(HOST);
  await setZoneLevel(control.context, CAUSE, control.zone, true);
  await upload('zone', pairs[0]!);
  await upload('zone', pairs[1]!);
  await examinations.examine(control.zone, HOST, {});
  assert.deepEqual([names(subjects[0]!.right), names(subjects[0]!.previous)], ['new', 'old']);
});

test('a hostname that is re-pointed presents the old certificate until the new one is deployed', async () => {
  await origin(HOST);
  const { context, deployment, zone, workers } = control;
  const old = await upload('hostname', pairs[0]!);
  await putAssociations(context, deployment, CAUSE, zone, [{ hostname: HOST, certId: old, enabled: true }]);
  workers.acknowledge = false;
  const next = await upload('hostname', pairs[1]!);
  await putAssociations(context, deployment, CAUSE, zone, [{ hostname: HOST, certId: next, enabled: true }]);
  await examinations.examine(zone, HOST, {});
  const { level, right, previous } = subjects[0]!;
  assert.deepEqual([level, names(right), names(previous)], ['hostname', 'old', 'new']);
});

test('at the global level the shared certificate is the right one, and an expired one is made to try', async () => {
  await origin(HOST);
  await changeSettings(control.context, CAUSE, control.zone, [{ id: 'tls_client_auth', value: 'on', pointer: '' }]);
  await examinations.examine(control.zone, HOST, {});
  const { level, right, shared, expired } = subjects[0]!;
  assert.deepEqual([level, names(right), shared], ['global', 'origin-pull.countersign', null]);
  assert.ok(Date.parse(new X509Certificate(expired!.certificate).validTo) < control.clock.now);
});

test('where no certificate is presented, the doctor has none to try', async () => {
  await origin(HOST);
  await examinations.examine(control.zone, HOST, {});
  assert.deepEqual([subjects[0]!.level, subjects[0]!.right], [null, null]);
});

test('an origin rule sends the doctor where it sends requests', async () => {
  await origin(HOST);
  await putEntrypoint(
    control.context,
    { cause: CAUSE, scope: { accountId: control.accountId, zoneId: control.zone.id }, isDryRun: false },
    'http_request_origin',
    {
      rules: [
        {
          action: 'route',
          expression: `http.host eq "${HOST}"`,
          action_parameters: { origin: { host: 'ruled.a.test', port: 9443 }, host_header: 'ruled.a.test' },
        },
      ],
    },
  );
  await examinations.examine(control.zone, HOST, {});
  assert.deepEqual([subjects[0]!.hostname, subjects[0]!.endpoints[0]!.port], ['ruled.a.test', 9443]);
});

const REFUSED: readonly (readonly [string, () => Promise<unknown>, string, string])[] = [
  ['a hostname of another zone', async () => undefined, 'www.other.test', 'hostname_outside_zone'],
  ['a hostname without an origin', async () => undefined, HOST, 'origin_not_found'],
  [
    'an origin whose name has no address',
    async () => {
      addresses = [];
      await origin(HOST);
    },
    HOST,
    'origin_not_examinable',
  ],
  [
    'an origin that is pulled over plain http',
    async () => {
      await origin(HOST);
      await changeSettings(control.context, CAUSE, control.zone, [{ id: 'ssl', value: 'flexible', pointer: '' }]);
    },
    HOST,
    'origin_not_examinable',
  ],
];

for (const [what, prepare, hostname, kind] of REFUSED)
  test(`${what} cannot be examined: ${kind}`, async () => {
    await prepare();
    await assert.rejects(examinations.examine(control.zone, hostname, {}), { kind });
    assert.deepEqual(subjects, []);
  });

test('the last report is kept, and a verdict that changes is told once', async () => {
  await origin(HOST);
  await examinations.examine(control.zone, HOST, { path: '/x' });
  control.clock.now += MINUTE;
  await examinations.examine(control.zone, HOST, {});
  verdict = 'open';
  control.clock.now += MINUTE;
  await examinations.examine(control.zone, HOST, {});
  assert.deepEqual(
    changes.map(({ from, to }) => [from, to]),
    [
      [null, 'closed'],
      ['closed', 'open'],
    ],
  );
  assert.equal(subjects[2]!.path, '/x');
  const detail = await examinations.get(control.zone, HOST);
  assert.deepEqual(detail, {
    hostname: HOST,
    path: '/x',
    other_names: [],
    interval: null,
    verdict: 'open',
    verdict_since: detail.examined_at,
    examined_at: '2026-11-24T00:02:00Z',
    summary: 'It is open.',
    report: detail.report,
  });
  assert.equal((detail.report as { report: DoctorReport }).report.verdict, 'open');
  assert.deepEqual(await examinations.counts(), { closed: 0, open: 1, unknown: 0 });
});

test('on schedule, each origin is examined when it is due', async () => {
  await origin(HOST);
  await examinations.schedule(CAUSE, control.zone, HOST, { path: '/', otherNames: [], interval: 3_600 });
  await examinations.runDue();
  assert.equal(subjects.length, 1);
  control.clock.now += 59 * MINUTE;
  await examinations.runDue();
  assert.equal(subjects.length, 1);
  control.clock.now += MINUTE;
  await examinations.runDue();
  assert.equal(subjects.length, 2);
  await examinations.remove(CAUSE, control.zone, HOST);
  control.clock.now += 90 * MINUTE;
  await examinations.runDue();
  assert.equal(subjects.length, 2);
  await assert.rejects(examinations.get(control.zone, HOST), { kind: 'examination_not_found' });
});

test('an origin that cannot be examined when it is due is no longer known to be closed', async () => {
  await origin(HOST);
  await examinations.schedule(CAUSE, control.zone, HOST, { path: '/', otherNames: [], interval: 60 });
  await examinations.runDue();
  addresses = [];
  control.clock.now += MINUTE;
  await examinations.runDue();
  assert.deepEqual(
    changes.map(({ to }) => to),
    ['closed', 'unknown'],
  );
  assert.match(changes[1]!.summary, /has no address/);
});

test('an examination that fails keeps nobody else from his, and leaves nothing known to be closed', async () => {
  for (const hostname of ['a.a.test', 'b.a.test']) {
    await origin(hostname);
    await examinations.schedule(CAUSE, control.zone, hostname, { path: '/', otherNames: [], interval: 60 });
  }
  const broken = new Error('the key does not fit');
  fail = (subject) => (subject.hostname === 'a.a.test' ? broken : null);
  await examinations.runDue();
  assert.deepEqual(await examinations.counts(), { closed: 1, open: 0, unknown: 1 });
  assert.match((await examinations.get(control.zone, 'a.a.test')).summary!, /the key does not fit/);
});

test('what is known of a zone goes with it', async () => {
  await origin(HOST);
  await examinations.examine(control.zone, HOST, {});
  await deleteZone(control.context, CAUSE, control.zone);
  assert.deepEqual(await examinations.counts(), { closed: 0, open: 0, unknown: 0 });
});
