import { sql } from 'kysely';
import { ApiError, entryKey, QUOTAS } from '../core/mod.ts';
import type { Cause, Database, ListItemRow, ListOperationRow, ListRow, Transaction } from '../store/mod.ts';
import { invalid, readArray, readListItem, readMembers } from '../waf/mod.ts';
import { type Context, commit, newId } from './context.ts';
import { countItems, findList } from './lists.ts';

/** How long it is known that an operation was done: a week, in microseconds. */
const OPERATION_LIFE = 7 * 86_400 * 1_000_000;

/** Rows that go in by one statement: SQLite takes 32,766 parameters. */
const CHUNK = 1000;

/** An item of a list, as it is stored. */
export type ListItem = ListItemRow;

/** Which items of a list are asked for. */
export interface ItemQuery {
  /** Only items behind this value. */
  readonly after: string | null;
  readonly limit: number;
  /** What addresses begin with, hostnames contain, and numbers are. */
  readonly search: string | null;
}

/** Items of a list in the order of their values. Throws `list_not_found`. */
export async function listItems(
  { store }: Context,
  accountId: string,
  listId: string,
  { after, limit, search }: ItemQuery,
): Promise<{ readonly list: ListRow; readonly items: ListItemRow[] }> {
  const list = await findList(store.db, accountId, listId);
  let query = store.db.selectFrom('list_items').selectAll().where('list_id', '=', listId);
  if (after !== null) query = query.where('value', '>', after);
  if (search !== null) {
    const text = search.toLowerCase();
    const literal = text.replace(/[\\%_]/g, '\\$&');
    if (list.kind === 'asn') query = query.where('value', '=', text);
    else
      query = query.where(sql<boolean>`value like ${list.kind === 'ip' ? `${literal}%` : `%${literal}%`} escape '\\'`);
  }
  return { list, items: await query.orderBy('value').limit(limit).execute() };
}

/** One item of a list. Throws `list_not_found` and `list_item_not_found`. */
export async function getListItem(
  { store }: Context,
  accountId: string,
  listId: string,
  id: string,
): Promise<{ readonly list: ListRow; readonly item: ListItemRow }> {
  const list = await findList(store.db, accountId, listId);
  const item = await store.db
    .selectFrom('list_items')
    .selectAll()
    .where('list_id', '=', listId)
    .where('id', '=', id)
    .executeTakeFirst();
  if (!item) throw new ApiError('list_item_not_found');
  return { list, item };
}

/** Adds items; what is there already has the new comment. Throws `rule_invalid`, `list_not_found` and `list_quota`. */
export async function appendItems(
  context: Context,
  cause: Cause,
  accountId: string,
  listId: string,
  body: unknown,
): Promise<string> {
  return await changeItems(context, cause, { accountId, listId, action: 'list.append' }, async (trx, list) => {
    await insertItems(context, trx, list, body);
  });
}

/** Puts items in the place of all. Throws as `appendItems`. */
export async function replaceItems(
  context: Context,
  cause: Cause,
  accountId: string,
  listId: string,
  body: unknown,
): Promise<string> {
  return await changeItems(context, cause, { accountId, listId, action: 'list.replace' }, async (trx, list) => {
    await trx.deleteFrom('list_items').where('list_id', '=', listId).execute();
    await insertItems(context, trx, list, body);
  });
}

/** Removes items by their ids: all of them or none. Throws `rule_invalid`, `list_not_found` and `list_item_not_found`. */
export async function deleteItems(
  context: Context,
  cause: Cause,
  accountId: string,
  listId: string,
  body: unknown,
): Promise<string> {
  const { items } = readMembers(body, '', ['items']);
  const ids = readArray(items, '/items', [1, QUOTAS.itemsPerList], (item, pointer) => {
    const { id } = readMembers(item, pointer, ['id']);
    if (typeof id !== 'string') throw invalid(`${pointer}/id`, 'must be the id of an item.');
    return id;
  });
  return await changeItems(context, cause, { accountId, listId, action: 'list.delete_items' }, async (trx) => {
    for (const [index, id] of ids.entries()) {
      const { numDeletedRows } = await trx
        .deleteFrom('list_items')
        .where('list_id', '=', listId)
        .where('id', '=', id)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw new ApiError('list_item_not_found', { pointer: `/items/${index}/id` });
    }
  });
}

/** When an operation was done: it is, when its id is known. Throws `list_operation_not_found`. */
export async function getListOperation({ store }: Context, accountId: string, id: string): Promise<ListOperationRow> {
  const row = await store.db
    .selectFrom('list_operations')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  if (!row) throw new ApiError('list_operation_not_found');
  return row;
}

/** A change of the items of a list, and the operation under whose id it can be asked for. */
async function changeItems(
  context: Context,
  cause: Cause,
  { accountId, listId, action }: { readonly accountId: string; readonly listId: string; readonly action: string },
  work: (trx: Transaction<Database>, list: ListRow) => Promise<void>,
): Promise<string> {
  const id = newId(context.random);
  await commit(context, cause, async (trx) => {
    const list = await findList(trx, accountId, listId);
    await work(trx, list);
    const now = context.store.now();
    await trx.updateTable('lists').set({ modified_at: now }).where('id', '=', listId).execute();
    await trx
      .deleteFrom('list_operations')
      .where('completed_at', '<', now - OPERATION_LIFE)
      .execute();
    await trx.insertInto('list_operations').values({ id, account_id: accountId, completed_at: now }).execute();
    return { result: null, keys: [entryKey.list(listId)], action, target: listId };
  });
  return id;
}

async function insertItems(context: Context, trx: Transaction<Database>, list: ListRow, body: unknown): Promise<void> {
  const read = readArray(body, '', [0, QUOTAS.itemsPerList], (item, pointer) => readListItem(item, pointer, list.kind));
  const now = context.store.now();
  const items = [...new Map(read.map((item) => [item.value, item])).values()];
  for (let start = 0; start < items.length; start += CHUNK) {
    const rows = items.slice(start, start + CHUNK).map(
      ({ value, excludesApex, comment }): ListItemRow => ({
        id: newId(context.random),
        list_id: list.id,
        value,
        excludes_apex: excludesApex === null ? null : excludesApex ? 1 : 0,
        comment,
        created_at: now,
        modified_at: now,
      }),
    );
    await trx
      .insertInto('list_items')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['list_id', 'value']).doUpdateSet(({ ref }) => ({
          excludes_apex: ref('excluded.excludes_apex'),
          comment: ref('excluded.comment'),
          modified_at: ref('excluded.modified_at'),
        })),
      )
      .execute();
  }
  if ((await countItems(trx, list.id)) > QUOTAS.itemsPerList) {
    throw new ApiError('list_quota', { message: `A list has at most ${QUOTAS.itemsPerList} items.` });
  }
}
