import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare from 'cloudflare';
import type { ListEntry } from '../../src/core/mod.ts';
import { isConsistent } from '../doubles/consistency.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';

let plane: TestControlPlane;
let client: Cloudflare;
let account: { account_id: string };

before(async () => {
  plane = await startControlPlane();
  client = new Cloudflare({ apiToken: plane.token, baseURL: plane.api, maxRetries: 0 });
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

const entryOf = (id: string) => plane.plane.context.distribution.index.get(`list:${id}`) as ListEntry | undefined;
const items = async (id: string, query: object = {}) =>
  (await Array.fromAsync(client.rules.lists.items.list(id, { ...account, ...query }))) as unknown as {
    id: string;
    ip?: string;
    asn?: number;
    hostname?: { url_hostname: string; exclude_exact_hostname?: boolean };
    comment?: string;
    created_on: string;
  }[];

test('a list of addresses: all of its life', async () => {
  const made = await client.rules.lists.create({ ...account, kind: 'ip', name: 'office', description: 'ours' });
  assert.match(made.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    [made.kind, made.name, made.description, made.num_items, made.num_referencing_filters],
    ['ip', 'office', 'ours', 0, 0],
  );
  assert.deepEqual(await client.rules.lists.get(made.id, account), made);
  const renamed = await client.rules.lists.update(made.id, { ...account, description: 'other' });
  assert.equal(renamed.description, 'other');

  const { operation_id } = await client.rules.lists.items.create(made.id, {
    ...account,
    body: [{ ip: '192.0.2.1', comment: 'door' }, { ip: '2001:DB8:0::/48' }, { ip: '::ffff:198.51.100.7' }],
  });
  const operation = await client.rules.lists.bulkOperations.get(operation_id, account);
  assert.deepEqual([operation.id, operation.status], [operation_id, 'completed']);
  assert.ok('completed' in operation && !Number.isNaN(Date.parse(operation.completed as string)));
  assert.deepEqual(
    (await items(made.id)).map(({ ip, comment }) => [ip, comment]),
    [
      ['192.0.2.1', 'door'],
      ['198.51.100.7', undefined],
      ['2001:db8::/48', undefined],
    ],
  );
  assert.deepEqual(entryOf(made.id)?.items, ['192.0.2.1', '198.51.100.7', '2001:db8::/48'], 'in use before the answer');

  await client.rules.lists.items.create(made.id, { ...account, body: [{ ip: '192.0.2.1', comment: 'gate' }] });
  const all = await items(made.id, { per_page: 1 });
  assert.deepEqual(
    all.map(({ ip, comment }) => `${ip} ${comment ?? ''}`),
    ['192.0.2.1 gate', '198.51.100.7 ', '2001:db8::/48 '],
    'page by page; what was there already has the new comment',
  );
  assert.deepEqual(
    (await items(made.id, { search: '198.' })).map(({ ip }) => ip),
    ['198.51.100.7'],
  );
  const one = await client.rules.lists.items.get(all[0]!.id, { ...account, list_id: made.id });
  assert.deepEqual(one as unknown, all[0]);
  await fails(
    client.rules.lists.items.delete(made.id, { ...account, items: [{ id: 'x' }] }),
    404,
    10011,
    '/items/0/id',
  );
  await client.rules.lists.items.delete(made.id, { ...account, items: [{ id: all[0]!.id }, { id: all[1]!.id }] });
  assert.equal((await client.rules.lists.get(made.id, account)).num_items, 1);
  await client.rules.lists.items.update(made.id, { ...account, body: [{ ip: '203.0.113.0/24' }] });
  assert.deepEqual(entryOf(made.id)?.items, ['203.0.113.0/24']);

  await fails(client.rules.lists.create({ ...account, kind: 'ip', name: 'office' }), 400, 20140, '/name');
  const listed = await Array.fromAsync(client.rules.lists.list(account));
  assert.deepEqual(
    listed.map(({ name, num_items }) => [name, num_items]),
    [['office', 1]],
  );
  assert.deepEqual(await client.rules.lists.delete(made.id, account), { id: made.id });
  assert.equal(entryOf(made.id), undefined);
  await fails(client.rules.lists.get(made.id, account), 404, 10010);
  await fails(client.rules.lists.bulkOperations.get(made.id, account), 404, 10012);
});

test('lists of hostnames and of networks', async () => {
  const names = await client.rules.lists.create({ ...account, kind: 'hostname', name: 'names' });
  await client.rules.lists.items.create(names.id, {
    ...account,
    body: [
      { hostname: { url_hostname: 'WWW.example.com' } },
      { hostname: { url_hostname: '*.below.example' } },
      { hostname: { url_hostname: '*.both.example', exclude_exact_hostname: false } },
    ],
  });
  assert.deepEqual(
    (await items(names.id)).map(({ hostname }) => hostname),
    [
      { url_hostname: '*.below.example', exclude_exact_hostname: true },
      { url_hostname: '*.both.example', exclude_exact_hostname: false },
      { url_hostname: 'www.example.com' },
    ],
  );
  assert.deepEqual(entryOf(names.id)?.items, ['*.below.example', '*.both.example', 'both.example', 'www.example.com']);
  assert.equal((await items(names.id, { search: 'below' })).length, 1);
  assert.equal((await items(names.id, { search: '_' })).length, 0, 'no pattern of SQL');

  const networks = await client.rules.lists.create({ ...account, kind: 'asn', name: 'networks' });
  await client.rules.lists.items.create(networks.id, { ...account, body: [{ asn: 64_496 }, { asn: 64_497 }] });
  assert.deepEqual(
    (await items(networks.id, { search: '64496' })).map(({ asn }) => asn),
    [64_496],
  );
  for (const { id } of [names, networks]) await client.rules.lists.delete(id, account);
});

test('what a list cannot hold is refused with its place, and nothing of the request is kept', async () => {
  for (const [body, pointer] of [
    [{ kind: 'redirect', name: 'a' }, '/kind'],
    [{ kind: 'other', name: 'a' }, '/kind'],
    [{ kind: 'ip', name: 'A' }, '/name'],
    [{ kind: 'ip', name: 'a.b' }, '/name'],
    [{ kind: 'ip', name: 'a'.repeat(51) }, '/name'],
    [{ kind: 'ip', name: 'a', items: [] }, '/items'],
  ] as const) {
    await fails(
      client.rules.lists.create({ ...account, ...(body as { kind: 'ip'; name: string }) }),
      400,
      20120,
      pointer,
    );
  }
  const kinds = {
    ip: ['', '192.0.2.256', '192.0.2.1/24', '192.0.2.0/33', '01.2.3.4', '::1%lo', '2001:db8::1/32', 'x', 1, null],
    asn: ['64496', -1, 4_294_967_296, 1.5, null],
    hostname: [
      'www.example.com',
      { url_hostname: '*' },
      { url_hostname: 'a.*.com' },
      { url_hostname: '192.0.2.1' },
      { url_hostname: 'a.com', exclude_exact_hostname: true },
      { url_hostname: 'https://a.com' },
    ],
  };
  for (const [kind, wrong] of Object.entries(kinds)) {
    const { id } = await client.rules.lists.create({ ...account, kind: kind as 'ip', name: 'wrong' });
    for (const value of wrong) {
      const good = { ip: '192.0.2.9', asn: 1, hostname: { url_hostname: 'good.example' } }[kind];
      const call = client.rules.lists.items.create(id, {
        ...account,
        body: [{ [kind]: good }, { [kind]: value }] as never,
      });
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof Cloudflare.APIError);
        const [first] = error.errors as { code: number; source?: { pointer: string } }[];
        assert.match(first!.source!.pointer, new RegExp(`^/1/${kind}`), JSON.stringify(value));
        return first!.code === 20120;
      });
    }
    await fails(
      client.rules.lists.items.create(id, { ...account, body: [{ redirect: {} }] as never }),
      400,
      20120,
      '/0/redirect',
    );
    assert.equal((await client.rules.lists.get(id, account)).num_items, 0);
    await client.rules.lists.delete(id, account);
  }
});

