import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { isConsistent } from '../doubles/consistency.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';
import { replaced } from '../doubles/rule-samples.ts';

let plane: TestControlPlane;
let upload: { certificate: string; private_key: string };
let certificateId: string;
let rulesetId: string;
let ruleId: string;
let listId: string;

before(async () => {
  plane = await startControlPlane();
  const { certificate, privateKey } = await makeClient(await makeCa('c'), 'x');
  upload = { certificate, private_key: privateKey };
  const response = await send('POST', `/zones/${plane.zone.id}/origin_tls_client_auth/hostnames/certificates`, {
    body: JSON.stringify(upload),
  });
  certificateId = ((await response.json()) as { result: { id: string } }).result.id;
  const made = await send('PUT', `/zones/${plane.zone.id}/rulesets/phases/http_request_firewall_custom/entrypoint`, {
    body: JSON.stringify({ rules: [{ action: 'block', expression: 'true' }] }),
  });
  const ruleset = ((await made.json()) as { result: { id: string; rules: { id: string }[] } }).result;
  rulesetId = ruleset.id;
  ruleId = ruleset.rules[0]!.id;
  const list = await send('POST', `/accounts/${plane.accountId}/rules/lists`, {
    body: JSON.stringify({ kind: 'ip', name: 'fuzz' }),
  });
  listId = ((await list.json()) as { result: { id: string } }).result.id;
});
after(async () => {
  await isConsistent(plane.plane);
  await plane.close();
  assert.deepEqual(plane.internalErrors, [], 'no input is an internal error');
});

function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(plane.api + path, { method, headers: { Authorization: `Bearer ${plane.token}` }, ...init });
}

/** Whatever comes: an answer below 500, in the envelope, that says whether it worked. */
async function isEnvelope(response: Response, what: string): Promise<void> {
  const text = await response.text();
  if (response.status === 204) return assert.equal(text, '', what);
  assert.ok(response.status < 500, `${response.status} for ${what}`);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/, what);
  const body = JSON.parse(text) as { success: unknown; errors: { code: number; message: string }[]; messages: [] };
  assert.equal(body.success, response.status < 300, `${response.status} ${text} for ${what}`);
  assert.equal(body.errors.length === 0, response.status < 300, what);
  for (const { code, message } of body.errors) assert.ok(code >= 1000 && message.length > 0, what);
  assert.ok(Array.isArray(body.messages), what);
}

