import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import Cloudflare from 'cloudflare';
import { issueServerCertificate } from '../../src/x509/mod.ts';
import { makeCa, makeRsaServer, makeServer } from '../doubles/certificates.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';
import { FREE_PORTS, Workshop } from '../doubles/program.ts';

const workshop = new Workshop();
let plane: TestControlPlane;
let client: Cloudflare;
let zone: { zone_id: string };
let ca: Awaited<ReturnType<typeof makeCa>>;

before(async () => {
  plane = await startControlPlane();
  client = new Cloudflare({ apiToken: plane.token, baseURL: plane.api, maxRetries: 0 });
  zone = { zone_id: plane.zone.id };
  ca = await makeCa('Public CA');
});
after(async () => {
  await plane.close();
  assert.deepEqual(plane.internalErrors, []);
});

async function upload(...names: string[]) {
  const { certificate, privateKey } = await makeServer(ca, ...names);
  return { ...zone, certificate, private_key: privateKey };
}

async function fails(call: Promise<unknown>, status: number, code: number, pointer?: string): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Cloudflare.APIError, String(error));
    const [first] = error.errors as { code: number; message: string; source?: { pointer: string } }[];
    assert.deepEqual([error.status, first!.code, first!.source?.pointer], [status, code, pointer], error.message);
    return true;
  });
}

