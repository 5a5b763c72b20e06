import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { sql } from 'kysely';
import { initial } from './migrations/0001-initial.ts';
import { openStore, SchemaError } from './mod.ts';

const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
after(() => rmSync(directory, { recursive: true }));
const clock = { now: () => 1_000_000 };
const cause = { actor: 'test', source: '' };
let files = 0;
const file = () => join(directory, `${++files}.db`);

test('a mutation leaves its rows, one change and one audit row', async () => {
  const store = await openStore(file(), clock);
  const { change } = await store.mutate(cause, async (trx, number) => {
    await trx.insertInto('accounts').values({ id: 'a', name: 'A', created_at: 1 }).execute();
    return { result: number, keys: ['zone:1', 'zone:1', 'zone:2'], action: 'account.create', target: 'a' };
  });
  assert.equal(change, 1);
  assert.deepEqual(await store.changesSince(0), { to: 1, keys: ['zone:1', 'zone:2'] });
  assert.equal(await store.firstBrokenAuditRow(), null);
  await store.close();
});

test('a mutation that fails leaves nothing', async () => {
  const store = await openStore(file(), clock);
  const failing = store.mutate(cause, async (trx) => {
    await trx.insertInto('accounts').values({ id: 'a', name: 'A', created_at: 1 }).execute();
    throw new Error('no');
  });
  await assert.rejects(failing, /no/);
  assert.deepEqual(await store.db.selectFrom('accounts').selectAll().execute(), []);
  assert.equal(await store.lastChange(), 0);
  await store.close();
});

test('an altered audit row is found', async () => {
  const store = await openStore(file(), clock);
  for (const target of ['a', 'b', 'c']) {
    await store.mutate(cause, async () => ({ result: null, keys: [], action: 'x', target }));
  }
  await store.db.updateTable('audit').set({ target: 'z' }).where('number', '=', 2).execute();
  assert.equal(await store.firstBrokenAuditRow(), 2);
  await store.close();
});

test('a database of a newer version is refused and left as it is', async () => {
  const path = file();
  await (await openStore(path, clock)).close();
  const database = new DatabaseSync(path);
  database.exec('update schema_version set version = 99');
  database.close();
  await assert.rejects(
    openStore(path, clock),
    (error) => error instanceof SchemaError && /newer version/.test(error.message),
  );
});

test('a file that is no database is refused', async () => {
  const path = file();
  writeFileSync(path, 'not a database, not at all, but some text that is longer than its header'.repeat(20));
  await assert.rejects(openStore(path, clock), /not a database/);
});

test('every commit is on disk before it is answered, and references hold', async () => {
  const store = await openStore(file(), clock);
  const pragma = async (name: string) =>
    Object.values((await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(store.db)).rows[0]!)[0];
  assert.deepEqual(
    [await pragma('journal_mode'), await pragma('synchronous'), await pragma('foreign_keys')],
    ['wal', 2, 1],
  );
  await store.close();
});

test('what was answered survives a kill, whole, and a mutation under way leaves nothing', {
  timeout: 30_000,
}, async () => {
  const path = file();
  const program = `
    import { openStore } from ${JSON.stringify(new URL('./mod.ts', import.meta.url).href)};
    const store = await openStore(${JSON.stringify(path)}, { now: () => 1 });
    const cause = { actor: 'test', source: '' };
    for (let i = 1; ; i++) {
      await store.mutate(cause, async (trx) => {
        await trx.insertInto('accounts').values({ id: 'a' + i, name: 'A', created_at: 1 }).execute();
        return { result: null, keys: ['zone:' + i], action: 'account.create', target: 'a' + i };
      });
      process.stdout.write(i + '\\n');
    }`;
  const script = join(directory, 'writer.mjs');
  writeFileSync(script, program);
  const writer = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  writer.stdout.on('data', (data) => {
    output += data;
    if (output.split('\n').length > 30) writer.kill('SIGKILL');
  });
  await once(writer, 'close');
  const answered = Number(output.split('\n').at(-2));
  const store = await openStore(path, clock);
  const accounts = await store.db.selectFrom('accounts').select('id').execute();
  const last = await store.lastChange();
  assert.ok(accounts.length >= answered && answered >= 30, `${accounts.length} of ${answered}`);
  assert.equal(last, accounts.length, 'each with its change');
  assert.equal((await store.changesSince(0)).keys.length, last);
  const audit = await store.db.selectFrom('audit').select('number').execute();
  assert.equal(audit.length, last, 'and its audit row');
  assert.equal(await store.firstBrokenAuditRow(), null);
  await store.close();
});

test('mutations at once get numbers without gaps, and failed ones take none', async () => {
  const store = await openStore(file(), clock);
  const numbers = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) =>
      store.mutate(cause, async (_trx, number) => {
        if (i % 3 === 0) throw new Error('no');
        return { result: number, keys: i % 3 === 1 ? [`zone:${i}`] : [], action: 'x', target: String(i) };
      }),
    ),
  );
  const withKeys = numbers.flatMap((made, i) =>
    i % 3 === 1 && made.status === 'fulfilled' ? [made.value.change] : [],
  );
  assert.deepEqual(
    withKeys,
    withKeys.map((_, i) => i + 1),
  );
  assert.equal(await store.lastChange(), withKeys.length);
  assert.equal(await store.firstBrokenAuditRow(), null);
  await store.close();
});

test('a database of an older version is brought up to date', async () => {
  const path = file();
  const database = new DatabaseSync(path);
  for (const statement of initial) database.exec(statement);
  database.exec(`
    create table schema_version (version integer not null);
    insert into schema_version values (1);
    insert into accounts values ('a', 'A', 1);
    insert into zones values ('z', 'a', 'a.test', 'full', 0, 1, 1, 0);
    insert into client_certificates values
      ('c', 'z', 'zone', 'pem', 'f', 'k', 'i', 's', '1', 1600894923000000, 1, 1, 1, 'active', null);
    insert into server_certificates values ('www.a.test', 'pem', 'k', 1, 2)`);
  database.close();
  const store = await openStore(path, clock);
  const row = await store.db.selectFrom('client_certificates').select('expires_at').executeTakeFirstOrThrow();
  assert.equal(row.expires_at, Date.parse('2020-09-23T21:02:03Z'), 'in milliseconds now');
  const issued = await store.db.selectFrom('server_certificates').selectAll().execute();
  assert.deepEqual(
    issued.map(({ hostname, algorithm, private_key, not_after }) => [hostname, algorithm, private_key, not_after]),
    [['www.a.test', 'ecdsa', 'k', 2]],
  );
  await store.close();
});
