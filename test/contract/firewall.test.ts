import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare from 'cloudflare';
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

async function fails(call: Promise<unknown>, status: number, code: number, pointer?: string): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Cloudflare.APIError, String(error));
    const [first] = error.errors as { code: number; source?: { pointer: string } }[];
    assert.deepEqual([error.status, first?.code, first?.source?.pointer], [status, code, pointer], error.message);
    return true;
  });
}

const entryOf = (key: string) => plane.plane.context.distribution.index.get(key);

test('IP access rules: all of their life, of a zone and of the account', async () => {
  for (const [scope, name] of [
    [zone, 'zone'],
    [account, 'account'],
  ] as const) {
    const made = await client.firewall.accessRules.create({
      ...scope,
      mode: 'block',
      configuration: { target: 'ip', value: '2001:DB8::1' },
      notes: 'Attack 26/02',
    });
    assert.deepEqual(
      [made.mode, made.configuration, made.notes],
      ['block', { target: 'ip6', value: '2001:db8::1' }, 'Attack 26/02'],
    );
    assert.equal(made.allowed_modes.length, 5);
    assert.deepEqual(entryOf(`access_rule:${made.id}`), {
      kind: 'access_rule',
      id: made.id,
      scope: name,
      scopeId: name === 'zone' ? plane.zone.id : plane.accountId,
      mode: 'block',
      target: 'ip',
      value: '2001:db8::1',
    });
    assert.deepEqual(await client.firewall.accessRules.get(made.id, scope), made);
    await fails(
      client.firewall.accessRules.create({
        ...scope,
        mode: 'whitelist',
        configuration: { target: 'ip6', value: '2001:db8:0::1' },
      }),
      400,
      10009,
      '/configuration/value',
    );
    const edited = await client.firewall.accessRules.edit(made.id, { ...scope, mode: 'whitelist' } as never);
    assert.deepEqual([edited.mode, edited.notes, edited.configuration], ['whitelist', made.notes, made.configuration]);
    const range = await client.firewall.accessRules.create({
      ...scope,
      mode: 'challenge',
      configuration: { target: 'ip_range', value: '198.51.100.0/24' },
    });
    const found = async (query: object) =>
      (await Array.fromAsync(client.firewall.accessRules.list({ ...scope, ...query }))).map(({ id }) => id);
    assert.deepEqual((await found({ per_page: 1 })).sort(), [made.id, range.id].sort());
    assert.deepEqual(await found({ notes: 'attack' }), [made.id]);
    assert.deepEqual(await found({ mode: 'challenge' }), [range.id]);
    assert.deepEqual(await found({ configuration: { target: 'ip_range' } }), [range.id]);
    assert.deepEqual(await found({ configuration: { target: 'ip', value: '2001:db8::1' } }), [made.id]);
    assert.deepEqual(await found({ mode: 'challenge', notes: 'attack' }), []);
    assert.equal((await found({ mode: 'challenge', notes: 'attack', match: 'any' })).length, 2);
    assert.deepEqual(await found({ order: 'configuration.target', direction: 'desc' }), [range.id, made.id]);
    assert.deepEqual(await found({ order: 'mode', direction: 'asc' }), [range.id, made.id]);
    await fails(client.firewall.accessRules.list({ ...scope, order: 'notes' as 'mode' }) as never, 400, 1004);
    for (const { id } of [made, range]) {
      assert.deepEqual(await client.firewall.accessRules.delete(id, scope), { id });
      assert.equal(entryOf(`access_rule:${id}`), undefined);
    }
    await fails(client.firewall.accessRules.get(made.id, scope), 404, 10020);
  }
});

