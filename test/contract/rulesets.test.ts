import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare from 'cloudflare';
import type { RulesetEntry } from '../../src/core/mod.ts';
import { isConsistent } from '../doubles/consistency.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';

let plane: TestControlPlane;
let client: Cloudflare;
let zone: { zone_id: string };
let account: { account_id: string };

before(async () => {
  plane = await startControlPlane();
  client = new Cloudflare({ apiToken: plane.token, baseURL: plane.api, maxRetries: 0 });
  zone = { zone_id: plane.zone.id };
  account = { account_id: plane.accountId };
});
after(async () => {
  await isConsistent(plane.plane);
  await plane.close();
  assert.deepEqual(plane.internalErrors, []);
});

interface Rule {
  id: string;
  ref: string;
  version: string;
  action: string;
  enabled: boolean;
  expression: string;
  description?: string;
  last_updated: string;
  action_parameters?: Record<string, unknown>;
  ratelimit?: Record<string, unknown>;
  logging?: { enabled: boolean };
}

interface Ruleset {
  id: string;
  kind: string;
  name: string;
  description: string;
  phase: string;
  version: string;
  last_updated: string;
  rules: Rule[];
}

const CUSTOM = 'http_request_firewall_custom';
const block = (expression = 'true') => ({ action: 'block' as const, expression });

/** The SDK types some answers as `unknown`: the dry run's is null. */
const whole = async (call: Promise<unknown>): Promise<Ruleset> => (await call) as Ruleset;

async function fails(call: Promise<unknown>, status: number, code: number, message = /./): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Cloudflare.APIError, String(error));
    assert.equal(error.status, status, error.message);
    assert.equal((error.errors as { code: number; message: string }[])[0]!.code, code, error.message);
    assert.match((error.errors as { message: string }[])[0]!.message, message);
    return true;
  });
}