const odd = fc.constantFrom<unknown>(
  '__proto__',
  'constructor',
  'toString',
  '',
  ' ',
  '\0',
  '\ud800',
  'a\r\nb',
  "' or 1=1 --",
  '../..',
  '*.example.test',
  'x'.repeat(300),
  'www.example.test',
  0,
  -0,
  -1,
  1e308,
  Number.MAX_SAFE_INTEGER + 1,
  0.1,
  null,
  true,
  false,
  [],
  {},
  'on',
  'strict',
  '192.0.2.1',
);
const members = fc.constantFrom(
  ...['enabled', 'certificate', 'private_key', 'config', 'hostname', 'cert_id', 'value', 'id', 'items', 'name'],
  ...['type', 'content', 'ttl', 'proxied', 'tags', 'comment', 'account', 'paused', 'address', 'https_port', 'sni'],
  ...['kind', 'phase', 'rules', 'action', 'action_parameters', 'expression', 'ratelimit', 'logging', 'position', 'ref'],
  ...[
    'response',
    'headers',
    'uri',
    'from_value',
    'target_url',
    'origin',
    'overrides',
    'products',
    'rulesets',
    'phases',
  ],
  ...['characteristics', 'period', 'requests_per_period', 'configuration', 'configurations', 'urls', 'mode', 'target'],
  ...[
    'before',
    'after',
    'index',
    'description',
    'ip',
    'hostname',
    'asn',
    'notes',
    'status_code',
    'content',
    'operation',
  ],
  ...['__proto__', 'constructor', 'prototype'],
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    odd,
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(members, tie('tree'), { maxKeys: 6 }),
  ),
}));
const bodies = fc.oneof(
  tree.map((value) => JSON.stringify(value)),
  // JSON.parse makes a plain member of `__proto__`, which an object literal cannot.
  tree.map((value) => `{"__proto__":${JSON.stringify(value)},"constructor":{"prototype":{"enabled":true}}}`),
  tree.map((value) => JSON.stringify({ config: [value], ...(value as object) })),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('', '{', '\ufeff{}', '[[[[', 'NaN', '1e999', '{"a":1,}', '"\\ud800"', '{}{}', '\0'),
);
const parts = fc.oneof(
  fc.constantFrom(
    ...['settings', 'hostnames', 'certificates', 'www.example.test', '%00', '%', '%E0%A4%A', '%2e%2e', '%2F', ':id'],
    ...['__proto__', 'constructor', '*', '%F0%9F%92%A9', 'ssl', 'tls_client_auth', '%0d%0a', '~', ';a=b', '{x}'],
    ...[
      'rules',
      'versions',
      'entrypoint',
      'http_request_firewall_custom',
      'items',
      'bulk_operations',
      '1',
      '01',
      ':list',
    ],
    ...['00000000-0000-4000-8000-000000000000', '0'.repeat(32), 'x'.repeat(2000)],
  ),
  fc.string({ maxLength: 10 }).map(encodeURIComponent),
);
const roots = fc.constantFrom(
  ...['', '/dns_records', '/settings', '/origin_tls_client_auth', '/origin_tls_client_auth/settings'],
  ...['/origin_tls_client_auth/hostnames', '/origin_tls_client_auth/hostnames/certificates', '/countersign/origins'],
  ...['/countersign/resolve', '/activation_check', '/rulesets', '/rulesets/phases', '/rulesets/:ruleset'],
  ...['/rulesets/:ruleset/rules', '/rulesets/:ruleset/rules/:rule', '/rulesets/:ruleset/versions'],
  ...['/rulesets/phases/http_ratelimit/entrypoint', '/firewall/access_rules/rules', '/firewall/lockdowns'],
  ...['/firewall/ua_rules', '/rules/lists', '/rules/lists/:list', '/rules/lists/:list/items'],
);
const queries = fc.oneof(
  fc.constant(''),
  fc
    .tuple(
      fc.constantFrom(
        ...['page', 'per_page', 'status', 'name', 'name.contains', 'url', 'order', 'direction', '__proto__'],
        ...['cursor', 'dry_run', 'search', 'match', 'mode', 'configuration.target', 'paused', 'created_on', 'ip'],
      ),
      fc.oneof(fc.constantFrom('%', '-1', '1e9', '%00', 'desc', 'all', 'http://x', '__proto__'), fc.string()),
    )
    .map(([name, value]) => `?${name}=${value.startsWith('%') ? value : encodeURIComponent(value)}`),
);
const paths = fc
  .tuple(
    fc.constantFrom('zone', 'zone', 'account', 'zones', 'user', 'accounts', 'other'),
    roots,
    fc.array(parts, { maxLength: 2 }),
    queries,
  )
  .map(([kind, root, tail, query]) => {
    const rest = tail.map((part) => `/${part}`).join('');
    const starts: Record<string, string> = { zone: `/zones/:zone${root}`, account: `/accounts/:account${root}` };
    const start = starts[kind] ?? `/${kind}`;
    return `${start}${rest}${query}`;
  });
const wellFormed = (text: string) => text.isWellFormed();

test('no path, query or body gives anything but a proper answer', async () => {
  const methods = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND');
  await fc.assert(
    fc.asyncProperty(methods, paths.filter(wellFormed), bodies, async (method, path, body) => {
      // The zone itself stays: without it there is little to find.
      const full = path
        .replace(':zone', plane.zone.id)
        .replace(':account', plane.accountId)
        .replace(':ruleset', rulesetId)
        .replace(':rule', ruleId)
        .replace(':list', listId);
      if (method === 'DELETE' && new URL(plane.api + full).pathname.endsWith(`/zones/${plane.zone.id}`)) return;
      const init = method === 'GET' ? {} : { body };
      await isEnvelope(await send(method, full, init), `${method} ${full} ${body}`);
    }),
    { numRuns: 1500 },
  );
});

