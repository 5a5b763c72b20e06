import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
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
  const { writeFileSync } = await import('node:fs');
  writeFileSync(path, 'not a database, not at all, but some text that is longer than its header'.repeat(20));
  await assert.rejects(openStore(path, clock), /not a database/);
});