/** A call without the SDK: what it says of one error. */
async function send(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; code?: number; message?: string; pointer?: string; result: Ruleset | null }> {
  const response = await fetch(plane.api + path, {
    method,
    headers: { Authorization: `Bearer ${plane.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (text === '') return { status: response.status, result: null };
  const { errors, result } = JSON.parse(text) as {
    errors: { code: number; message: string; source?: { pointer: string } }[];
    result: Ruleset | null;
  };
  const [error] = errors;
  return {
    status: response.status,
    result,
    ...(error === undefined ? {} : { code: error.code, message: error.message }),
    ...(error?.source === undefined ? {} : { pointer: error.source.pointer }),
  };
}

const entryOf = (id: string) => plane.plane.context.distribution.index.get(`ruleset:${id}`) as RulesetEntry | undefined;

test('an entry point: not there, put, read, put again, its versions, deleted', async () => {
  await fails(client.rulesets.phases.get(CUSTOM, zone), 404, 10003);
  const first = await whole(
    client.rulesets.phases.update(CUSTOM, {
      ...zone,
      description: 'ours',
      rules: [{ ...block(), description: 'all' }],
    }),
  );
  assert.match(first.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    [first.kind, first.phase, first.name, first.description, first.version],
    ['zone', CUSTOM, 'default', 'ours', '1'],
  );
  const [rule] = first.rules;
  assert.match(rule!.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    [rule!.ref, rule!.version, rule!.enabled, rule!.action, rule!.description],
    [rule!.id, '1', true, 'block', 'all'],
  );
  assert.ok(!Number.isNaN(Date.parse(rule!.last_updated)));
  assert.deepEqual(await client.rulesets.phases.get(CUSTOM, zone), first);
  assert.deepEqual(await client.rulesets.get(first.id, zone), first);

  const second = await whole(
    client.rulesets.phases.update(CUSTOM, {
      ...zone,
      rules: [{ action: 'log', expression: 'false', ref: 'new' }, rule as never],
    }),
  );
  assert.deepEqual([second.version, second.description], ['2', 'ours'], 'what is not said stays');
  assert.equal(second.rules[0]!.ref, 'new');
  assert.deepEqual(second.rules[1], rule, 'a rule that is sent back as it came is the same version');

  const versions = await Array.fromAsync(client.rulesets.phases.versions.list(CUSTOM, zone));
  assert.deepEqual(
    versions.map(({ version }) => version),
    ['2', '1'],
  );
  assert.ok(!('rules' in versions[0]!));
  assert.deepEqual(await client.rulesets.phases.versions.get('1', { ...zone, ruleset_phase: CUSTOM }), first);
  assert.deepEqual(await client.rulesets.versions.get('1', { ...zone, ruleset_id: first.id }), first);
  assert.equal((await Array.fromAsync(client.rulesets.versions.list(first.id, zone))).length, 2);

  const back = await whole(client.rulesets.phases.update(CUSTOM, { ...zone, rules: first.rules as never }));
  assert.deepEqual([back.version, back.rules], ['3', first.rules]);
  await client.rulesets.versions.delete('1', { ...zone, ruleset_id: first.id });
  await fails(client.rulesets.versions.get('1', { ...zone, ruleset_id: first.id }), 404, 10004);
  await fails(client.rulesets.versions.delete('3', { ...zone, ruleset_id: first.id }), 400, 20132);
  const again = await whole(client.rulesets.phases.update(CUSTOM, { ...zone, rules: [second.rules[0] as never] }));
  assert.equal(again.rules[0]!.id, second.rules[0]!.id, 'a rule of an older version can come back');

  await client.rulesets.delete(first.id, zone);
  await fails(client.rulesets.get(first.id, zone), 404, 10001);
  await fails(client.rulesets.phases.get(CUSTOM, zone), 404, 10003);
  assert.equal(entryOf(first.id), undefined);
});

test('rulesets are made, listed page by page without rules, changed and deleted', async () => {
  const made: string[] = [];
  for (const phase of [CUSTOM, 'http_request_transform', 'http_request_origin'] as const) {
    const ruleset = await whole(client.rulesets.create({ ...zone, kind: 'zone', name: phase, phase, rules: [] }));
    assert.deepEqual([ruleset.kind, ruleset.version, ruleset.rules], ['zone', '1', []]);
    made.push(ruleset.id);
  }
  const listed = await Array.fromAsync(client.rulesets.list({ ...zone, per_page: 1 }));
  assert.deepEqual(
    listed.map(({ id }) => id),
    made,
  );
  assert.ok(!('rules' in listed[0]!));
  await fails(client.rulesets.create({ ...zone, kind: 'zone', name: 'twice', phase: CUSTOM }), 400, 20131);
  const updated = await whole(client.rulesets.update(made[0]!, { ...zone, name: 'other', rules: [block()] }));
  assert.deepEqual([updated.version, updated.name, updated.rules.length], ['2', 'other', 1]);
  assert.deepEqual(entryOf(made[0]!)?.rules[0]?.expression, 'true', 'in use before the answer');
  assert.equal(entryOf(made[0]!)?.version, '2');
  for (const id of made) await client.rulesets.delete(id, zone);
  assert.deepEqual(await Array.fromAsync(client.rulesets.list(zone)), []);
});

test('rules: added at a place, changed, moved and removed; each answers with the whole ruleset', async () => {
  const { id } = await whole(client.rulesets.create({ ...zone, kind: 'zone', name: 'r', phase: CUSTOM }));
  const at = { ...zone, ruleset_id: id };
  const names = (ruleset: Ruleset) => ruleset.rules.map(({ description }) => description).join('');
  const add = async (description: string, position?: object) =>
    await whole(client.rulesets.rules.create(id, { ...zone, ...block(), description, position } as never));
  await add('a');
  let ruleset = await add('b');
  assert.deepEqual([names(ruleset), ruleset.version], ['ab', '3']);
  const [a, b] = ruleset.rules;
  assert.equal(names(await add('c', { before: b!.id })), 'acb');
  assert.equal(names(await add('d', { after: a!.id })), 'adcb');
  assert.equal(names(await add('e', { index: 1 })), 'eadcb');
  assert.equal(names(await add('f', { before: '' })), 'feadcb');
  assert.equal(names(await add('g', { after: '' })), 'feadcbg');

  ruleset = await whole(client.rulesets.rules.edit(a!.id, { ...at, position: { index: 7 } } as never));
  assert.equal(names(ruleset), 'fedcbga');
  assert.equal(ruleset.rules[6]!.version, '1', 'moved, not changed');
  ruleset = await whole(client.rulesets.rules.edit(a!.id, { ...at, enabled: false } as never));
  assert.deepEqual(
    [ruleset.rules[6]!.version, ruleset.rules[6]!.enabled, ruleset.rules[6]!.action, names(ruleset)],
    ['2', false, 'block', 'fedcbga'],
  );
  ruleset = await whole(
    client.rulesets.rules.edit(a!.id, { ...at, ...block('false'), position: { after: b!.id } } as never),
  );
  assert.deepEqual(
    ruleset.rules.map(({ description = '-', enabled }) => `${description}${enabled ? '' : '!'}`).join(''),
    'fedcb-g',
    'a whole rule takes the place of the old one, what it leaves out too',
  );
  assert.equal(ruleset.rules[5]!.id, a!.id);
  ruleset = await whole(client.rulesets.rules.edit(b!.id, { ...at, description: null } as never));
  assert.deepEqual(
    [ruleset.rules[4]!.id, 'description' in ruleset.rules[4]!, ruleset.rules[4]!.expression],
    [b!.id, false, 'true'],
    'null takes a member away',
  );
  ruleset = await whole(client.rulesets.rules.delete(b!.id, at));
  assert.deepEqual([names(ruleset).length, ruleset.rules.length], [5, 6]);
  await fails(client.rulesets.rules.delete(b!.id, at), 404, 10005);
  await fails(client.rulesets.rules.edit(b!.id, { ...at, enabled: true } as never), 404, 10005);
  const path = `/zones/${zone.zone_id}/rulesets/${id}/rules`;
  for (const [position, pointer] of [
    [{ before: b!.id }, '/position/before'],
    [{ index: 8 }, '/position/index'],
    [{ index: 0 }, '/position/index'],
    [{}, '/position'],
    [{ before: '', after: '' }, '/position'],
    [{ next: '' }, '/position/next'],
    ['', '/position'],
  ] as const) {
    const answer = await send('POST', path, { ...block(), position });
    assert.deepEqual([answer.status, answer.pointer], [400, pointer], JSON.stringify(position));
  }
  await client.rulesets.delete(id, zone);
});

test('a dry run checks everything and stores nothing', async () => {
  const dry = { dry_run: true };
  assert.equal(await client.rulesets.create({ ...zone, ...dry, kind: 'zone', name: 'r', phase: CUSTOM }), null);
  assert.equal(await client.rulesets.phases.update(CUSTOM, { ...zone, ...dry, rules: [block()] }), null);
  await fails(client.rulesets.phases.update(CUSTOM, { ...zone, ...dry, rules: [block('nonsense')] }), 400, 20127);
  await fails(client.rulesets.phases.get(CUSTOM, zone), 404, 10003);
  const made = await whole(client.rulesets.phases.update(CUSTOM, { ...zone, rules: [block()] }));
  const at = { ...zone, ...dry, ruleset_id: made.id };
  assert.equal(await client.rulesets.update(made.id, { ...zone, ...dry, rules: [] }), null);
  assert.equal(await client.rulesets.rules.create(made.id, { ...zone, ...dry, ...block() }), null);
  assert.equal(await client.rulesets.rules.edit(made.rules[0]!.id, { ...at, enabled: false } as never), null);
  assert.equal(await client.rulesets.rules.delete(made.rules[0]!.id, at), null);
  await client.rulesets.delete(made.id, { ...zone, ...dry });
  assert.deepEqual(await client.rulesets.get(made.id, zone), made);
  await fails(client.rulesets.versions.delete('1', { ...zone, ...dry, ruleset_id: made.id }), 400, 20132);
  assert.equal((await send('PUT', `/zones/${zone.zone_id}/rulesets/${made.id}?dry_run=maybe`, {})).code, 1004);
  await client.rulesets.delete(made.id, zone);
});

test('custom rulesets of the account are executed from entry points, and stay as long as they are', async () => {
  const custom = await whole(
    client.rulesets.create({ ...account, kind: 'custom', name: 'c', phase: CUSTOM, rules: [block()] }),
  );
  assert.deepEqual([entryOf(custom.id)?.scope, entryOf(custom.id)?.rulesetKind], ['account', 'custom']);
  const ruleId = custom.rules[0]!.id;
  const execute = (parameters: object) => ({ action: 'execute', expression: 'true', action_parameters: parameters });
  const root = await whole(
    client.rulesets.phases.update(CUSTOM, {
      ...account,
      rules: [
        execute({ id: custom.id, overrides: { action: 'log', rules: [{ id: ruleId, enabled: false }] } }) as never,
      ],
    }),
  );
  assert.equal(root.kind, 'root');
  assert.deepEqual(root.rules[0]!.action_parameters, {
    id: custom.id,
    overrides: { action: 'log', rules: [{ id: ruleId, enabled: false }] },
  });
  await fails(client.rulesets.delete(custom.id, account), 400, 20130, new RegExp(root.rules[0]!.id));
  await fails(client.rulesets.get(custom.id, zone), 404, 10001, /./);
  const path = `/zones/${zone.zone_id}/rulesets/phases`;
  const refused: readonly (readonly [phase: string, parameters: object, pointer: string, message: RegExp])[] = [
    [CUSTOM, { id: 'efb7b8c949ac4650a09736fc376e9aee' }, '/id', /Managed rulesets are not available/],
    ['http_request_firewall_managed', { id: '4814384a9e5d4991b9815dcfc25d2f1f' }, '/id', /Managed rulesets/],
    ['http_request_transform', { id: custom.id }, '/id', /is for the phase http_request_firewall_custom/],
    [CUSTOM, { id: root.id }, '/id', /no custom ruleset/],
    [CUSTOM, { id: custom.id, matched_data: { public_key: 'x' } }, '/matched_data', /not supported/],
    [
      CUSTOM,
      { id: custom.id, overrides: { sensitivity_level: 'low' } },
      '/overrides/sensitivity_level',
      /not supported/,
    ],
    [CUSTOM, { id: custom.id, overrides: { categories: [] } }, '/overrides/categories', /not supported/],
    [CUSTOM, { id: custom.id, overrides: { action: 'skip' } }, '/overrides/action', /one of block/],
    [CUSTOM, { id: custom.id, overrides: { rules: [{ id: root.id }] } }, '/overrides/rules/0/id', /no rule/],
  ];
  for (const [phase, parameters, pointer, message] of refused) {
    const answer = await send('PUT', `${path}/${phase}/entrypoint`, { rules: [execute(parameters)] });
    assert.equal(answer.pointer, `/rules/0/action_parameters${pointer}`, answer.message!);
    assert.match(answer.message!, message);
  }
  const nested = await send('PUT', `/accounts/${plane.accountId}/rulesets/${custom.id}`, {
    rules: [execute({ id: custom.id })],
  });
  assert.deepEqual([nested.pointer, nested.code], ['/rules/0/action', 20120]);
  await client.rulesets.delete(root.id, account);
  await client.rulesets.delete(custom.id, account);
});

test('kinds and phases that there are not are refused, and neither can change', async () => {
  const path = `/zones/${zone.zone_id}/rulesets`;
  for (const [body, pointer, code] of [
    [{ kind: 'root', name: 'x', phase: CUSTOM }, '/kind', 20120],
    [{ kind: 'custom', name: 'x', phase: CUSTOM }, '/kind', 20120],
    [{ kind: 'managed', name: 'x', phase: CUSTOM }, '/kind', 20120],
    [{ kind: 'other', name: 'x', phase: CUSTOM }, '/kind', 20120],
    [{ kind: 'zone', phase: CUSTOM }, '/name', 20120],
    [{ kind: 'zone', name: 'x' }, '/phase', 20120],
    [{ kind: 'zone', name: 'x', phase: 'http_request_cache_settings' }, '/phase', 50002],
    [{ kind: 'zone', name: 'x', phase: '__proto__' }, '/phase', 50002],
    [{ kind: 'zone', name: 'x', phase: CUSTOM, shared: true }, '/shared', 20120],
    [{ kind: 'zone', name: 'x', phase: CUSTOM, rules: {} }, '/rules', 20120],
  ] as const) {
    const answer = await send('POST', path, body);
    assert.deepEqual([answer.status, answer.code, answer.pointer], [400, code, pointer], JSON.stringify(body));
  }
  assert.equal((await send('GET', `${path}/phases/ddos_l7/entrypoint`)).code, 50002);
  const { id } = await whole(client.rulesets.create({ ...zone, kind: 'zone', name: 'r', phase: CUSTOM }));
  assert.equal((await send('PUT', `${path}/${id}`, { kind: 'custom' })).pointer, '/kind');
  assert.equal((await send('PUT', `${path}/${id}`, { phase: 'http_ratelimit' })).pointer, '/phase');
  for (const [wrong, code] of [
    [`${path}/${'0'.repeat(32)}`, 10001],
    [`${path}/${id}/versions/2`, 10004],
    [`${path}/${id}/versions/01`, 10004],
    [`${path}/${id}/versions/x`, 10004],
    [`/accounts/${plane.accountId}/rulesets/${id}`, 10001],
    [`/zones/${'0'.repeat(32)}/rulesets`, 7003],
  ] as const) {
    const answer = await send('GET', wrong);
    assert.deepEqual([answer.status, answer.code], [404, code], wrong);
  }
  assert.equal((await send('GET', `/accounts/${'0'.repeat(32)}/rulesets`)).status, 403);
  assert.equal((await send('GET', `${path}?cursor=%00`)).code, 1004);
  await client.rulesets.delete(id, zone);
});

test('edits at the same time are all there', async () => {
  const { id } = await whole(client.rulesets.create({ ...zone, kind: 'zone', name: 'r', phase: CUSTOM }));
  const names = Array.from({ length: 20 }, (_, index) => `rule ${index}`);
  await Promise.all(names.map((description) => client.rulesets.rules.create(id, { ...zone, ...block(), description })));
  const after = (await client.rulesets.get(id, zone)) as unknown as Ruleset;
  assert.equal(after.version, '21');
  assert.deepEqual(after.rules.map(({ description }) => description).sort(), names.sort());
  await client.rulesets.delete(id, zone);
});

test('the last hundred versions are kept', async () => {
  const { id } = await whole(client.rulesets.create({ ...zone, kind: 'zone', name: 'r', phase: CUSTOM }));
  for (let round = 0; round < 104; round++) await client.rulesets.update(id, { ...zone, description: `${round}` });
  const versions = await Array.fromAsync(client.rulesets.versions.list(id, zone));
  assert.deepEqual([versions.length, versions[0]!.version, versions[99]!.version], [100, '105', '6']);
  await client.rulesets.delete(id, zone);
});

test('a ruleset has at most a thousand rules', async () => {
  const rules = Array.from({ length: 1000 }, () => block());
  const { id } = await whole(client.rulesets.create({ ...zone, kind: 'zone', name: 'r', phase: CUSTOM, rules }));
  await fails(client.rulesets.rules.create(id, { ...zone, ...block() }), 400, 20133, /1000/);
  assert.equal(
    (await send('PUT', `/zones/${zone.zone_id}/rulesets/${id}`, { rules: [...rules, block()] })).pointer,
    '/rules',
  );
  await client.rulesets.delete(id, zone);
});

test('an account has a hundred custom rulesets at most', async () => {
  const made: string[] = [];
  const create = async () =>
    await whole(client.rulesets.create({ ...account, kind: 'custom', name: 'c', phase: CUSTOM, rules: [] }));
  for (let count = 0; count < 100; count++) made.push((await create()).id);
  await fails(create(), 400, 20133, /100 custom rulesets/);
  const root = await whole(client.rulesets.phases.update(CUSTOM, { ...account, rules: [block()] }));
  assert.equal(root.kind, 'root', 'entry points are not counted');
  const pages = await Array.fromAsync(client.rulesets.list({ ...account, per_page: 30 }));
  assert.deepEqual(
    pages.map(({ id }) => id),
    [...made, root.id],
  );
  assert.equal((await Array.fromAsync(client.rulesets.versions.list(root.id, account))).length, 1);
  for (const id of [...made, root.id]) await client.rulesets.delete(id, account);
});

test('with a zone go its rulesets', async () => {
  const other = await client.zones.create({ account: { id: plane.accountId }, name: 'gone.test', type: 'full' });
  const { id } = await whole(client.rulesets.phases.update(CUSTOM, { zone_id: other.id, rules: [block()] }));
  assert.ok(entryOf(id));
  await client.zones.delete({ zone_id: other.id });
  assert.equal(entryOf(id), undefined);
});