test('ten thousand items go in at once, and fifty thousand is the limit', async () => {
  const { id } = await client.rules.lists.create({ ...account, kind: 'asn', name: 'many' });
  const from = (start: number) => Array.from({ length: 10_000 }, (_, index) => ({ asn: start + index }));
  for (let start = 0; start < 50_000; start += 10_000) {
    await client.rules.lists.items.create(id, { ...account, body: from(start) });
  }
  assert.equal((await client.rules.lists.get(id, account)).num_items, 50_000);
  await client.rules.lists.items.create(id, { ...account, body: [{ asn: 7 }] });
  await fails(client.rules.lists.items.create(id, { ...account, body: [{ asn: 50_000 }] }), 400, 20142);
  assert.equal(entryOf(id)?.items.length, 50_000);
  await client.rules.lists.items.update(id, { ...account, body: from(1) });
  assert.equal((await items(id, { per_page: 500 })).length, 10_000);
  await client.rules.lists.delete(id, account);
});

test('an account has a hundred lists at most, and names them only for itself', async () => {
  const made = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      client.rules.lists.create({ ...account, kind: 'ip', name: `list_${index}` }),
    ),
  );
  await fails(client.rules.lists.create({ ...account, kind: 'ip', name: 'more' }), 400, 20142);
  await fails(client.rules.lists.get(made[0]!.id, { account_id: '0'.repeat(32) }), 403, 9109);
  await Promise.all(made.map(({ id }) => client.rules.lists.delete(id, account)));
});
