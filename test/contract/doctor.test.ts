import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Examination, ExaminationDetail } from '../../src/control/mod.ts';
import type { SecurityEvent } from '../../src/core/mod.ts';
import { readSigned, type SignedReport, writeSigned } from '../../src/origin/mod.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';
import { type DoctorCertificates, makeDoctorCertificates, NAME } from '../doubles/doctor.ts';
import { CLOSED, type DoctorServer } from '../real/doctor-servers.ts';
import { missing } from '../real/server-process.ts';

const skip = missing('nginx');
let control: TestControlPlane;
let certificates: DoctorCertificates;
let origin: DoctorServer | null = null;

before(async () => {
  control = await startControlPlane('a.test');
  certificates = await makeDoctorCertificates();
  const { certificate, privateKey } = certificates.right;
  await call('PATCH', 'settings/ssl', { value: 'full' });
  await call('POST', 'origin_tls_client_auth', { certificate, private_key: privateKey });
  await call('PUT', 'origin_tls_client_auth/settings', { enabled: true });
});
after(async () => {
  await origin?.close();
  await control.close();
});

interface Answer<T> {
  readonly success: boolean;
  readonly errors: readonly {
    readonly code: number;
    readonly message: string;
    readonly source?: { pointer: string };
  }[];
  readonly result: T;
}

async function call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const response = await fetch(`${control.api}/zones/${control.zone.id}/${path}`, {
    method,
    headers: { Authorization: `Bearer ${control.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Answer<T>;
}

/** The origin of the hostname is an nginx that enforces, or one that only observes. */
async function useOrigin(isEnforced: boolean): Promise<void> {
  await origin?.close();
  origin = await CLOSED.nginx(certificates, isEnforced);
  await call('PUT', `countersign/origins/${NAME}`, {
    address: '127.0.0.1',
    https_port: origin.port,
    http_port: origin.changes.httpPort,
  });
}

const DOCTOR = `countersign/doctor/${NAME}`;

test('an origin that enforces is closed, and the report is signed', { skip }, async () => {
  await useOrigin(true);
  const { result } = await call<ExaminationDetail>('POST', DOCTOR, {});
  assert.equal(result.verdict, 'closed', result.summary ?? '');
  const report = readSigned(writeSigned(result.report as SignedReport))!;
  assert.deepEqual([report.report.hostname, report.report.level, report.report.verdict], [NAME, 'zone', 'closed']);
  assert.doesNotMatch(JSON.stringify(result), /PRIVATE KEY/);
  const { result: kept } = await call<ExaminationDetail>('GET', DOCTOR);
  assert.deepEqual(kept, result);
});

test('an origin that opens is told by an event', { skip }, async () => {
  await useOrigin(false);
  const { result } = await call<ExaminationDetail>('POST', DOCTOR, {});
  assert.equal(result.verdict, 'open');
  const { result: events } = await call<SecurityEvent[]>('GET', 'countersign/events?source=doctor');
  assert.deepEqual(
    events.map(({ Action, ClientRequestHost }) => [Action, ClientRequestHost]),
    [
      ['origin_open', NAME],
      ['origin_closed', NAME],
    ],
  );
  assert.match(events[0]!.Description, /^Open: /);
});

test('on schedule the control plane examines by itself', { skip }, async () => {
  await useOrigin(true);
  const set = await call<Examination>('PUT', DOCTOR, { interval: 3600 });
  assert.deepEqual([set.result.interval, set.result.verdict], [3600, 'open']);
  // The last examination was just now.
  await control.plane.examinations.runDue();
  assert.equal((await call<Examination>('GET', DOCTOR)).result.verdict, 'open');
  await control.plane.context.store.db.updateTable('examinations').set({ examined_at: 0 }).execute();
  await control.plane.examinations.runDue();
  const { result } = await call<Examination[]>('GET', 'countersign/doctor');
  assert.deepEqual(
    result.map(({ hostname, verdict, interval }) => [hostname, verdict, interval]),
    [[NAME, 'closed', 3600]],
  );
  assert.equal((await call('DELETE', DOCTOR)).success, true);
  assert.deepEqual((await call<Examination[]>('GET', 'countersign/doctor')).result, []);
});

/** What is refused: method, path, body, code, and the member that is wrong. */
const REFUSED: readonly (readonly [string, string, unknown, number, string | undefined])[] = [
  ['GET', 'countersign/doctor/never.a.test', undefined, 1564, undefined],
  ['DELETE', 'countersign/doctor/never.a.test', undefined, 1564, undefined],
  ['POST', 'countersign/doctor/never.a.test', {}, 1561, undefined],
  ['POST', 'countersign/doctor/www.other.test', {}, 1448, undefined],
  ['POST', DOCTOR, { path: 'no-slash' }, 1004, '/path'],
  ['POST', DOCTOR, { path: '/a\r\nX: y' }, 1004, '/path'],
  ['POST', DOCTOR, { other_names: ['a b'] }, 1004, '/other_names/0'],
  ['POST', DOCTOR, { other_names: ['a.test\r\nX: y'] }, 1004, '/other_names/0'],
  ['PUT', DOCTOR, { interval: 5 }, 1004, '/interval'],
  ['PUT', DOCTOR, {}, 1004, '/interval'],
];

for (const [method, path, body, code, pointer] of REFUSED)
  test(`${method} ${path} ${JSON.stringify(body)}: ${code}`, async () => {
    const { success, errors } = await call(method, path, body);
    assert.equal(success, false);
    assert.equal(errors[0]!.code, code, errors[0]!.message);
    assert.equal(errors[0]!.source?.pointer, pointer);
  });

test('nobody examines the origins of somebody else', async () => {
  const response = await fetch(`${control.api}/zones/${control.zone.id}/${DOCTOR}`, { method: 'POST', body: '{}' });
  assert.equal(response.ok, false);
  assert.deepEqual(control.internalErrors, []);
});
