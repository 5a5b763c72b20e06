import { ApiError, entryKey, QUOTAS } from '../core/mod.ts';
import type { Cause, Database, ListRow, Transaction } from '../store/mod.ts';
import { invalid, type ListInput, type PhaseName, readList, readListDescription, ruleUsesList } from '../waf/mod.ts';
import { type Context, commit, newId } from './context.ts';
import { expressionScope } from './rule-context.ts';
import { rulesetsMentioning } from './ruleset-rows.ts';

/** A list, how much is in it, and how many rules name it. */
export interface List {
  readonly row: ListRow;
  readonly items: number;
  readonly users: number;
}

type Db = Context['store']['db'] | Transaction<Database>;

/** The lists of an account, by name. */
export async function listLists(context: Context, accountId: string): Promise<List[]> {
  return await context.store.db.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('lists')
      .selectAll()
      .where('account_id', '=', accountId)
      .orderBy('name')
      .execute();
    return await Promise.all(rows.map((row) => withCounts(context, trx, row)));
  });
}

/** One list. Throws `list_not_found`. */
export async function getList(context: Context, accountId: string, id: string): Promise<List> {
  return await context.store.db
    .transaction()
    .execute(async (trx) => withCounts(context, trx, await findList(trx, accountId, id)));
}

/** The row of a list. Throws `list_not_found`. */
export async function findList(db: Db, accountId: string, id: string): Promise<ListRow> {
  const row = await db
    .selectFrom('lists')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  if (!row) throw new ApiError('list_not_found');
  return row;
}

/** Makes an empty list. Throws `rule_invalid`, `list_exists` and `list_quota`. */
export async function createList(context: Context, cause: Cause, accountId: string, body: unknown): Promise<List> {
  const input = readList(body);
  const now = context.store.now();
  const row: ListRow = {
    id: newId(context.random),
    account_id: accountId,
    ...input,
    created_at: now,
    modified_at: now,
  };
  await commit(context, cause, async (trx) => {
    await checkRoom(trx, accountId, input);
    await trx.insertInto('lists').values(row).execute();
    return { result: null, keys: [entryKey.list(row.id)], action: 'list.create', target: row.id };
  });
  return { row, items: 0, users: 0 };
}

/** Changes the description of a list. Throws `rule_invalid` and `list_not_found`. */
export async function updateList(
  context: Context,
  cause: Cause,
  accountId: string,
  id: string,
  body: unknown,
): Promise<List> {
  const { description, ...same } = readListDescription(body);
  await commit(context, cause, async (trx) => {
    const row = await findList(trx, accountId, id);
    for (const member of ['name', 'kind'] as const) {
      if (same[member] !== undefined && same[member] !== row[member]) {
        throw invalid(`/${member}`, `is ${row[member]}, and cannot be changed.`);
      }
    }
    await trx
      .updateTable('lists')
      .set({ description, modified_at: context.store.now() })
      .where('id', '=', id)
      .execute();
    return { result: null, keys: [], action: 'list.update', target: id };
  });
  return await getList(context, accountId, id);
}

/** Deletes a list that no rule names. Throws `list_not_found` and `list_in_use`. */
export async function deleteList(context: Context, cause: Cause, accountId: string, id: string): Promise<void> {
  await commit(context, cause, async (trx) => {
    const row = await findList(trx, accountId, id);
    const [user] = await usersOf(context, trx, row);
    if (user !== undefined) {
      throw new ApiError('list_in_use', {
        message: `The rule ${user.ruleId} of the ruleset ${user.rulesetId} uses this list: change that one first.`,
      });
    }
    await trx.deleteFrom('lists').where('id', '=', id).execute();
    return { result: null, keys: [entryKey.list(id)], action: 'list.delete', target: id };
  });
}

async function withCounts(context: Context, db: Db, row: ListRow): Promise<List> {
  return { row, items: await countItems(db, row.id), users: (await usersOf(context, db, row)).length };
}

/** How many items a list has. */
export async function countItems(db: Db, listId: string): Promise<number> {
  const { count } = await db
    .selectFrom('list_items')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('list_id', '=', listId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** The rules, of the account and of all its zones, whose expressions name a list. */
async function usersOf(
  context: Context,
  db: Db,
  { account_id: accountId, name }: ListRow,
): Promise<{ readonly rulesetId: string; readonly ruleId: string }[]> {
  const scope = await expressionScope(context, db, accountId);
  return (await rulesetsMentioning(db, accountId, `$${name}`)).flatMap(({ id, phase, rules }) =>
    rules
      .filter((rule) => ruleUsesList(rule, name, { ...scope, phase: phase as PhaseName }))
      .map((rule) => ({ rulesetId: id, ruleId: rule.id })),
  );
}

async function checkRoom(trx: Transaction<Database>, accountId: string, { name }: ListInput): Promise<void> {
  const names = await trx.selectFrom('lists').select('name').where('account_id', '=', accountId).execute();
  if (names.some((other) => other.name === name)) {
    throw new ApiError('list_exists', { message: `There is a list named ${name} already.`, pointer: '/name' });
  }
  if (names.length >= QUOTAS.listsPerAccount) {
    throw new ApiError('list_quota', {
      message: `The quota of ${QUOTAS.listsPerAccount} lists of this account is used up. Delete one first.`,
    });
  }
}
