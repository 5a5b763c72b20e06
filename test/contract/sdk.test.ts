import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare from 'cloudflare';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';

let plane: TestControlPlane;
let client: Cloudflare;
let zone: { zone_id: string };
let ca: Awaited<ReturnType<typeof makeCa>>;

before(async () => {
  plane = await startControlPlane();
  client = new Cloudflare({ apiToken: plane.token, baseURL: plane.api, maxRetries: 0 });
  zone = { zone_id: plane.zone.id };
  ca = await makeCa('Team CA');
});
after(async () => {
  await plane.close();
  assert.deepEqual(plane.internalErrors, []);
});

const leaf = async (name: string) => {
  const { certificate, privateKey } = await makeClient(ca, name);
  return { certificate, private_key: privateKey };
};

async function fails(call: Promise<unknown>, status: number, code: number, message = /./): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Cloudflare.APIError, String(error));
    assert.equal(error.status, status, error.message);
    assert.equal((error.errors as { code: number; message: string }[])[0]!.code, code, error.message);
    assert.match((error.errors as { message: string }[])[0]!.message, message);
    return true;
  });
}

test('the token verifies, and key with e-mail works too', async () => {
  assert.equal((await client.user.tokens.verify())?.status, 'active');
  const byKey = new Cloudflare({ apiKey: plane.key, apiEmail: plane.email, baseURL: plane.api, maxRetries: 0 });
  assert.equal((await byKey.zones.get(zone)).name, 'example.test');
  const wrong = new Cloudflare({ apiToken: 'x'.repeat(40), baseURL: plane.api, maxRetries: 0 });
  await fails(wrong.zones.get(zone), 403, 10000);
});

test('zones are made, listed by name, read and deleted', async () => {
  const made = await client.zones.create({ account: { id: plane.accountId }, name: 'Other.TEST', type: 'full' });
  assert.equal(made.name, 'other.test');
  assert.match(made.id, /^[0-9a-f]{32}$/);
  assert.equal(made.name_servers.length, 2);
  assert.equal(made.meta.phishing_detected, false);
  assert.deepEqual(await client.zones.get({ zone_id: made.id }), made);
  const names: string[] = [];
  for await (const listed of client.zones.list({ name: 'contains:other' })) names.push(listed.name);
  assert.deepEqual(names, ['other.test']);
  await fails(client.zones.create({ account: { id: plane.accountId }, name: 'other.test' }), 400, 1061);
  await fails(client.zones.create({ account: { id: plane.accountId }, name: '-bad-.test' }), 400, 1002);
  assert.deepEqual(await client.zones.delete({ zone_id: made.id }), { id: made.id });
  await fails(client.zones.get({ zone_id: made.id }), 404, 7003);
});

test('the zone settings ssl and tls_client_auth', async () => {
  const before = (await client.zones.settings.get('tls_client_auth', zone)) as {
    value: string;
    modified_on: string | null;
  };
  assert.deepEqual([before.value, before.modified_on], ['off', null]);
  const changed = (await client.zones.settings.edit('tls_client_auth', { ...zone, value: 'on' })) as {
    value: string;
    modified_on: string;
  };
  assert.equal(changed.value, 'on');
  assert.ok(!Number.isNaN(Date.parse(changed.modified_on)));
  const ssl = (await client.zones.settings.edit('ssl', { ...zone, value: 'strict' })) as { value: string };
  assert.equal(ssl.value, 'strict');
  await fails(client.zones.settings.edit('ssl', { ...zone, value: 'loose' as 'strict' }), 400, 1007, /ssl/);
  await fails(client.zones.settings.get('no_such_setting', zone), 400, 1006, /no_such_setting/);
});