test('no body of the right place with wrong parts gives anything but a proper answer', async () => {
  const zone = `/zones/${plane.zone.id}`;
  const aop = `${zone}/origin_tls_client_auth`;
  const places: readonly [method: string, path: string, good: () => Record<string, unknown>][] = [
    ['POST', aop, () => upload],
    ['POST', `${aop}/hostnames/certificates`, () => upload],
    ['PUT', `${aop}/settings`, () => ({ enabled: true })],
    ['PUT', `${aop}/hostnames`, () => ({ hostname: 'www.example.test', cert_id: certificateId, enabled: true })],
    ['PATCH', `${zone}/settings/ssl`, () => ({ value: 'strict' })],
    ['PATCH', `${zone}/settings`, () => ({ items: [{ id: 'ssl', value: 'full' }] })],
    ['POST', `${zone}/dns_records`, () => ({ type: 'A', name: 'x', content: '192.0.2.1', ttl: 1, proxied: true })],
    ['PUT', `${zone}/countersign/origins/o.example.test`, () => ({ address: '192.0.2.1', https_port: 443, sni: null })],
    ...rulePlaces(zone),
    ['POST', '/zones', () => ({ name: 'new.test', account: { id: plane.accountId }, type: 'full' })],
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), members, tree, async ([method, path, good], member, value) => {
      const whole = { ...good(), [member]: value };
      const body = JSON.stringify(path.endsWith('/hostnames') ? { config: [whole] } : whole);
      await isEnvelope(await send(method, path, { body }), `${method} ${path} ${body}`);
    }),
    { numRuns: 700 },
  );
  assert.equal(({} as { enabled?: boolean }).enabled, undefined, 'no prototype was touched');
});

/** Rules of every phase whole, so that what is put into them meets the checks of its own action. */
function rulePlaces(zone: string): [method: string, path: string, good: () => Record<string, unknown>][] {
  const account = `/accounts/${plane.accountId}`;
  const rule = { action: 'block', expression: 'true' };
  const entrypoint = (phase: string) => `${zone}/rulesets/phases/${phase}/entrypoint?dry_run=true`;
  const of = (action: string, action_parameters: object) => () => ({
    rules: [{ action, expression: 'true', action_parameters }],
  });
  const address = { target: 'ip', value: '192.0.2.1' };
  return [
    ['POST', `${zone}/rulesets`, () => ({ kind: 'zone', name: 'x', phase: 'http_ratelimit', rules: [rule] })],
    ['PUT', `${zone}/rulesets/${rulesetId}?dry_run=true`, () => ({ name: 'x', rules: [rule] })],
    ['POST', `${zone}/rulesets/${rulesetId}/rules?dry_run=true`, () => ({ ...rule, position: { index: 1 } })],
    ['PATCH', `${zone}/rulesets/${rulesetId}/rules/${ruleId}`, () => ({ enabled: false })],
    ['PUT', entrypoint('http_request_origin'), of('route', { origin: { host: 'a.example', port: 1 } })],
    ['PUT', entrypoint('http_request_transform'), of('rewrite', { uri: { path: { value: '/' } } })],
    ['PUT', entrypoint('http_request_late_transform'), of('rewrite', { headers: { a: { operation: 'remove' } } })],
    ['PUT', entrypoint('http_request_firewall_custom'), of('skip', { ruleset: 'current' })],
    ['POST', `${account}/rules/lists`, () => ({ kind: 'hostname', name: 'x' })],
    ['PUT', `${account}/rules/lists/${listId}`, () => ({ description: 'x' })],
    ['DELETE', `${account}/rules/lists/${listId}/items`, () => ({ items: [{ id: 'x' }] })],
    ['POST', `${account}/firewall/access_rules/rules`, () => ({ mode: 'block', configuration: address })],
    ['POST', `${zone}/firewall/lockdowns`, () => ({ urls: ['example.test/*'], configurations: [address] })],
    ['POST', `${zone}/firewall/ua_rules`, () => ({ mode: 'block', configuration: { target: 'ua', value: 'x' } })],
  ];
}

