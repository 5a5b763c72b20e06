import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, test } from 'node:test';
import { makeCa, makeClient } from '../../test/doubles/certificates.ts';
import { CAUSE, startControl, type TestControl } from '../../test/doubles/control.ts';
import { ApiError } from '../core/mod.ts';
import {
  type CertificateStore,
  deleteCertificate,
  getAssociation,
  getCertificate,
  listCertificates,
  purgeTombstones,
  putAssociations,
  setZoneLevel,
  TOMBSTONE_LIFE,
  uploadCertificate,
} from './mod.ts';

const LIMIT = 10_000;
let control: TestControl;
let ca: Awaited<ReturnType<typeof makeCa>>;

before(async () => {
  ca = await makeCa('Team CA');
});
beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

async function upload(store: CertificateStore, name: string): Promise<string> {
  const { context, deployment, zone } = control;
  return (await uploadCertificate(context, deployment, CAUSE, zone, store, await makeClient(ca, name))).row.id;
}

async function associate(hostname: string, certId: string, enabled: boolean | null = true): Promise<void> {
  const { context, deployment, zone } = control;
  await putAssociations(context, deployment, CAUSE, zone, [{ hostname, certId, enabled }]);
}

const remove = (store: CertificateStore, id: string) =>
  deleteCertificate(control.context, control.deployment, CAUSE, control.zone, store, id);
const statusOf = async (store: CertificateStore, id: string) =>
  (await getCertificate(control.context, control.zone, store, id)).status;
const associationStatus = async (hostname: string) =>
  (await getAssociation(control.context, control.zone, hostname)).row!.status;
const presented = (hostname: string) => control.resolve(hostname).identity?.id ?? null;
const lastChange = () => control.context.store.lastChange();

/** Every worker says now that it has everything. */
async function acknowledgeAll(): Promise<void> {
  control.workers.acknowledge = true;
  await control.deployment.settle(await lastChange());
}

function refusedAs(kind: ApiError['kind']): (error: unknown) => boolean {
  return (error) => error instanceof ApiError && error.kind === kind;
}

test('what workers acknowledge at once is active in the answer', async () => {
  const id = await upload('hostname', 'x');
  assert.equal(await statusOf('hostname', id), 'active');
  await associate('www.a.test', id);
  assert.equal(await associationStatus('www.a.test'), 'active');
  assert.equal(presented('www.a.test'), id);
});

test('without acknowledgement, certificate and association are pending, time out, and settle late', async () => {
  control.workers.acknowledge = false;
  const id = await upload('hostname', 'x');
  await associate('www.a.test', id);
  assert.equal(await statusOf('hostname', id), 'pending_deployment');
  assert.equal(await associationStatus('www.a.test'), 'pending_deployment');
  control.clock.now += LIMIT;
  await control.deployment.expire(LIMIT);
  assert.equal(await statusOf('hostname', id), 'pending_deployment', 'not before the limit');
  control.clock.now += 1;
  await control.deployment.expire(LIMIT);
  assert.equal(await statusOf('hostname', id), 'deployment_timed_out');
  assert.equal(await associationStatus('www.a.test'), 'deployment_timed_out');
  assert.equal(presented('www.a.test'), null, 'what is not deployed everywhere is presented nowhere');
  await acknowledgeAll();
  assert.equal(await statusOf('hostname', id), 'active');
  assert.equal(await associationStatus('www.a.test'), 'active');
  assert.equal(presented('www.a.test'), id);
});

test('an association alone times out and settles too', async () => {
  const id = await upload('hostname', 'x');
  control.workers.acknowledge = false;
  await associate('www.a.test', id, false);
  control.clock.now += LIMIT + 1;
  await control.deployment.expire(LIMIT);
  assert.equal(await associationStatus('www.a.test'), 'deployment_timed_out');
  const { updated_at } = (await getAssociation(control.context, control.zone, 'www.a.test')).row!;
  await acknowledgeAll();
  const { row } = await getAssociation(control.context, control.zone, 'www.a.test');
  assert.deepEqual([row!.status, row!.updated_at, row!.pending_change], ['active', updated_at, null]);
});

test('a deletion is pending, times out, and settles late', async () => {
  const id = await upload('zone', 'x');
  await setZoneLevel(control.context, CAUSE, control.zone, true);
  assert.equal(presented('www.a.test'), id);
  control.workers.acknowledge = false;
  assert.equal((await remove('zone', id)).status, 'pending_deletion');
  assert.equal(presented('www.a.test'), null, 'gone from the snapshot at once');
  assert.deepEqual(await listCertificates(control.context, control.zone, 'zone'), [], 'and from the list');
  control.clock.now += LIMIT + 1;
  await control.deployment.expire(LIMIT);
  assert.equal(await statusOf('zone', id), 'deletion_timed_out');
  await assert.rejects(remove('zone', id), refusedAs('certificate_already_deleted'));
  await acknowledgeAll();
  assert.equal(await statusOf('zone', id), 'deleted');
});

