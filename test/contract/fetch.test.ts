import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { init } from '../../src/control/mod.ts';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';

let plane: TestControlPlane;
let zonePath: string;
let aop: string;

before(async () => {
  plane = await startControlPlane();
  zonePath = `/zones/${plane.zone.id}`;
  aop = `${zonePath}/origin_tls_client_auth`;
});
after(async () => {
  await plane.close();
  assert.deepEqual(plane.internalErrors, []);
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly success: boolean;
    readonly errors: {
      readonly code: number;
      readonly message: string;
      readonly source?: { pointer: string };
      readonly error_chain?: { code: number }[];
    }[];
    readonly messages: { readonly code: number; readonly message: string }[];
    readonly result: unknown;
    readonly result_info?: object;
  };
}

async function call(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(plane.api + path, {
    method,
    headers: { Authorization: `Bearer ${plane.token}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

const without = { Authorization: '' };
const AUTH: readonly [name: string, headers: Record<string, string>, status: number, code: number, chain?: number][] = [
  ['no credentials', {}, 400, 9106],
  ['a malformed Authorization', { Authorization: 'Basic eDp5' }, 400, 6003, 6111],
  ['an unknown token', { Authorization: `Bearer ${'x'.repeat(40)}` }, 403, 10000],
  ['a malformed key', { 'X-Auth-Key': 'a b', 'X-Auth-Email': 'a@b.test' }, 400, 6003, 6103],
  ['a key without e-mail', { 'X-Auth-Key': 'abc' }, 400, 6003, 6102],
  ['an unknown key', { 'X-Auth-Key': 'a'.repeat(40), 'X-Auth-Email': 'a@b.test' }, 403, 9103],
  ['a service key', { 'X-Auth-User-Service-Key': 'v1.0-x' }, 403, 10000],
];
for (const [name, headers, status, code, chain] of AUTH) {
  test(`${name} is refused`, async () => {
    const response = await fetch(`${plane.api}/zones`, { headers });
    const { errors, success, result } = (await response.json()) as Answer['body'];
    assert.deepEqual([response.status, errors[0]!.code, success, result], [status, code, false, null]);
    if (chain !== undefined) assert.equal(errors[0]!.error_chain![0]!.code, chain);
  });
}

test('a bearer token beats a wrong key beside it', async () => {
  const { status } = await call('GET', '/zones', undefined, { 'X-Auth-Key': 'wrong', 'X-Auth-Email': 'x@y.test' });
  assert.equal(status, 200);
});

test('token verification says so in its message', async () => {
  const { body } = await call('GET', '/user/tokens/verify');
  assert.deepEqual(body.messages, [{ code: 10000, message: 'This API Token is valid and active', type: null }]);
});

test('answers forbid caching', async () => {
  assert.equal((await call('GET', '/zones')).headers.get('cache-control'), 'private, no-cache, no-store');
});

test('an unknown path and a malformed zone id are 404, with both codes', async () => {
  for (const path of ['/no/such/path', '/zones/xyz', `/zones/${'0'.repeat(32)}`]) {
    const { status, body } = await call('GET', path);
    assert.deepEqual([status, body.errors.map(({ code }) => code)], [404, [7003, 7000]], path);
  }
});

test('a method that a path does not take is 405', async () => {
  const { status, body, headers } = await call('PUT', '/zones', '{}');
  assert.deepEqual([status, body.errors[0]!.code], [405, 10405]);
  assert.equal(headers.get('allow'), 'POST, GET');
});

test("another account's zone is refused, whatever is asked of it", async () => {
  const other = await init(plane.plane.context, {
    accountId: 'f'.repeat(32),
    email: 'other@example.test',
    apiToken: 'other-token-other-token-other-token-other',
    apiKey: 'other-key-other-key-other-key-other-key',
    zones: [{ name: 'other.test' }],
  });
  const path = `/zones/${other.zones[0]!.id}`;
  for (const [method, below] of [
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/dns_records'],
    ['GET', '/origin_tls_client_auth'],
    ['GET', '/countersign/origins'],
  ] as const) {
    const { status, body } = await call(method, path + below);
    assert.deepEqual([status, body.errors[0]!.code], [403, 9109], method + below);
  }
});

test('JSON is read whatever the Content-Type says, and unknown members are ignored', async () => {
  for (const type of ['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'application/json']) {
    const { status } = await call('PUT', `${aop}/settings`, '{"enabled":true,"bundle_method":"ubiquitous"}', {
      'Content-Type': type,
    });
    assert.equal(status, 200, type);
  }
});

const BAD_BODIES: readonly [
  name: string,
  method: string,
  path: () => string,
  body: string | undefined,
  status: number,
  code: number,
  pointer?: string,
][] = [
  ['not JSON', 'PUT', () => `${aop}/settings`, '{enabled:true}', 400, 6007],
  ['no body', 'PUT', () => `${aop}/settings`, undefined, 400, 6007],
  ['a wrong type', 'PUT', () => `${aop}/settings`, '{"enabled":"yes"}', 400, 1004, '/enabled'],
  ['an array for an object', 'PUT', () => `${aop}/settings`, '[]', 400, 1004],
  ['null', 'PUT', () => `${aop}/settings`, 'null', 400, 1004],
  ['a missing member', 'POST', () => aop, '{"certificate":"x"}', 400, 1004, '/private_key'],
  [
    'a certificate that is a number',
    'POST',
    () => aop,
    '{"certificate":1,"private_key":"x"}',
    400,
    1004,
    '/certificate',
  ],
  ['an empty config', 'PUT', () => `${aop}/hostnames`, '{"config":[]}', 400, 1004, '/config'],
  [
    'an entry without hostname',
    'PUT',
    () => `${aop}/hostnames`,
    '{"config":[{"cert_id":"x"}]}',
    400,
    1004,
    '/config/0/hostname',
  ],
  [
    'an entry without cert_id',
    'PUT',
    () => `${aop}/hostnames`,
    '{"config":[{"hostname":"a.example.test","enabled":true}]}',
    400,
    1404,
    '/config/0/cert_id',
  ],
  [
    'a void without cert_id',
    'PUT',
    () => `${aop}/hostnames`,
    '{"config":[{"hostname":"a.example.test","enabled":null}]}',
    400,
    1404,
  ],
  [
    'a wildcard hostname',
    'PUT',
    () => `${aop}/hostnames`,
    '{"config":[{"hostname":"*.example.test","cert_id":"x"}]}',
    400,
    1447,
  ],
  [
    'a hostname outside the zone',
    'PUT',
    () => `${aop}/hostnames`,
    '{"config":[{"hostname":"a.other.test","cert_id":"x"}]}',
    400,
    1448,
  ],
  [
    'a hostname twice',
    'PUT',
    () => `${aop}/hostnames`,
    '{"config":[{"hostname":"a.example.test","cert_id":"x"},{"hostname":"A.example.test","cert_id":"x"}]}',
    400,
    1004,
  ],
  ['an oversize body', 'POST', () => aop, `{"certificate":"${'x'.repeat(1_100_000)}"}`, 413, 6008],
  [
    'a port out of range',
    'PUT',
    () => `${zonePath}/countersign/origins/a.example.test`,
    '{"address":"127.0.0.1","https_port":70000}',
    400,
    1004,
    '/https_port',
  ],
  [
    'an address that is none',
    'PUT',
    () => `${zonePath}/countersign/origins/a.example.test`,
    '{"address":"no good"}',
    400,
    1004,
    '/address',
  ],
  [
    'an origin outside the zone',
    'PUT',
    () => `${zonePath}/countersign/origins/a.other.test`,
    '{"address":"127.0.0.1"}',
    400,
    1448,
  ],
  ['a setting without value', 'PATCH', () => `${zonePath}/settings/ssl`, '{}', 400, 1004, '/value'],
];
for (const [name, method, path, body, status, code, pointer] of BAD_BODIES) {
  test(`${name} is a clear error (${code})`, async () => {
    const answer = await call(method, path(), body);
    assert.deepEqual([answer.status, answer.body.errors[0]!.code], [status, code], JSON.stringify(answer.body));
    assert.ok(answer.body.errors[0]!.message.length > 5);
    if (pointer !== undefined) assert.equal(answer.body.errors[0]!.source!.pointer, pointer);
    assert.equal('result' in answer.body, !path().includes('origin_tls_client_auth'), 'AOP failures have no result');
  });
}

test('one bad entry of a PUT changes nothing', async () => {
  const { certificate, privateKey } = await makeClient(await makeCa('c'), 'x');
  const made = await call(
    'POST',
    `${aop}/hostnames/certificates`,
    JSON.stringify({ certificate, private_key: privateKey }),
  );
  const { id } = made.body.result as { id: string };
  const good = { hostname: 'good.example.test', cert_id: id, enabled: true };
  const bad = { hostname: 'bad.example.test', cert_id: '00000000-0000-4000-8000-000000000000', enabled: true };
  assert.equal(
    (await call('PUT', `${aop}/hostnames`, JSON.stringify({ config: [good, bad] }))).body.errors[0]!.code,
    1415,
  );
  assert.equal((await call('GET', `${aop}/hostnames/good.example.test`)).status, 404);
  const listed = await call('GET', `${aop}/hostnames?status=all`);
  assert.deepEqual(listed.body.result, []);
});

test('a missing enabled keeps what is there, or means true', async () => {
  const { certificate, privateKey } = await makeClient(await makeCa('c'), 'keep');
  const made = await call(
    'POST',
    `${aop}/hostnames/certificates`,
    JSON.stringify({ certificate, private_key: privateKey }),
  );
  const cert_id = (made.body.result as { id: string }).id;
  const put = async (entry: object) =>
    (
      (await call('PUT', `${aop}/hostnames`, JSON.stringify({ config: [{ hostname: 'k.example.test', ...entry }] })))
        .body.result as { enabled: boolean | null; cert_id: string }[]
    )[0]!;
  assert.equal((await put({ cert_id })).enabled, true);
  assert.equal((await put({ cert_id, enabled: false })).enabled, false);
  assert.deepEqual([(await put({ cert_id })).enabled, (await put({})).cert_id], [false, cert_id]);
  const short = (await call('GET', `${aop}/hostnames`)).body.result as object[];
  assert.deepEqual(Object.keys(short[0]!).sort(), [
    'cert_id',
    'created_at',
    'enabled',
    'hostname',
    'status',
    'updated_at',
  ]);
  assert.equal((await put({ cert_id, enabled: null })).enabled, null);
  assert.equal((await put({ cert_id, enabled: null })).enabled, null, 'voiding what is void is fine');
});

test('fixed paths win over ids and hostnames', async () => {
  assert.deepEqual((await call('GET', `${aop}/hostnames/certificates`)).body.success, true);
  assert.ok('enabled' in ((await call('GET', `${aop}/settings`)).body.result as object));
  assert.ok(Array.isArray((await call('GET', `${aop}/hostnames`)).body.result));
});

test('DELETE takes a body and answers 200 with a result', async () => {
  const { certificate, privateKey } = await makeClient(await makeCa('c'), 'del');
  const made = await call('POST', aop, JSON.stringify({ certificate, private_key: privateKey }));
  const gone = await call('DELETE', `${aop}/${(made.body.result as { id: string }).id}`, '{}');
  assert.equal(gone.status, 200);
  assert.equal((gone.body.result as { status: string }).status, 'deleted');
});

test('a page past the end is empty, and result_info always has five members', async () => {
  const { body } = await call('GET', '/zones?page=99');
  assert.deepEqual(body.result, []);
  for (const path of ['/zones', `${zonePath}/dns_records`, aop, `${aop}/hostnames`, `${aop}/hostnames/certificates`]) {
    const info = (await call('GET', path)).body.result_info!;
    assert.deepEqual(Object.keys(info).sort(), ['count', 'page', 'per_page', 'total_count', 'total_pages'], path);
  }
});

test('origins: set, read, listed, deleted', async () => {
  const path = `${zonePath}/countersign/origins/o.example.test`;
  const origin = {
    hostname: 'o.example.test',
    address: '127.0.0.1',
    https_port: 8444,
    http_port: 80,
    sni: 'x.test',
    host_header: null,
  };
  assert.deepEqual(
    (await call('PUT', path, '{"address":"127.0.0.1","https_port":8444,"sni":"x.test"}')).body.result,
    origin,
  );
  assert.deepEqual((await call('GET', path)).body.result, origin);
  assert.deepEqual((await call('GET', `${zonePath}/countersign/origins`)).body.result, [origin]);
  assert.equal((await call('DELETE', path)).status, 200);
  assert.equal((await call('GET', path)).status, 404);
});

test('resolve explains a URL, also one whose certificate was never asked for', async () => {
  await call('PATCH', `${zonePath}/settings/tls_client_auth`, '{"value":"on"}');
  await call('PUT', `${aop}/settings`, '{"enabled":false}');
  const url = encodeURIComponent('https://www.example.test:8443/x');
  const { result } = (await call('GET', `${zonePath}/countersign/resolve?url=${url}`)).body;
  const { level, certificate_id, reasons, summary } = result as {
    level: string;
    certificate_id: string;
    reasons: { decided: boolean }[];
    summary: string;
  };
  assert.equal(level, 'global');
  assert.match(certificate_id, /^shared-/);
  assert.equal(reasons.filter(({ decided }) => decided).length, 1);
  assert.match(summary, /^If the origin asks/);
  assert.equal((await call('GET', `${zonePath}/countersign/resolve?url=nonsense`)).body.errors[0]!.code, 1004);
  assert.equal(
    (await call('GET', `${zonePath}/countersign/resolve?url=https://other.test/`)).body.errors[0]!.code,
    1448,
  );
});

test('the shared CA and the health pages need no credentials', async () => {
  const base = plane.api.replace('/client/v4', '');
  const pem = await (await fetch(`${base}/ssl/static/authenticated_origin_pull_ca.pem`)).text();
  assert.equal(pem, plane.plane.installation.originPullCa);
  assert.equal((await fetch(`${base}/healthz`, { headers: without })).status, 200);
  assert.match(await (await fetch(`${base}/readyz?verbose`)).text(), /store: open\nready/);
});

test('no secret is in any answer, nor in the audit log, nor in the clear in the database', async () => {
  const { certificate, privateKey } = await makeClient(await makeCa('c'), 'secret');
  const made = await call('POST', aop, JSON.stringify({ certificate, private_key: privateKey }));
  const { id } = made.body.result as { id: string };
  const answers = [
    made,
    await call('GET', aop),
    await call('GET', `${aop}/${id}`),
    await call('DELETE', `${aop}/${id}`),
  ];
  const { db } = plane.plane.context.store;
  const rows = [
    await db.selectFrom('audit').selectAll().execute(),
    await db.selectFrom('client_certificates').selectAll().execute(),
    await db.selectFrom('credentials').selectAll().execute(),
  ];
  const text = JSON.stringify([answers.map(({ body }) => body), rows]);
  const secret = privateKey.split('\n')[1]!;
  assert.ok(
    !text.includes(secret) && !text.includes('PRIVATE KEY') && !text.includes(plane.token) && !text.includes(plane.key),
  );
  assert.equal(await plane.plane.context.store.firstBrokenAuditRow(), null);
});