test('DNS records: all of their life', async () => {
  const made = await client.dns.records.create({
    ...zone,
    type: 'A',
    name: 'www',
    content: '192.0.2.1',
    ttl: 300,
    proxied: false,
  });
  assert.equal(made.name, 'www.example.test');
  const record = { ...zone };
  assert.deepEqual(await client.dns.records.get(made.id, record), made);
  const edited = await client.dns.records.edit(made.id, {
    ...record,
    type: 'A',
    name: 'www',
    ttl: 300,
    content: '192.0.2.2',
  });
  assert.equal(edited.content, '192.0.2.2');
  const updated = await client.dns.records.update(made.id, {
    ...record,
    type: 'A',
    name: 'www',
    content: '192.0.2.3',
    ttl: 1,
    proxied: true,
  });
  assert.deepEqual([updated.content, updated.proxied], ['192.0.2.3', true]);
  await client.dns.records.create({ ...zone, type: 'AAAA', name: 'www', content: '2001:DB8::1', ttl: 1 });
  await fails(
    client.dns.records.create({ ...zone, type: 'A', name: 'www.example.test', content: '192.0.2.3', ttl: 1 }),
    400,
    81058,
  );
  await fails(
    client.dns.records.create({ ...zone, type: 'CNAME', name: 'www', content: 'x.test', ttl: 1 }),
    400,
    81053,
  );
  await fails(
    client.dns.records.create({ ...zone, type: 'A', name: 'bad', content: 'not-an-ip', ttl: 1 }),
    400,
    1004,
    /IPv4/,
  );
  const found: string[] = [];
  for await (const one of client.dns.records.list({ ...zone, name: { exact: 'www.example.test' }, per_page: 1 }))
    found.push(one.type);
  assert.deepEqual(found.sort(), ['A', 'AAAA']);
  assert.deepEqual(await client.dns.records.delete(made.id, record), { id: made.id });
  await fails(client.dns.records.get(made.id, record), 404, 81044);
});

test('a zone certificate: uploaded, active, listed, read, deleted, read as a tombstone', async () => {
  const upload = await leaf('edge');
  const made = await client.originTLSClientAuth.zoneCertificates.create({ ...zone, ...upload });
  assert.match(made.id!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.equal(made.status, 'active');
  assert.equal(made.certificate, upload.certificate);
  assert.equal(made.issuer, 'CN=Team CA');
  assert.equal(made.signature, 'ECDSA-SHA256');
  assert.match((made as { serial_number?: string }).serial_number!, /^\d+$/);
  assert.match(made.expires_on!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.match(made.uploaded_on!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,5}[1-9])?Z$/);
  assert.equal('private_key' in made, false);
  const ids = async () =>
    (await Array.fromAsync(client.originTLSClientAuth.zoneCertificates.list(zone))).map(({ id }) => id);
  assert.deepEqual(await ids(), [made.id]);
  assert.deepEqual(await client.originTLSClientAuth.zoneCertificates.get(made.id!, zone), made);
  await fails(
    client.originTLSClientAuth.zoneCertificates.create({ ...zone, ...upload }),
    400,
    1406,
    /^This certificate already exists for this zone\.$/,
  );
  const gone = await client.originTLSClientAuth.zoneCertificates.delete(made.id!, zone);
  assert.equal(gone.status, 'deleted');
  assert.deepEqual(await ids(), []);
  assert.equal((await client.originTLSClientAuth.zoneCertificates.get(made.id!, zone)).status, 'deleted');
  await fails(
    client.originTLSClientAuth.zoneCertificates.delete(made.id!, zone),
    400,
    1407,
    /^Certificate is already deleted\.$/,
  );
  const again = await client.originTLSClientAuth.zoneCertificates.create({ ...zone, ...upload });
  assert.equal(again.status, 'active');
  await client.originTLSClientAuth.zoneCertificates.delete(again.id!, zone);
});

test('the zone switch', async () => {
  assert.deepEqual(await client.originTLSClientAuth.settings.get(zone), { enabled: false });
  assert.deepEqual(await client.originTLSClientAuth.settings.update({ ...zone, enabled: true }), { enabled: true });
  assert.deepEqual(await client.originTLSClientAuth.settings.get(zone), { enabled: true });
  const settings = (await client.zones.settings.get('tls_client_auth', zone)) as { value: string };
  assert.equal(settings.value, 'on', 'untouched by the other switch');
  await client.originTLSClientAuth.settings.update({ ...zone, enabled: false });
});