test('an acknowledgement of an earlier change settles nothing later', async () => {
  const earlier = await lastChange();
  control.workers.acknowledge = false;
  const id = await upload('zone', 'x');
  await control.deployment.settle(earlier);
  assert.equal(await statusOf('zone', id), 'pending_deployment');
});

test('with nothing pending, settling and expiring write nothing', async () => {
  await upload('zone', 'x');
  const audit = () => control.context.store.db.selectFrom('audit').select('number').execute();
  const before = await audit();
  control.clock.now += 10 * LIMIT;
  await control.deployment.expire(LIMIT);
  await control.deployment.settle(await lastChange());
  assert.deepEqual(await audit(), before);
});

test('deleting cancels a deployment', async () => {
  control.workers.acknowledge = false;
  for (const store of ['zone', 'hostname'] as const) {
    const id = await upload(store, 'x');
    assert.equal((await remove(store, id)).status, 'pending_deletion');
    await acknowledgeAll();
    assert.equal(await statusOf(store, id), 'deleted');
    control.workers.acknowledge = false;
  }
});

test('a re-pointed hostname keeps its old certificate until the new one is deployed (2.4 row 9)', async () => {
  const old = await upload('hostname', 'old');
  await associate('www.a.test', old);
  control.workers.acknowledge = false;
  const next = await upload('hostname', 'new');
  await associate('www.a.test', next);
  assert.equal(presented('www.a.test'), old);
  await assert.rejects(remove('hostname', old), refusedAs('certificate_in_use'), 'while it is presented');
  await acknowledgeAll();
  assert.equal(presented('www.a.test'), next);
  assert.equal((await remove('hostname', old)).status, 'deleted');
});

test('the zone level switches over when the newer certificate is deployed, and falls back when it goes (2.3)', async () => {
  await setZoneLevel(control.context, CAUSE, control.zone, true);
  const old = await upload('zone', 'old');
  control.clock.now += 1000;
  control.workers.acknowledge = false;
  const next = await upload('zone', 'new');
  assert.equal(presented('www.a.test'), old);
  control.clock.now += 1000;
  await acknowledgeAll();
  assert.equal(presented('www.a.test'), next);
  await remove('zone', next);
  assert.equal(presented('www.a.test'), old);
});

test('the same association again changes nothing, also while it is pending', async () => {
  const id = await upload('hostname', 'x');
  control.workers.acknowledge = false;
  await associate('www.a.test', id);
  const { row } = await getAssociation(control.context, control.zone, 'www.a.test');
  control.clock.now += 5000;
  await associate('www.a.test', id);
  assert.deepEqual((await getAssociation(control.context, control.zone, 'www.a.test')).row, row);
});

test('a certificate whose deletion is not settled yet can be uploaded again, under a new id', async () => {
  const leaf = await makeClient(ca, 'again');
  const { context, deployment, zone } = control;
  const first = await uploadCertificate(context, deployment, CAUSE, zone, 'hostname', leaf);
  control.workers.acknowledge = false;
  await remove('hostname', first.row.id);
  const second = await uploadCertificate(context, deployment, CAUSE, zone, 'hostname', leaf);
  assert.notEqual(second.row.id, first.row.id);
  assert.equal(await statusOf('hostname', first.row.id), 'pending_deletion');
});

test('a tombstone can be read for a day, then it is not found', async () => {
  const gone = await upload('hostname', 'gone');
  const kept = await upload('hostname', 'kept');
  await associate('www.a.test', gone);
  await associate('www.a.test', gone, null);
  await associate('www.a.test', kept);
  await remove('hostname', gone);
  control.clock.now += TOMBSTONE_LIFE;
  assert.equal(await purgeTombstones(control.context), 0);
  assert.equal(await statusOf('hostname', gone), 'deleted');
  control.clock.now += 1;
  assert.equal(await purgeTombstones(control.context), 1);
  await assert.rejects(statusOf('hostname', gone), refusedAs('hostname_certificate_not_found'));
  assert.equal(presented('www.a.test'), kept, 'what is in use stays');
  assert.equal(await purgeTombstones(control.context), 0);
});

test('a deletion that a worker has not acknowledged is not purged', async () => {
  const id = await upload('zone', 'x');
  control.workers.acknowledge = false;
  await remove('zone', id);
  control.clock.now += 10 * TOMBSTONE_LIFE;
  await control.deployment.expire(LIMIT);
  assert.equal(await purgeTombstones(control.context), 0);
  assert.equal(await statusOf('zone', id), 'deletion_timed_out');
});