test('a certificate for visitors is uploaded with its chain, listed, read, and deleted; its key never comes back', async () => {
  const pair = await upload('www.example.test', '*.example.test', 'elsewhere.test');
  const made = await client.customCertificates.create({
    ...pair,
    certificate: `${pair.certificate}\n${ca.certificate}`,
    bundle_method: 'force',
    type: 'sni_custom',
    geo_restrictions: { label: 'eu' },
    deploy: 'production',
  });
  assert.match(made.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(made.hosts, ['www.example.test', '*.example.test', 'elsewhere.test']);
  assert.deepEqual(
    [made.zone_id, made.status, made.bundle_method, made.priority, made.issuer, made.signature],
    [zone.zone_id, 'active', 'force', 0, 'CN=Public CA', 'ECDSA-SHA256'],
  );
  assert.equal(Date.parse(made.expires_on!), Math.floor(new X509Certificate(pair.certificate).validToDate.getTime()));
  assert.ok(!JSON.stringify(made).includes('PRIVATE'));
  assert.deepEqual(await client.customCertificates.get(made.id, zone), made);
  const listed: unknown[] = [];
  for await (const one of client.customCertificates.list({ ...zone, status: 'active' })) listed.push(one);
  assert.deepEqual(listed, [made]);
  const entry = plane.plane.publisher.index.customCertificates(zone.zone_id, '*.example.test')[0]!;
  assert.equal(entry.certificate.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert.match(entry.privateKey, /^v1\./, 'sealed');
  assert.deepEqual(await client.customCertificates.delete(made.id, zone), { id: made.id });
  await fails(client.customCertificates.get(made.id, zone), 404, 1562);
  await fails(client.customCertificates.delete(made.id, zone), 404, 1562);
  assert.deepEqual(plane.plane.publisher.index.customCertificates(zone.zone_id, '*.example.test'), []);
});

test('ECDSA and RSA side by side, replaced under their ids, and put into an order', async () => {
  const ecdsa = await client.customCertificates.create(await upload('side.example.test'));
  const rsaPair = await makeRsaServer(ca, 'side.example.test');
  const rsa = await client.customCertificates.create({
    ...zone,
    certificate: rsaPair.certificate,
    private_key: rsaPair.privateKey,
  });
  const keys = () =>
    plane.plane.publisher.index.customCertificates(zone.zone_id, 'side.example.test').map(({ key }) => key);
  assert.deepEqual(keys(), ['RSA', 'P-256'], 'the newer one first');
  const prioritized = await client.customCertificates.prioritize.update({
    ...zone,
    certificates: [
      { id: ecdsa.id, priority: 2 },
      { id: rsa.id, priority: 1 },
    ],
  });
  const order: string[] = [];
  for await (const one of prioritized as unknown as AsyncIterable<{ id: string }>) order.push(one.id);
  assert.deepEqual(order, [ecdsa.id, rsa.id]);
  assert.deepEqual(keys(), ['P-256', 'RSA']);
  const renewed = await upload('side.example.test', 'more.example.test');
  const edited = await client.customCertificates.edit(ecdsa.id, renewed);
  assert.deepEqual([edited.id, edited.priority, edited.hosts?.length], [ecdsa.id, 2, 2]);
  assert.equal(edited.uploaded_on, ecdsa.uploaded_on);
  await fails(
    client.customCertificates.edit(rsa.id, { ...zone, certificate: renewed.certificate }),
    400,
    1004,
    '/private_key',
  );
  await fails(client.customCertificates.edit(rsa.id, renewed), 400, 1406, '/certificate');
  assert.equal(
    (await client.customCertificates.edit(rsa.id, { ...zone, bundle_method: 'optimal' })).bundle_method,
    'optimal',
  );
  for (const { id } of [ecdsa, rsa]) await client.customCertificates.delete(id, zone);
});

test('what could not serve a visitor is refused, and says why', async () => {
  const pair = await upload('www.example.test');
  const other = await upload('www.example.test');
  const create = (facts: Partial<typeof pair>) => client.customCertificates.create({ ...pair, ...facts });
  await fails(create({ certificate: 'nonsense' }), 400, 1408, '/certificate');
  await fails(create({ certificate: pair.private_key }), 400, 1408, '/certificate');
  await fails(create({ certificate: ca.certificate, private_key: ca.privateKey }), 400, 1412, '/certificate');
  await fails(create({ private_key: other.private_key }), 400, 1442, '/private_key');
  await fails(create({ private_key: 'nonsense' }), 400, 1440, '/private_key');
  await fails(create({ certificate: `${pair.certificate}${other.certificate}` }), 400, 1449, '/certificate');
  await fails(create({ certificate: `${ca.certificate}${pair.certificate}` }), 400, 1412, '/certificate');
  await fails(create(await upload('www.elsewhere.test', 'badexample.test')), 400, 1451, '/certificate');
  const options = {
    randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
    installationId: '0'.repeat(32),
  };
  const old = await issueServerCertificate(ca, ['www.example.test'], { ...options, now: Date.now() - 91 * 86_400_000 });
  await fails(create({ certificate: old.certificate, private_key: old.privateKey }), 400, 1206, '/certificate');
  const { privateKey } = generateKeyPairSync('ed25519');
  await fails(
    create({ private_key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) }),
    400,
    1443,
    '/private_key',
  );
  const made = await create({});
  await fails(create({}), 400, 1406, '/certificate');
  await client.customCertificates.delete(made.id, zone);
});

test("a zone that goes takes its certificates along, and the ids of another zone are nobody else's", async () => {
  const other = await client.zones.create({ account: { id: plane.accountId }, name: 'gone.test', type: 'full' });
  const at = { zone_id: other.id };
  const made = await client.customCertificates.create({ ...(await upload('www.gone.test')), ...at });
  await fails(client.customCertificates.get(made.id, zone), 404, 1562);
  await fails(client.customCertificates.delete(made.id, zone), 404, 1562);
  await client.zones.delete(at);
  assert.deepEqual(plane.plane.publisher.index.customCertificates(other.id, 'www.gone.test'), []);
});

test('visitors see the uploaded certificate with its chain as soon as the API has answered, and the issued one after', async () => {
  const { process: up, info } = await workshop.up([
    '--data',
    workshop.path(),
    '--workers',
    '2',
    '--demo',
    ...FREE_PORTS,
  ]);
  const { zone: demo, hostnames } = info.demo!;
  const sdk = new Cloudflare({
    apiToken: readFileSync(info.tokenFile, 'utf8').trim(),
    baseURL: info.api,
    maxRetries: 0,
  });
  const servername = hostnames[0]!;
  const pair = await makeServer(ca, servername);
  const authorizedBy = (root: string) =>
    new Promise<boolean>((resolve, reject) => {
      const [host, port] = info.edge.https.split(':');
      const socket = tls.connect({ host: host!, port: Number(port), servername, ca: root, rejectUnauthorized: false });
      socket.on('secureConnect', () => {
        resolve(socket.authorized);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const own = readFileSync(info.rootCaFile, 'utf8');
  assert.deepEqual([await authorizedBy(own), await authorizedBy(ca.certificate)], [true, false]);
  const made = await sdk.customCertificates.create({
    zone_id: demo.id,
    certificate: pair.certificate,
    private_key: pair.privateKey,
  });
  for (let i = 0; i < 4; i++) assert.equal(await authorizedBy(ca.certificate), true);
  await sdk.customCertificates.delete(made.id, { zone_id: demo.id });
  for (let i = 0; i < 4; i++)
    assert.deepEqual([await authorizedBy(own), await authorizedBy(ca.certificate)], [true, false]);
  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
});