test('an IP access rule that could never apply is refused', async () => {
  for (const [configuration, pointer] of [
    [{ target: 'ip', value: '192.0.2.0/24' }, '/configuration/value'],
    [{ target: 'ip', value: 'x' }, '/configuration/value'],
    [{ target: 'ip_range', value: '192.0.2.1/24' }, '/configuration/value'],
    [{ target: 'ip_range', value: '192.0.2.1' }, '/configuration/value'],
    [{ target: 'asn', value: 'AS64496' }, '/configuration/target'],
    [{ target: 'country', value: 'DE' }, '/configuration/target'],
    [{ target: 'host', value: 'x' }, '/configuration/target'],
    [{}, '/configuration/target'],
  ] as const) {
    const call = client.firewall.accessRules.create({ ...zone, mode: 'block', configuration: configuration as object });
    await fails(call, 400, 20120, pointer);
  }
  const good = { target: 'ip', value: '192.0.2.1' } as const;
  await fails(
    client.firewall.accessRules.create({ ...zone, mode: 'allow' as 'block', configuration: good }),
    400,
    20120,
    '/mode',
  );
  await fails(client.firewall.accessRules.create({ ...zone, configuration: good } as never), 400, 20120, '/mode');
  await fails(client.firewall.accessRules.create({ ...zone, mode: 'block' } as never), 400, 20120, '/configuration');
  const made = await client.firewall.accessRules.create({ ...zone, mode: 'block', configuration: good });
  await fails(client.firewall.accessRules.get(made.id, account), 404, 10020);
  await client.firewall.accessRules.delete(made.id, zone);
});

test('zone lockdowns: all of their life', async () => {
  const made = await client.firewall.lockdowns.create({
    ...zone,
    urls: ['https://Shop.example.test/Admin*', '*.example.test/secret/*'],
    configurations: [
      { target: 'ip', value: '192.0.2.1' },
      { target: 'ip_range', value: '2001:db8::/32' },
    ] as never,
    description: 'Team only',
  });
  assert.deepEqual([made.description, made.paused], ['Team only', false]);
  assert.deepEqual(entryOf(`lockdown:${made.id}`), {
    kind: 'lockdown',
    id: made.id,
    zoneId: plane.zone.id,
    urls: ['shop.example.test/Admin*', '*.example.test/secret/*'],
    addresses: ['192.0.2.1', '2001:db8::/32'],
    paused: false,
  });
  assert.deepEqual(await client.firewall.lockdowns.get(made.id, zone), made);
  const found = async (query: object) =>
    (await Array.fromAsync(client.firewall.lockdowns.list({ ...zone, ...query }))).length;
  assert.equal(await found({}), 1);
  for (const [query, count] of [
    [{ description: 'team' }, 1],
    [{ description_search: 'other' }, 0],
    [{ ip: '192.0.2.1' }, 1],
    [{ ip: '192.0.2' }, 0],
    [{ ip_search: '192.0.2' }, 1],
    [{ ip_range_search: '2001:' }, 1],
    [{ uri_search: 'secret' }, 1],
    [{ uri_search: 'nothing' }, 0],
    [{ created_on: made.created_on }, 1],
    [{ modified_on: '2020-01-01T00:00:00Z' }, 0],
  ] as const) {
    assert.equal(await found(query), count, JSON.stringify(query));
  }
  const updated = await client.firewall.lockdowns.update(made.id, {
    ...zone,
    urls: ['shop.example.test/*'],
    configurations: [{ target: 'ip', value: '192.0.2.2' }] as never,
  });
  assert.deepEqual(
    [updated.urls, updated.configurations, updated.description],
    [['shop.example.test/*'], [{ target: 'ip', value: '192.0.2.2' }], 'Team only'],
  );
  assert.deepEqual(await client.firewall.lockdowns.delete(made.id, zone), { id: made.id });
  assert.equal(entryOf(`lockdown:${made.id}`), undefined);
  await fails(client.firewall.lockdowns.get(made.id, zone), 404, 10020);
});

test('a zone lockdown that would not hold is refused', async () => {
  const good = { urls: ['a.example.test/*'], configurations: [{ target: 'ip', value: '192.0.2.1' }] };
  for (const [wrong, pointer] of [
    [{ urls: [] }, '/urls'],
    [{ urls: ['a.example.test'] }, '/urls/0'],
    [{ urls: ['a.other.test/*'] }, '/urls/0'],
    [{ urls: ['a.example.test:8443/*'] }, '/urls/0'],
    [{ urls: ['a.example.test/ x'] }, '/urls/0'],
    [{ urls: ['a.example.test/#x'] }, '/urls/0'],
    [{ configurations: [] }, '/configurations'],
    [{ configurations: [{ target: 'ip', value: '192.0.2.0/24' }] }, '/configurations/0/value'],
    [{ configurations: [{ target: 'ip_range', value: '192.0.2.0' }] }, '/configurations/0/value'],
    [{ configurations: [{ target: 'asn', value: '1' }] }, '/configurations/0/target'],
    [{ priority: 1 }, '/priority'],
    [{ paused: 'yes' }, '/paused'],
  ] as const) {
    await fails(client.firewall.lockdowns.create({ ...zone, ...good, ...wrong } as never), 400, 20120, pointer);
  }
});

