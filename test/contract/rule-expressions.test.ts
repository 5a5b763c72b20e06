import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare from 'cloudflare';
import { isConsistent } from '../doubles/consistency.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';

let plane: TestControlPlane;
let client: Cloudflare;

before(async () => {
  plane = await startControlPlane();
  client = new Cloudflare({ apiToken: plane.token, baseURL: plane.api, maxRetries: 0 });
});
after(async () => {
  await isConsistent(plane.plane);
  await plane.close();
  assert.deepEqual(plane.internalErrors, []);
});

interface Answer {
  status: number;
  code: number | undefined;
  message: string;
  pointer: string | undefined;
}

const CUSTOM = 'http_request_firewall_custom';

/** Puts rules into the entry point of a phase of the zone. */
async function put(phase: string, rules: readonly object[], scope = `/zones/${plane.zone.id}`): Promise<Answer> {
  const response = await fetch(`${plane.api}${scope}/rulesets/phases/${phase}/entrypoint`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${plane.token}` },
    body: JSON.stringify({ rules }),
  });
  const { errors } = (await response.json()) as {
    errors: { code: number; message: string; source?: { pointer: string } }[];
  };
  const [error] = errors;
  return {
    status: response.status,
    code: error?.code,
    message: error?.message ?? '',
    pointer: error?.source?.pointer,
  };
}

const blocks = (expression: string) => ({ action: 'block', expression });
const limits = (more: object) => ({
  action: 'block',
  expression: 'http.request.uri.path eq "/login"',
  ratelimit: { characteristics: ['cf.colo.id', 'ip.src'], period: 60, requests_per_period: 5, ...more },
});

test('rules as they are written every day are taken', async () => {
  const good: readonly (readonly [phase: string, rule: object])[] = [
    [CUSTOM, blocks('(http.request.uri.path wildcard "/admin*" and not ip.src in {192.0.2.0/24 2001:db8::/32})')],
    [CUSTOM, blocks('http.user_agent matches "(?i)^bad" or any(http.request.headers["x-a"][*] == "b")')],
    [CUSTOM, blocks('true')],
    ['http_ratelimit', limits({ mitigation_timeout: 600 })],
    ['http_ratelimit', limits({ characteristics: ['cf.colo.id', 'http.request.headers["x-key"]'] })],
    ['http_ratelimit', limits({ characteristics: ['cf.colo.id', 'http.request.cookies["sid"]', 'http.host'] })],
    [
      'http_ratelimit',
      limits({ characteristics: ['cf.colo.id', 'lookup_json_string(http.request.body.raw, "user")'] }),
    ],
    ['http_ratelimit', limits({ counting_expression: 'http.response.code in {401 403}' })],
    [
      'http_request_dynamic_redirect',
      {
        action: 'redirect',
        expression: 'http.host eq "old.example.test"',
        action_parameters: {
          from_value: {
            target_url: { expression: 'concat("https://new.example.test", http.request.uri.path)' },
            status_code: 301,
          },
        },
      },
    ],
    [
      'http_request_transform',
      {
        action: 'rewrite',
        expression: 'starts_with(http.request.uri.path, "/old/")',
        action_parameters: {
          uri: { path: { expression: 'regex_replace(http.request.uri.path, "^/old/", "/new/")' } },
        },
      },
    ],
    [
      'http_request_late_transform',
      {
        action: 'rewrite',
        expression: 'true',
        action_parameters: {
          headers: { 'X-Country': { operation: 'set', expression: 'to_string(cf.edge.server_port)' } },
        },
      },
    ],
    [
      'http_response_headers_transform',
      {
        action: 'rewrite',
        expression: 'http.response.code eq 200',
        action_parameters: { headers: { 'X-Powered-By': { operation: 'remove' } } },
      },
    ],
  ];
  for (const [phase, rule] of good) {
    assert.equal((await put(phase, [rule])).message, '', JSON.stringify(rule));
    assert.equal((await put(phase, [])).status, 200);
  }
});

test('an expression that is none is told with its place, line, column and carets', async () => {
  const answer = await put(CUSTOM, [blocks('true'), blocks('ip.src eq 192.0.2.1 and\nhttp.hots eq "a"')]);
  assert.deepEqual([answer.status, answer.code, answer.pointer], [400, 20127, '/rules/1/expression']);
  const [head, line, carets] = answer.message.split('\n');
  assert.match(head!, /^rules\.1\.expression: 2:1: /);
  assert.equal(line, '  http.hots eq "a"');
  assert.match(carets!, /^ {2}\^{9}$/);

  const value = await put('http_request_transform', [
    { action: 'rewrite', expression: 'true', action_parameters: { uri: { path: { expression: 'len(http.host)' } } } },
  ]);
  assert.deepEqual(
    [value.code, value.pointer],
    [20127, '/rules/0/action_parameters/uri/path/expression'],
    'a path is a text, not a number',
  );
  const counting = await put('http_ratelimit', [limits({ counting_expression: 'http.response.code eq' })]);
  assert.equal(counting.pointer, '/rules/0/ratelimit/counting_expression');
  const characteristic = await put('http_ratelimit', [limits({ characteristics: ['cf.colo.id', 'http.nothing'] })]);
  assert.equal(characteristic.pointer, '/rules/0/ratelimit/characteristics/1');
  const rule = await client.rulesets.phases.get(CUSTOM, { zone_id: plane.zone.id });
  assert.deepEqual(rule.rules, [], 'nothing of it is stored');
});

test('a field or function that the edge cannot fill in a phase is refused, not silently false', async () => {
  for (const [phase, expression] of [
    [CUSTOM, 'cf.bot_management.score lt 30'],
    [CUSTOM, 'cf.waf.score lt 20'],
    [CUSTOM, 'ip.src.country eq "DE"'],
    [CUSTOM, 'ip.src.asnum in {64496}'],
    [CUSTOM, 'http.response.code eq 200'],
    [CUSTOM, 'ip.src in $cf.open_proxies'],
    [CUSTOM, 'regex_replace(http.host, "a", "b") eq "b"'],
    ['http_ratelimit', 'http.response.code eq 401'],
  ] as const) {
    const rule = phase === CUSTOM ? blocks(expression) : { ...limits({}), expression };
    const answer = await put(phase, [rule]);
    assert.deepEqual([answer.code, answer.pointer], [20127, '/rules/0/expression'], `${expression}: ${answer.message}`);
  }
});

test('a list in use cannot go, wherever it is used; one that is not there cannot be used', async () => {
  const account = { account_id: plane.accountId };
  const zone = { zone_id: plane.zone.id };
  const unknown = await put(CUSTOM, [blocks('ip.src in $office')]);
  assert.deepEqual([unknown.code, unknown.pointer], [20127, '/rules/0/expression'], unknown.message);
  const list = await client.rules.lists.create({ ...account, kind: 'ip', name: 'office' });
  const longer = await client.rules.lists.create({ ...account, kind: 'ip', name: 'office_2' });
  const kind = await put(CUSTOM, [blocks('http.host in $office')]);
  assert.equal(kind.code, 20127, 'a list of addresses has no hostnames');

  const users: readonly (readonly [phase: string, rule: object, scope?: string])[] = [
    [CUSTOM, blocks('not ip.src in $office')],
    [CUSTOM, { ...blocks('ip.src in $office'), enabled: false }],
    [CUSTOM, blocks('ip.src in $office'), `/accounts/${plane.accountId}`],
    ['http_ratelimit', limits({ counting_expression: 'ip.src in $office and http.response.code eq 401' })],
  ];
  for (const [phase, rule, scope] of users) {
    assert.equal((await put(phase, [rule], scope)).message, '', JSON.stringify(rule));
    assert.equal((await client.rules.lists.get(list.id, account)).num_referencing_filters, 1);
    await assert.rejects(client.rules.lists.delete(list.id, account), (error) => {
      assert.ok(error instanceof Cloudflare.APIError);
      const [first] = error.errors as { code: number; message: string }[];
      assert.deepEqual([error.status, first!.code], [400, 20141]);
      return /The rule [0-9a-f]{32} of the ruleset [0-9a-f]{32}/.test(first!.message);
    });
    assert.equal((await put(phase, [], scope)).status, 200);
  }
  assert.equal((await put(CUSTOM, [{ ...blocks('ip.src in $office_2'), description: '$office' }])).message, '');
  await client.rules.lists.delete(list.id, account);
  await client.rulesets.phases.update(CUSTOM, { ...zone, rules: [] });
  await client.rules.lists.delete(longer.id, account);
});

test('a rule and the deletion of its list at the same time: one of them is refused', async () => {
  const account = { account_id: plane.accountId };
  for (let round = 0; round < 10; round++) {
    const list = await client.rules.lists.create({ ...account, kind: 'ip', name: 'race' });
    const [rule, deletion] = await Promise.all([
      put(CUSTOM, [blocks('ip.src in $race')]),
      client.rules.lists.delete(list.id, account).then(
        () => true,
        () => false,
      ),
    ]);
    assert.notEqual(rule.status === 200, deletion, 'exactly one of both');
    await put(CUSTOM, []);
    if (!deletion) await client.rules.lists.delete(list.id, account);
  }
});

test('with a geo database, rules about countries and networks are taken', async () => {
  const { context } = plane.plane;
  Object.assign(context, { findPlace: () => null });
  try {
    assert.equal((await put(CUSTOM, [blocks('ip.src.country in {"DE" "FR"}')])).message, '');
    const made = await client.firewall.accessRules.create({
      zone_id: plane.zone.id,
      mode: 'block',
      configuration: { target: 'asn', value: '64496' },
    });
    assert.deepEqual(made.configuration, { target: 'asn', value: 'AS64496' });
    for (const [target, value] of [
      ['asn', 'x'],
      ['asn', 'AS4294967296'],
      ['country', 'Germany'],
    ] as const) {
      const call = client.firewall.accessRules.create({
        zone_id: plane.zone.id,
        mode: 'block',
        configuration: { target, value } as never,
      });
      await assert.rejects(call, /configuration\.value/);
    }
  } finally {
    Object.assign(context, { findPlace: null });
  }
});