test('Terraform: certificate, association, void, delete at once, the same certificate again', async () => {
  const upload = await leaf('tf');
  for (let round = 0; round < 2; round++) {
    const certificate = await client.originTLSClientAuth.hostnameCertificates.create({ ...zone, ...upload });
    assert.equal(certificate.status, 'active');
    const config = [{ hostname: 'App.Example.test', cert_id: certificate.id!, enabled: true }];
    const put = await Array.fromAsync(client.originTLSClientAuth.hostnames.update({ ...zone, config }));
    assert.deepEqual(
      put.map(({ hostname, enabled, status, cert_status }) => [hostname, enabled, status, cert_status]),
      [['App.Example.test', true, 'active', 'active']],
    );
    const got = await client.originTLSClientAuth.hostnames.get('app.example.test', zone);
    assert.equal(got.cert_id, certificate.id);
    assert.equal(got.certificate, upload.certificate);
    assert.equal(got.expires_on, certificate.expires_on);
    await fails(
      client.originTLSClientAuth.hostnameCertificates.delete(certificate.id!, zone),
      400,
      1433,
      /in use.*app\.example\.test/,
    );
    const off = await Array.fromAsync(
      client.originTLSClientAuth.hostnames.update({ ...zone, config: [{ ...config[0]!, enabled: false }] }),
    );
    assert.equal(off[0]!.enabled, false);
    await fails(client.originTLSClientAuth.hostnameCertificates.delete(certificate.id!, zone), 400, 1433);
    const voided = await Array.fromAsync(
      client.originTLSClientAuth.hostnames.update({ ...zone, config: [{ ...config[0]!, enabled: null }] }),
    );
    assert.equal(voided[0]!.enabled, null);
    await fails(
      client.originTLSClientAuth.hostnames.get('app.example.test', zone),
      404,
      1553,
      /setting for this hostname not found/,
    );
    assert.equal(
      (await client.originTLSClientAuth.hostnameCertificates.delete(certificate.id!, zone)).status,
      'deleted',
    );
    await fails(
      client.originTLSClientAuth.hostnameCertificates.delete(certificate.id!, zone),
      400,
      1414,
      /pending deletion/,
    );
    await fails(
      client.originTLSClientAuth.hostnames.update({ ...zone, config }) as unknown as Promise<unknown>,
      400,
      1415,
    );
  }
});

test('ids of one store mean nothing in the other, and unknown ids are 404', async () => {
  const upload = await leaf('both');
  const ofZone = await client.originTLSClientAuth.zoneCertificates.create({ ...zone, ...upload });
  const ofHostname = await client.originTLSClientAuth.hostnameCertificates.create({ ...zone, ...upload });
  await fails(
    client.originTLSClientAuth.hostnameCertificates.get(ofZone.id!, zone),
    404,
    1551,
    /certificate not found/,
  );
  await fails(
    client.originTLSClientAuth.zoneCertificates.get(ofHostname.id!, zone),
    404,
    1552,
    /certificate not found/,
  );
  await fails(
    client.originTLSClientAuth.hostnameCertificates.delete('nonsense', zone),
    400,
    1415,
    /Invalid Certificate ID/,
  );
  const config = [{ hostname: 'app.example.test', cert_id: ofZone.id!, enabled: true }];
  await fails(
    client.originTLSClientAuth.hostnames.update({ ...zone, config }) as unknown as Promise<unknown>,
    400,
    1415,
    /^Certificate ID in request is either invalid or the certificate has been deleted$/,
  );
  await client.originTLSClientAuth.zoneCertificates.delete(ofZone.id!, zone);
  await client.originTLSClientAuth.hostnameCertificates.delete(ofHostname.id!, zone);
});

test('the quotas: 10 certificates a zone, 100 hostnames a certificate', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 10; i++)
    ids.push((await client.originTLSClientAuth.hostnameCertificates.create({ ...zone, ...(await leaf(`q${i}`)) })).id!);
  await fails(
    client.originTLSClientAuth.hostnameCertificates.create({ ...zone, ...(await leaf('q10')) }),
    400,
    1445,
    /quota/,
  );
  const config = (count: number, enabled: boolean | null) =>
    Array.from({ length: count }, (_, i) => ({ hostname: `h${i}.example.test`, cert_id: ids[0]!, enabled }));
  await fails(
    client.originTLSClientAuth.hostnames.update({ ...zone, config: config(101, true) }) as unknown as Promise<unknown>,
    400,
    1446,
  );
  await fails(client.originTLSClientAuth.hostnames.get('h0.example.test', zone), 404, 1553);
  assert.equal(
    (await Array.fromAsync(client.originTLSClientAuth.hostnames.update({ ...zone, config: config(100, true) }))).length,
    100,
  );
  await Array.fromAsync(client.originTLSClientAuth.hostnames.update({ ...zone, config: config(100, null) }));
  for (const id of ids) await client.originTLSClientAuth.hostnameCertificates.delete(id, zone);
});

test('each mistake in an upload has its own code', async () => {
  const { certificate, private_key } = await leaf('a');
  const other = await leaf('b');
  const create = (body: { certificate: string; private_key: string }) =>
    client.originTLSClientAuth.zoneCertificates.create({ ...zone, ...body });
  await fails(
    create({ certificate: ca.certificate, private_key: ca.privateKey }),
    400,
    1412,
    /^Only leaf certificate is allowed\.$/,
  );
  await fails(create({ certificate: 'garbage', private_key }), 400, 1408, /Unable to parse certificate/);
  await fails(create({ certificate, private_key: 'garbage' }), 400, 1440);
  await fails(create({ certificate, private_key: other.private_key }), 400, 1442);
  await fails(create({ certificate: certificate + other.certificate, private_key }), 400, 1444);
});