test('user-agent rules: all of their life', async () => {
  const configuration = { target: 'ua', value: 'BadBot/1.0 (x)' } as const;
  const made = await client.firewall.uaRules.create({ ...zone, mode: 'block', configuration, description: 'bad' });
  assert.deepEqual([made.mode, made.configuration, made.paused], ['block', configuration, false]);
  assert.deepEqual(entryOf(`user_agent_rule:${made.id}`), {
    kind: 'user_agent_rule',
    id: made.id,
    zoneId: plane.zone.id,
    mode: 'block',
    userAgent: 'BadBot/1.0 (x)',
    paused: false,
  });
  assert.deepEqual(await client.firewall.uaRules.get(made.id!, zone), made);
  await fails(
    client.firewall.uaRules.create({ ...zone, mode: 'js_challenge', configuration }),
    400,
    10009,
    '/configuration/value',
  );
  const found = async (query: object) =>
    (await Array.fromAsync(client.firewall.uaRules.list({ ...zone, ...query }))).length;
  for (const [query, count] of [
    [{}, 1],
    [{ user_agent: 'badbot' }, 1],
    [{ description: 'other' }, 0],
    [{ paused: false }, 1],
    [{ paused: true }, 0],
  ] as const) {
    assert.equal(await found(query), count, JSON.stringify(query));
  }
  const updated = await client.firewall.uaRules.update(made.id!, {
    ...zone,
    mode: 'managed_challenge',
    configuration: { target: 'ua', value: 'Other' } as never,
    paused: true,
  });
  assert.deepEqual([updated.mode, updated.paused, updated.description], ['managed_challenge', true, 'bad']);
  for (const [wrong, pointer] of [
    [{ mode: 'whitelist' }, '/mode'],
    [{ configuration: { target: 'ip', value: 'x' } }, '/configuration/target'],
    [{ configuration: { target: 'ua', value: ' x' } }, '/configuration/value'],
    [{ configuration: { target: 'ua', value: 'a\r\nb' } }, '/configuration/value'],
    [{ configuration: { target: 'ua', value: '' } }, '/configuration/value'],
  ] as const) {
    const body = { mode: 'block', configuration, ...wrong };
    await fails(client.firewall.uaRules.create({ ...zone, ...body } as never), 400, 20120, pointer);
  }
  assert.equal((await client.firewall.uaRules.delete(made.id!, zone)).id, made.id);
  await fails(client.firewall.uaRules.get(made.id!, zone), 404, 10020);
});

test('with a zone go its rules', async () => {
  const other = await client.zones.create({ account: { id: plane.accountId }, name: 'gone.test', type: 'full' });
  const at = { zone_id: other.id };
  const access = await client.firewall.accessRules.create({
    ...at,
    mode: 'block',
    configuration: { target: 'ip', value: '192.0.2.1' },
  });
  const lockdown = await client.firewall.lockdowns.create({
    ...at,
    urls: ['gone.test/*'],
    configurations: [{ target: 'ip', value: '192.0.2.1' }] as never,
  });
  const agent = await client.firewall.uaRules.create({
    ...at,
    mode: 'block',
    configuration: { target: 'ua', value: 'x' },
  });
  const keys = [`access_rule:${access.id}`, `lockdown:${lockdown.id}`, `user_agent_rule:${agent.id}`];
  for (const key of keys) assert.ok(entryOf(key), key);
  await client.zones.delete({ zone_id: other.id });
  for (const key of keys) assert.equal(entryOf(key), undefined, key);
});

test('lockdowns and user agents have quotas', async () => {
  const at = { ...zone, configurations: [{ target: 'ip', value: '192.0.2.1' }] as never };
  for (let index = 0; index < 200; index++) {
    await client.firewall.lockdowns.create({ ...at, urls: [`a.example.test/${index}`] });
  }
  await fails(client.firewall.lockdowns.create({ ...at, urls: ['a.example.test/more'] }), 400, 20151);
});
