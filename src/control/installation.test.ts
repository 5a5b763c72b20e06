import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import { CAUSE, startControl, type TestControl } from '../../test/doubles/control.ts';
import type { IdentityEntry, Snapshot } from '../core/mod.ts';
import { unseal } from '../x509/mod.ts';
import {
  bootstrap,
  changeSettings,
  createRecord,
  deleteOrigin,
  purgeTombstones,
  putOrigin,
  renewSharedLeaf,
  ServerCertificates,
  TOMBSTONE_LIFE,
} from './mod.ts';

const DAY = 86_400_000;
let control: TestControl;

beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

const shared = ({ entries }: Snapshot) =>
  entries.filter((entry): entry is IdentityEntry => entry.kind === 'identity' && entry.level === 'global');
const presented = () => control.resolve('www.a.test').identity!.id;

async function globalOn(): Promise<void> {
  await changeSettings(control.context, CAUSE, control.zone, [{ id: 'tls_client_auth', value: 'on', pointer: '' }]);
}

test('the shared leaf is renewed in time: the next one is deployed, then used, then the old one is gone', async () => {
  await globalOn();
  const old = presented();
  control.clock.now += 59 * DAY;
  assert.equal(await renewSharedLeaf(control.context), false, 'not while a third of its life is left');
  control.clock.now += 2 * DAY;
  control.workers.history.length = 0;
  assert.equal(await renewSharedLeaf(control.context), true);
  const [deployed, switched] = control.workers.history as [Snapshot, Snapshot];
  assert.equal(control.workers.history.length, 2);
  assert.deepEqual(
    shared(deployed).map(({ id, status }) => [id === old, status]),
    [
      [true, 'active'],
      [false, 'pending_deployment'],
    ],
    'first every worker has both',
  );
  assert.equal(shared(switched).length, 1, 'then the old one is gone');
  const next = presented();
  assert.notEqual(next, old);
  const { certificate, privateKey } = shared(switched)[0]!;
  const { originPullCa } = await bootstrap(control.context);
  assert.ok(new X509Certificate(certificate).verify(new X509Certificate(originPullCa).publicKey), 'of the same CA');
  assert.match(unseal(control.context.masterKey, privateKey, `identity:${next}`), /BEGIN PRIVATE KEY/);
  assert.equal(await renewSharedLeaf(control.context), false);
});

test('while a worker does not have the new leaf, the old one stays in use, and the same new one is tried again', async () => {
  await globalOn();
  const old = presented();
  control.clock.now += 61 * DAY;
  control.workers.acknowledge = false;
  assert.equal(await renewSharedLeaf(control.context), false);
  assert.equal(await renewSharedLeaf(control.context), false);
  assert.equal(presented(), old);
  assert.equal(shared(control.workers.history.at(-1)!).length, 2, 'one new one, not one an attempt');
  control.workers.acknowledge = true;
  assert.equal(await renewSharedLeaf(control.context), true);
  assert.notEqual(presented(), old);
});

test('the shared leaf never ends while renewal runs, for a year', async () => {
  await globalOn();
  for (let day = 0; day < 365; day++) {
    control.clock.now += DAY;
    await renewSharedLeaf(control.context);
    assert.ok(control.resolve('www.a.test').identity!.expiresAt - control.clock.now > 29 * DAY);
  }
  control.clock.now += 90 * DAY + TOMBSTONE_LIFE;
  await purgeTombstones(control.context);
  const rows = await control.context.store.db.selectFrom('shared_leaves').select('status').execute();
  assert.deepEqual(
    rows.map(({ status }) => status),
    ['active'],
  );
});

test('a visitor certificate is signed on first use, once, for what has an origin or a proxied record', async () => {
  const certificates = new ServerCertificates(control.context);
  const origin = { address: '192.0.2.1', https_port: 443, http_port: 80, sni: null, host_header: null };
  await putOrigin(control.context, CAUSE, control.zone, { hostname: 'www.a.test', ...origin });
  const record = { type: 'A', content: '192.0.2.1', ttl: 1, comment: null, tags: [] } as const;
  await createRecord(control.context, CAUSE, control.zone, { ...record, name: 'dns', proxied: true });
  await createRecord(control.context, CAUSE, control.zone, { ...record, name: 'grey', proxied: false });
  const found = await Promise.all(
    ['www.a.test', 'www.a.test', 'dns.a.test'].map((name) => certificates.ensure(name, 'ecdsa')),
  );
  assert.deepEqual(found, [true, true, true]);
  for (const name of ['grey.a.test', 'other.a.test', 'b.test', 'nonsense', '']) {
    assert.equal(await certificates.ensure(name, 'ecdsa'), false, name);
  }
  const { index } = control.workers;
  const { root } = await bootstrap(control.context);
  const issued = index.snapshot().entries.filter(({ kind }) => kind === 'server_certificate');
  assert.equal(issued.length, 2);
  const leaf = new X509Certificate(index.serverCertificate('www.a.test', 'ecdsa')!.certificate);
  assert.ok(leaf.verify(new X509Certificate(root).publicKey));
  assert.equal(leaf.checkHost('www.a.test'), 'www.a.test');
});