test('no rule with a wrong part, at any depth, gives anything but a proper answer', async () => {
  const keys = fc.array(fc.nat(), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...rulePlaces(`/zones/${plane.zone.id}`)),
      keys,
      tree,
      async (place, way, value) => {
        const [method, path, good] = place;
        const body = JSON.stringify(replaced(good(), way, value));
        await isEnvelope(await send(method, path, { body }), `${method} ${path} ${body}`);
      },
    ),
    { numRuns: 1000 },
  );
});

test('very deep JSON and very long numbers are refused like anything else', async () => {
  const path = `/zones/${plane.zone.id}/settings/ssl`;
  for (const value of [
    `${'['.repeat(400_000)}${']'.repeat(400_000)}`,
    `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    '9'.repeat(500_000),
    `"${'\\u0000'.repeat(100_000)}"`,
  ]) {
    await isEnvelope(await send('PATCH', path, { body: `{"value":${value}}` }), 'deep or long');
  }
});

test('HEAD is GET without the body', async () => {
  const response = await send('HEAD', `/zones/${plane.zone.id}`);
  assert.deepEqual([response.status, await response.text()], [200, '']);
  assert.equal((await send('HEAD', '/no/such')).status, 404);
});

test('a method that a path does not take says which it takes', async () => {
  for (const [method, path, allow] of [
    ['OPTIONS', '/zones', 'POST, GET'],
    ['PROPFIND', `/zones/${plane.zone.id}`, 'GET, PATCH, DELETE'],
    ['DELETE', `/zones/${plane.zone.id}/settings/ssl`, 'GET, PATCH'],
  ] as const) {
    const response = await send(method, path);
    assert.deepEqual([response.status, response.headers.get('allow')], [405, allow], `${method} ${path}`);
  }
});

/** Sends bytes as they are, and resolves with all that comes back. */
function raw(text: string): Promise<string> {
  const { port, hostname } = new URL(plane.api);
  return new Promise((resolve) => {
    let answer = '';
    const socket = net.connect(Number(port), hostname, () => socket.write(text));
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

const rest = 'Host: x\r\nConnection: close\r\n\r\n';
const MALFORMED: readonly [name: string, request: string, status: number][] = [
  ['no HTTP', 'garbage\r\n\r\n', 400],
  ['an unknown method', `FOO /client/v4/zones HTTP/1.1\r\n${rest}`, 400],
  ['a URL that is too long', `GET /client/v4/${'a'.repeat(100_000)} HTTP/1.1\r\n${rest}`, 431],
  ['headers that are too long', `GET / HTTP/1.1\r\nX: ${'a'.repeat(100_000)}\r\n${rest}`, 431],
  ['a control character in the URL', `GET /client/v4/\x01 HTTP/1.1\r\n${rest}`, 400],
  ['a Host that is none', 'GET /client/v4/zones HTTP/1.1\r\nHost: a b c\r\nConnection: close\r\n\r\n', 400],
  ['a target that is none', `OPTIONS * HTTP/1.1\r\n${rest}`, 400],
];
for (const [name, request, status] of MALFORMED) {
  test(`${name} is refused in the envelope`, async () => {
    const answer = await raw(request);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(answer, /content-type: application\/json/i);
    assert.match(answer, /\{"success":false,"errors":\[\{"code":60\d\d,"message":"[^"]+"\}\]/);
  });
}

test('a chunked body over the limit is 413, one that breaks off is nobody’s fault', async () => {
  const head = (method: string, path: string) =>
    `${method} /client/v4${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${plane.token}\r\n`;
  const path = `/zones/${plane.zone.id}/origin_tls_client_auth/settings`;
  const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
  const answer = await raw(`${head('PUT', path)}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(34)}0\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.match(answer, /"code":6008/);
  const { port, hostname } = new URL(plane.api);
  await new Promise<void>((resolve) => {
    const socket = net.connect(Number(port), hostname, () => {
      socket.write(`${head('PUT', path)}Content-Length: 100\r\n\r\n{"ena`, () => socket.destroy());
    });
    socket.on('close', () => resolve());
  });
  assert.equal((await send('GET', path)).status, 200);
});
