import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare from 'cloudflare';
import { init } from '../../src/control/mod.ts';
import { issueClientCertificate, issueServerCertificate } from '../../src/x509/mod.ts';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';

let plane: TestControlPlane;
let ca: Awaited<ReturnType<typeof makeCa>>;
let zone: string;
let aop: string;

before(async () => {
  plane = await startControlPlane();
  ca = await makeCa('Team CA');
  zone = `/zones/${plane.zone.id}`;
  aop = `${zone}/origin_tls_client_auth`;
});
after(async () => {
  await plane.close();
  assert.deepEqual(plane.internalErrors, []);
});

interface Answer {
  readonly status: number;
  readonly result: unknown;
  readonly code: number | undefined;
  readonly pointer: string | undefined;
  readonly messages: readonly { readonly code: number; readonly message: string }[];
  readonly info: Record<string, number>;
}

async function call(method: string, path: string, body?: unknown, token = plane.token): Promise<Answer> {
  const response = await fetch(plane.api + path, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as {
    result: unknown;
    errors: { code: number; source?: { pointer: string } }[];
    messages: Answer['messages'];
    result_info: Record<string, number>;
  };
  const [error] = answer.errors;
  return {
    status: response.status,
    result: answer.result,
    code: error?.code,
    pointer: error?.source?.pointer,
    messages: answer.messages,
    info: answer.result_info,
  };
}

const options = (now: number) => ({
  now,
  randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
  installationId: '0'.repeat(32),
});
const body = ({ certificate, privateKey }: { certificate: string; privateKey: string }) => ({
  certificate,
  private_key: privateKey,
});
const leaf = async (name: string) => body(await makeClient(ca, name));
const idOf = (answer: Answer) => (answer.result as { id: string }).id;
const DAY = 86_400_000;

test('an expired certificate is accepted, active, and warned of', async () => {
  const expired = body(await issueClientCertificate(ca, 'expired', options(Date.now() - 400 * DAY)));
  const made = await call('POST', aop, expired);
  assert.equal((made.result as { status: string }).status, 'active');
  assert.deepEqual(
    made.messages.map(({ code }) => code),
    [1490],
  );
  await call('DELETE', `${aop}/${idOf(made)}`);
});

test('a certificate for servers only, or not valid yet, is accepted and warned of', async () => {
  const server = await issueServerCertificate(ca, ['x.test'], options(Date.now() + 10 * DAY));
  const made = await call('POST', `${aop}/hostnames/certificates`, body(server));
  assert.deepEqual([made.status, made.messages.map(({ code }) => code)], [200, [1491, 1492]]);
  assert.match(made.messages[1]!.message, /clientAuth/);
  const good = await call('POST', aop, await leaf('good'));
  assert.deepEqual(good.messages, []);
  for (const path of [`${aop}/hostnames/certificates/${idOf(made)}`, `${aop}/${idOf(good)}`])
    await call('DELETE', path);
});

test('of several uploads of one certificate at once, exactly one succeeds', async () => {
  const upload = await leaf('race');
  for (const path of [aop, `${aop}/hostnames/certificates`]) {
    const answers = await Promise.all(Array.from({ length: 6 }, () => call('POST', path, upload)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400, 400, 400, 400]);
    for (const { status, code, pointer } of answers)
      if (status === 400) assert.deepEqual([code, pointer], [1406, '/certificate']);
    const [one, ...others] = (await call('GET', path)).result as { id: string }[];
    assert.equal(others.length, 0);
    await call('DELETE', `${path}/${one!.id}`);
  }
});

test('an upload that races with the deletion of its zone is one or the other, never half', async () => {
  for (let i = 0; i < 5; i++) {
    const made = await call('POST', '/zones', { name: `race${i}.test`, account: { id: plane.accountId } });
    const path = `/zones/${idOf(made)}`;
    const upload = await leaf('x');
    const requests = [
      call('DELETE', path),
      call('POST', `${path}/origin_tls_client_auth`, upload),
      call('PATCH', `${path}/settings/ssl`, { value: 'strict' }),
      call('PUT', `${path}/origin_tls_client_auth/settings`, { enabled: true }),
      call('POST', `${path}/dns_records`, { type: 'A', name: 'x', content: '192.0.2.1' }),
      call('PUT', `${path}/countersign/origins/x.race${i}.test`, { address: '192.0.2.1' }),
      call('DELETE', path),
    ];
    const answers = await Promise.all(requests);
    for (const { status } of answers) assert.ok(status === 200 || status === 404, `status ${status}`);
    assert.equal((await call('GET', path)).status, 404);
  }
});

test('PATCHes of different members of a record at once all remain', async () => {
  const path = `${zone}/dns_records`;
  const id = idOf(await call('POST', path, { type: 'A', name: 'merge', content: '192.0.2.1', ttl: 300 }));
  const changes = [{ comment: 'c' }, { tags: ['a:b'] }, { ttl: 600 }, { content: '192.0.2.9' }];
  await Promise.all(changes.map((change) => call('PATCH', `${path}/${id}`, change)));
  const { comment, tags, ttl, content } = (await call('GET', `${path}/${id}`)).result as Record<string, unknown>;
  assert.deepEqual({ comment, tags, ttl, content }, Object.assign({}, ...changes));
});

test('a second deletion of a record at once is not found', async () => {
  const path = `${zone}/dns_records`;
  const id = idOf(await call('POST', path, { type: 'A', name: 'twice', content: '192.0.2.1' }));
  const answers = await Promise.all([call('DELETE', `${path}/${id}`), call('DELETE', `${path}/${id}`)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404]);
});

test('repeating what failed half way on the network is safe: nothing is there twice', async () => {
  const client = new Cloudflare({ apiToken: plane.token, baseURL: plane.api });
  const upload = await leaf('again');
  const record = { type: 'A', name: 'again', content: '192.0.2.1' };
  const first = [
    await call('POST', aop, upload),
    await call('POST', `${zone}/dns_records`, record),
    await call('POST', '/zones', { name: 'again.test' }),
  ];
  assert.deepEqual(
    first.map(({ status }) => status),
    [200, 200, 200],
  );
  const second = [
    await call('POST', aop, upload),
    await call('POST', `${zone}/dns_records`, record),
    await call('POST', '/zones', { name: 'again.test' }),
  ];
  // 400, not 409: clients would repeat a 409 for minutes (spec/api.md section 0, row 7).
  assert.deepEqual(
    second.map(({ status, code }) => [status, code]),
    [
      [400, 1406],
      [400, 81058],
      [400, 1061],
    ],
  );
  await client.originTLSClientAuth.zoneCertificates.delete(idOf(first[0]!), { zone_id: plane.zone.id });
  await call('DELETE', `/zones/${idOf(first[2]!)}`);
});

test('associations are listed by page and by state', async () => {
  const id = idOf(await call('POST', `${aop}/hostnames/certificates`, await leaf('list')));
  const config = Array.from({ length: 5 }, (_, i) => ({ hostname: `l${i}.example.test`, cert_id: id, enabled: i > 0 }));
  await call('PUT', `${aop}/hostnames`, { config });
  const names = async (query: string) => {
    const { result, info, status } = await call('GET', `${aop}/hostnames?${query}`);
    assert.equal(status, 200);
    assert.equal(info.count, (result as object[]).length);
    return (result as { hostname: string }[]).map(({ hostname }) => hostname[1]).join('');
  };
  assert.equal(await names(''), '01234');
  assert.equal(await names('per_page=2'), '01');
  assert.equal(await names('per_page=2&page=3'), '4');
  assert.equal(await names('per_page=2&page=4'), '');
  assert.equal(await names('status=active,pending_deployment'), '01234');
  assert.equal(await names('status=pending_deployment,deleted'), '');
  assert.equal(await names('status=all'), '01234');
  assert.equal((await call('GET', `${aop}/hostnames?per_page=2`)).info.total_pages, 3);
  for (const query of ['status=gone', 'page=0', 'per_page=1001', 'page=x', 'page=1.5', 'page=1e99', 'per_page=']) {
    const { status, code } = await call('GET', `${aop}/hostnames?${query}`);
    assert.deepEqual([status, code], [400, 1004], query);
  }
  await call('PUT', `${aop}/hostnames`, { config: config.map((entry) => ({ ...entry, enabled: null })) });
  await call('DELETE', `${aop}/hostnames/certificates/${id}`);
});

test('hostnames: any spelling finds the association, and the answer keeps the spelling asked for', async () => {
  const id = idOf(await call('POST', `${aop}/hostnames/certificates`, await leaf('spelling')));
  const put = (hostname: string, enabled: boolean | null) =>
    call('PUT', `${aop}/hostnames`, { config: [{ hostname, cert_id: id, enabled }] });
  for (const [sent, others] of [
    ['App.Example.test', ['app.example.test', 'APP.EXAMPLE.TEST.']],
    ['bücher.example.test', ['xn--bcher-kva.example.test', 'BÜCHER.example.test']],
    ['example.test', ['Example.Test']],
  ] as const) {
    assert.equal(((await put(sent, true)).result as { hostname: string }[])[0]!.hostname, sent);
    for (const spelling of [sent, ...others]) {
      const { status, result } = await call('GET', `${aop}/hostnames/${encodeURIComponent(spelling)}`);
      assert.deepEqual([status, (result as { hostname: string }).hostname], [200, spelling]);
    }
    await put(sent, null);
    assert.equal((await call('GET', `${aop}/hostnames/${encodeURIComponent(sent)}`)).code, 1553);
  }
  await call('DELETE', `${aop}/hostnames/certificates/${id}`);
});

test('the same PUT again moves no time stamp', async () => {
  const id = idOf(await call('POST', `${aop}/hostnames/certificates`, await leaf('noop')));
  const config = [{ hostname: 'noop.example.test', cert_id: id, enabled: true }];
  const first = await call('PUT', `${aop}/hostnames`, { config });
  const second = await call('PUT', `${aop}/hostnames`, { config });
  assert.deepEqual(second.result, first.result);
  const [changed] = (await call('PUT', `${aop}/hostnames`, { config: [{ ...config[0], enabled: false }] })).result as {
    updated_at: string;
    created_at: string;
  }[];
  const [before] = first.result as { updated_at: string; created_at: string }[];
  assert.ok(changed!.updated_at > before!.updated_at && changed!.created_at === before!.created_at);
  await call('PUT', `${aop}/hostnames`, { config: [{ ...config[0], enabled: null }] });
  await call('DELETE', `${aop}/hostnames/certificates/${id}`);
});

test('an empty cert_id is a missing one, and pointers lead to the entry that is wrong', async () => {
  const put = (...config: object[]) => call('PUT', `${aop}/hostnames`, { config });
  const empty = await put({ hostname: 'a.example.test', cert_id: '', enabled: true });
  assert.deepEqual([empty.code, empty.pointer], [1404, '/config/0/cert_id']);
  const outside = await put({ hostname: 'a.example.test', cert_id: 'x' }, { hostname: 'a.other.test', cert_id: 'x' });
  assert.deepEqual([outside.code, outside.pointer], [1448, '/config/1/hostname']);
  const bulk = await call('PATCH', `${zone}/settings`, [
    { id: 'ssl', value: 'strict' },
    { id: 'tls_client_auth', value: 'maybe' },
  ]);
  assert.deepEqual([bulk.code, bulk.pointer], [1007, '/1/value']);
  const wrapped = await call('PATCH', `${zone}/settings`, { items: [{ id: 'nonsense', value: 1 }] });
  assert.deepEqual([wrapped.code, wrapped.pointer], [1006, '/items/0/id']);
  const ssl = (await call('GET', `${zone}/settings/ssl`)).result as { value: string; modified_on: null };
  assert.deepEqual([ssl.value, ssl.modified_on], ['full', null], 'nothing half applied');
  assert.deepEqual([(await call('PATCH', `${zone}/settings`, 7)).code], [1004]);
  assert.equal((await call('PUT', `${aop}/settings`, [])).pointer, '', 'the whole body, in RFC 6901');
});

test('settings can be changed in bulk, in both forms that clients send', async () => {
  const both = async (form: unknown) =>
    ((await call('PATCH', `${zone}/settings`, form)).result as { id: string; value: string }[])
      .filter(({ id }) => id === 'ssl' || id === 'tls_client_auth')
      .map(({ value }) => value);
  assert.deepEqual(
    await both([
      { id: 'ssl', value: 'strict' },
      { id: 'tls_client_auth', value: 'on' },
    ]),
    ['strict', 'on'],
  );
  assert.deepEqual(await both({ items: [{ id: 'tls_client_auth', value: 'off' }] }), ['strict', 'off']);
});

const SETTINGS: readonly [id: string, fallback: unknown, good: readonly unknown[], bad: readonly unknown[]][] = [
  ['min_tls_version', '1.2', ['1.0', '1.1', '1.3', '1.2'], ['1.4', 1.2, '', null]],
  ['tls_1_3', 'on', ['off', 'zrt', 'on'], ['ON', true]],
  ['http2', 'on', ['off', 'on'], ['zrt', 2]],
  ['max_upload', 100, [1, 5000, 100], [0, 5001, 1.5, '100', -1, null]],
  ['proxy_read_timeout', 125, [1, 6000, 125], [0, 6001, 1.5, '100', -1, null]],
  ['origin_max_http_version', '2', ['1', '2'], ['3', 2]],
  ['always_use_https', 'off', ['on', 'off'], [true, {}]],
  ['websockets', 'on', ['off', 'on'], [[], 'no']],
];
for (const [id, fallback, good, bad] of SETTINGS) {
  test(`setting ${id}: default, values, refusals, and what edges get`, async () => {
    const path = `${zone}/settings/${id}`;
    const inForce = () => plane.plane.publisher.index.zone(plane.zone.id)!.settings?.[id as 'http2'];
    assert.deepEqual((await call('GET', path)).result, { id, value: fallback, editable: true, modified_on: null });
    assert.equal(inForce(), undefined);
    for (const value of good) {
      const { result } = await call('PATCH', path, { value });
      assert.equal((result as { value: unknown }).value, value);
      assert.equal(inForce(), value);
    }
    for (const value of bad) {
      const { status, code, pointer } = await call('PATCH', path, { value });
      assert.deepEqual([status, code, pointer], [400, 1007, '/value'], JSON.stringify(value));
    }
    assert.equal(inForce(), good.at(-1));
  });
}

test('settings that would leave no version of TLS are refused, whichever comes last', async () => {
  const set = (id: string, value: string) => call('PATCH', `${zone}/settings/${id}`, { value });
  await set('min_tls_version', '1.3');
  assert.equal((await set('tls_1_3', 'off')).code, 1007);
  const both = (min: string) =>
    call('PATCH', `${zone}/settings`, [
      { id: 'http2', value: 'on' },
      { id: 'tls_1_3', value: 'off' },
      { id: 'min_tls_version', value: min },
    ]);
  assert.deepEqual([(await both('1.3')).code, (await both('1.3')).pointer], [1007, '/1/value']);
  assert.equal((await both('1.0')).status, 200);
  assert.equal((await set('min_tls_version', '1.3')).code, 1007);
  await set('tls_1_3', 'on');
});

test('zone edits: what is so already is fine, what the edge has no notion of is refused', async () => {
  const client = new Cloudflare({ apiToken: plane.token, baseURL: plane.api, maxRetries: 0 });
  const zone_id = plane.zone.id;
  assert.equal((await client.zones.edit({ zone_id, paused: false })).paused, false);
  assert.equal((await client.zones.edit({ zone_id, type: 'full' })).type, 'full');
  assert.deepEqual((await call('PATCH', zone, { paused: true })).pointer, '/paused');
  assert.deepEqual((await call('PATCH', zone, { type: 'partial' })).pointer, '/type');
  assert.equal((await client.zones.activationCheck.trigger({ zone_id })).id, zone_id);
});

test('an internationalised zone name comes back as it was sent', async () => {
  const made = await call('POST', '/zones', { name: 'bücher.test' });
  assert.equal((made.result as { name: string }).name, 'bücher.test');
  for (const name of ['bücher.test', 'xn--bcher-kva.test']) {
    const found = (await call('GET', `/zones?name=${encodeURIComponent(name)}`)).result as { id: string }[];
    assert.deepEqual(
      found.map(({ id }) => id),
      [idOf(made)],
      name,
    );
  }
  const record = await call('POST', `/zones/${idOf(made)}/dns_records`, {
    type: 'CNAME',
    name: 'große.bücher.test',
    content: 'straße.test',
  });
  const { name, content } = record.result as { name: string; content: string };
  assert.deepEqual([name, content], ['xn--groe-xna.xn--bcher-kva.test', 'xn--strae-oqa.test']);
  await call('DELETE', `/zones/${idOf(made)}`);
});

test("nobody takes or sees hostnames of another account's zone", async () => {
  const other = await init(plane.plane.context, {
    accountId: 'e'.repeat(32),
    email: 'other@example.test',
    apiToken: 'another-token-another-token-another-token',
    zones: [{ name: 'deep.example.test' }],
  });
  assert.equal(other.zones.length, 1, 'the administrator may');
  const below = await call('POST', '/zones', { name: 'sub.example.test' }, other.apiToken!);
  assert.deepEqual([below.status, below.code, below.pointer], [400, 1116, '/name']);
  const url = encodeURIComponent('https://x.deep.example.test/');
  const seen = await call('GET', `${zone}/countersign/resolve?url=${url}`);
  assert.deepEqual([seen.status, seen.code], [400, 1448]);
  const own = await call('POST', '/zones', { name: 'own.example.test' });
  assert.equal(own.status, 200, 'below a zone of its own, an account may');
  await call('DELETE', `/zones/${idOf(own)}`);
});

test('text that would not come back as it went in is refused', async () => {
  for (const comment of ['a\0b', 'a\ud800b']) {
    const { status, pointer } = await call('POST', `${zone}/dns_records`, {
      type: 'A',
      name: 'text',
      content: '192.0.2.1',
      comment,
    });
    assert.deepEqual([status, pointer], [400, '/comment']);
  }
});

test('every other mistake in a record names its member', async () => {
  const good = { type: 'A', name: 'x', content: '192.0.2.1', ttl: 300, proxied: false };
  const wrong: readonly [change: object, pointer: string][] = [
    [{ type: 'MX' }, '/type'],
    [{ type: undefined }, '/type'],
    [{ name: 'a..b' }, '/name'],
    [{ name: '' }, '/name'],
    [{ name: 'x'.repeat(64) }, '/name'],
    [{ content: '192.0.2.256' }, '/content'],
    [{ type: 'AAAA' }, '/content'],
    [{ type: 'CNAME', content: '-' }, '/content'],
    [{ ttl: 2 }, '/ttl'],
    [{ ttl: 86_401 }, '/ttl'],
    [{ ttl: 1.5 }, '/ttl'],
    [{ ttl: 1e308 }, '/ttl'],
    [{ ttl: '300' }, '/ttl'],
    [{ proxied: 'yes' }, '/proxied'],
    [{ tags: [1] }, '/tags/0'],
  ];
  for (const [change, pointer] of wrong) {
    const answer = await call('POST', `${zone}/dns_records`, { ...good, ...change });
    assert.deepEqual([answer.status, answer.code, answer.pointer], [400, 1004, pointer], JSON.stringify(change));
  }
});

test('the fields of an association are those on record (1.3)', async () => {
  const upload = await leaf('fields');
  const certificate = await call('POST', `${aop}/hostnames/certificates`, upload);
  const cert = certificate.result as Record<string, string>;
  assert.deepEqual(Object.keys(cert).sort(), [
    'certificate',
    'expires_on',
    'id',
    'issuer',
    'serial_number',
    'signature',
    'status',
    'uploaded_on',
  ]);
  const config = [{ hostname: 'fields.example.test', cert_id: cert.id, enabled: false }];
  const [put] = (await call('PUT', `${aop}/hostnames`, { config })).result as Record<string, unknown>[];
  const { created_at, updated_at, cert_updated_at, ...rest } = put!;
  assert.deepEqual(rest, {
    hostname: 'fields.example.test',
    cert_id: cert.id,
    enabled: false,
    status: 'active',
    cert_status: 'active',
    cert_uploaded_on: cert.uploaded_on,
    certificate: upload.certificate,
    issuer: cert.issuer,
    serial_number: cert.serial_number,
    signature: cert.signature,
    expires_on: cert.expires_on,
  });
  for (const time of [created_at, updated_at, cert_updated_at])
    assert.match(time as string, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,5}[1-9])?Z$/);
  assert.deepEqual((await call('GET', `${aop}/hostnames/fields.example.test`)).result, put);
  await call('PUT', `${aop}/hostnames`, { config: [{ ...config[0], enabled: null }] });
  await call('DELETE', `${aop}/hostnames/certificates/${cert.id}`);
});

test('voiding with a deleted certificate is refused', async () => {
  const id = idOf(await call('POST', `${aop}/hostnames/certificates`, await leaf('void')));
  await call('DELETE', `${aop}/hostnames/certificates/${id}`);
  const config = [{ hostname: 'v.example.test', cert_id: id, enabled: null }];
  assert.equal((await call('PUT', `${aop}/hostnames`, { config })).code, 1415);
});