test('hostnames below a wildcard share one certificate', async () => {
  const certificates = new ServerCertificates(control.context);
  const record = { type: 'A', content: '192.0.2.1', ttl: 1, comment: null, tags: [], proxied: true } as const;
  await createRecord(control.context, CAUSE, control.zone, { ...record, name: '*' });
  assert.equal(await certificates.ensure('*.a.test', 'ecdsa'), true);
  assert.equal(await certificates.ensure('anything.a.test', 'ecdsa'), false, 'none of its own');
  const leaf = new X509Certificate(control.workers.index.serverCertificate('*.a.test', 'ecdsa')!.certificate);
  assert.equal(leaf.checkHost('anything.a.test'), '*.a.test');
});

test('an RSA certificate is made for whoever asks for one, by a root that is RSA too, and renewed beside the other', async () => {
  const certificates = new ServerCertificates(control.context);
  const origin = { address: '192.0.2.1', https_port: 443, http_port: 80, sni: null, host_header: null };
  await putOrigin(control.context, CAUSE, control.zone, { hostname: 'www.a.test', ...origin });
  const { index } = control.workers;
  assert.equal(await certificates.ensure('www.a.test', 'ecdsa'), true);
  assert.equal(index.serverCertificate('www.a.test', 'rsa'), undefined, 'not before');
  assert.equal(await certificates.ensure('www.a.test', 'rsa'), true);
  assert.equal(await certificates.ensure('b.test', 'rsa'), false);
  const { rsaRoot } = await bootstrap(control.context);
  const entry = index.serverCertificate('www.a.test', 'rsa')!;
  const leaf = new X509Certificate(entry.certificate);
  const root = new X509Certificate(rsaRoot);
  assert.deepEqual([leaf.publicKey.asymmetricKeyType, root.publicKey.asymmetricKeyType], ['rsa', 'rsa']);
  assert.ok(leaf.verify(root.publicKey));
  assert.match(
    unseal(control.context.masterKey, entry.privateKey, 'server_certificate:www.a.test rsa'),
    /BEGIN PRIVATE/,
  );
  control.clock.now += 61 * DAY;
  assert.deepEqual(await certificates.renew(), ['www.a.test', 'www.a.test']);
  assert.notEqual(index.serverCertificate('www.a.test', 'rsa')!.certificate, entry.certificate);
  await deleteOrigin(control.context, CAUSE, control.zone, 'www.a.test');
  control.clock.now += 91 * DAY;
  await certificates.renew();
  assert.equal(index.serverCertificate('www.a.test', 'rsa'), undefined);
});

test('an installation that an earlier version made gets its RSA root at the next start', async () => {
  const { db } = control.context.store;
  await db.updateTable('installation').set({ rsa_root_certificate: null, rsa_root_key: null }).execute();
  const { rsaRoot } = await bootstrap(control.context);
  assert.equal((await bootstrap(control.context)).rsaRoot, rsaRoot);
  const certificates = new ServerCertificates(control.context);
  const { certificate } = await certificates.issueFor(['www.a.test'], 'rsa');
  assert.ok(new X509Certificate(certificate).verify(new X509Certificate(rsaRoot).publicKey));
});

test('visitor certificates are renewed in time, while they are served', async () => {
  const certificates = new ServerCertificates(control.context);
  const origin = { address: '192.0.2.1', https_port: 443, http_port: 80, sni: null, host_header: null };
  await putOrigin(control.context, CAUSE, control.zone, { hostname: 'www.a.test', ...origin });
  await certificates.ensure('www.a.test', 'ecdsa');
  const first = control.workers.index.serverCertificate('www.a.test', 'ecdsa')!.certificate;
  control.clock.now += 59 * DAY;
  assert.deepEqual(await certificates.renew(), []);
  control.clock.now += 2 * DAY;
  assert.deepEqual(await certificates.renew(), ['www.a.test']);
  assert.notEqual(control.workers.index.serverCertificate('www.a.test', 'ecdsa')!.certificate, first);
  assert.deepEqual(await certificates.renew(), []);
});

test('an expired visitor certificate is replaced when it is asked for', async () => {
  const certificates = new ServerCertificates(control.context);
  const origin = { address: '192.0.2.1', https_port: 443, http_port: 80, sni: null, host_header: null };
  await putOrigin(control.context, CAUSE, control.zone, { hostname: 'www.a.test', ...origin });
  await certificates.ensure('www.a.test', 'ecdsa');
  control.clock.now += 91 * DAY;
  await certificates.ensure('www.a.test', 'ecdsa');
  assert.ok(control.workers.index.serverCertificate('www.a.test', 'ecdsa')!.expiresAt > control.clock.now);
});

test('a visitor certificate that ended is removed where its hostname is no longer served', async () => {
  const certificates = new ServerCertificates(control.context);
  const origin = { address: '192.0.2.1', https_port: 443, http_port: 80, sni: null, host_header: null };
  await putOrigin(control.context, CAUSE, control.zone, { hostname: 'www.a.test', ...origin });
  await certificates.ensure('www.a.test', 'ecdsa');
  await deleteOrigin(control.context, CAUSE, control.zone, 'www.a.test');
  control.clock.now += 61 * DAY;
  assert.deepEqual(await certificates.renew(), [], 'not renewed');
  assert.ok(control.workers.index.serverCertificate('www.a.test', 'ecdsa'), 'but there while it lasts');
  control.clock.now += 30 * DAY;
  await certificates.renew();
  assert.equal(control.workers.index.serverCertificate('www.a.test', 'ecdsa'), undefined);
});
