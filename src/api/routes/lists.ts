import type { Hono } from 'hono';
import {
  appendItems,
  createList,
  deleteItems,
  deleteList,
  getList,
  getListItem,
  getListOperation,
  type List,
  type ListItem,
  listItems,
  listLists,
  replaceItems,
  updateList,
} from '../../control/mod.ts';
import { ApiError } from '../../core/mod.ts';
import { queryNumber, readJson } from '../body.ts';
import { cursorInfo, readCursor } from '../cursor.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import { singlePage } from '../paging.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { causeOf } from '../zone-call.ts';

/** `/accounts/{account_id}/rules/lists` (spec/origin-pulls.md 7.4): lists that expressions name. */
export function listRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions): void {
  const path = '/client/v4/accounts/:account_id/rules/lists';
  app.get(path, async (call) => {
    const lists = await listLists(context, accountOf(call));
    return success(call, lists.map(toList), singlePage(lists.length));
  });
  app.post(path, async (call) =>
    success(call, toList(await createList(context, causeOf(call), accountOf(call), await readJson(call)))),
  );
  app.get(`${path}/bulk_operations/:operation_id`, async (call) => {
    const operation = await getListOperation(context, accountOf(call), call.req.param('operation_id'));
    const { id, completed_at } = operation;
    return success(call, { id, status: 'completed', completed: formatMicroseconds(completed_at) });
  });
  app.get(`${path}/:list_id`, async (call) =>
    success(call, toList(await getList(context, accountOf(call), call.req.param('list_id')))),
  );
  app.put(`${path}/:list_id`, async (call) => {
    const account = accountOf(call);
    const id = call.req.param('list_id');
    return success(call, toList(await updateList(context, causeOf(call), account, id, await readJson(call))));
  });
  app.delete(`${path}/:list_id`, async (call) => {
    const id = call.req.param('list_id');
    await deleteList(context, causeOf(call), accountOf(call), id);
    return success(call, { id });
  });
  itemRoutes(app, context, `${path}/:list_id/items`);
}

function itemRoutes(app: Hono<ApiEnvironment>, context: ApiOptions['context'], path: string): void {
  app.get(path, async (call) => {
    const account = accountOf(call);
    const perPage = queryNumber(call, 'per_page', 100, 1, 500);
    const query = { after: readCursor(call), limit: perPage + 1, search: call.req.query('search') ?? null };
    const { list, items } = await listItems(context, account, listOf(call), query);
    const taken = items.slice(0, perPage);
    const next = items.length > perPage ? taken.at(-1)!.value : null;
    return success(
      call,
      taken.map((item) => toItem(list.kind, item)),
      cursorInfo(taken.length, perPage, next),
    );
  });
  app.get(`${path}/:item_id`, async (call) => {
    const { list, item } = await getListItem(context, accountOf(call), listOf(call), call.req.param('item_id') ?? '');
    return success(call, toItem(list.kind, item));
  });
  for (const [method, change] of [
    ['POST', appendItems],
    ['PUT', replaceItems],
    ['DELETE', deleteItems],
  ] as const) {
    app.on(method, path, async (call) => {
      const account = accountOf(call);
      const body = await readJson(call);
      return success(call, { operation_id: await change(context, causeOf(call), account, listOf(call), body) });
    });
  }
}

function accountOf(call: Call): string {
  const { accountId } = call.get('principal');
  if (call.req.param('account_id') !== accountId) throw new ApiError('unauthorized');
  return accountId;
}

function listOf(call: Call): string {
  return call.req.param('list_id') ?? '';
}

function toList({ row, items, users }: List): object {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    ...(row.description === '' ? {} : { description: row.description }),
    num_items: items,
    num_referencing_filters: users,
    created_on: formatMicroseconds(row.created_at),
    modified_on: formatMicroseconds(row.modified_at),
  };
}

function toItem(kind: List['row']['kind'], item: ListItem): object {
  const excludes = item.excludes_apex === null ? {} : { exclude_exact_hostname: item.excludes_apex === 1 };
  const values = {
    ip: item.value,
    asn: Number(item.value),
    hostname: { url_hostname: item.value, ...excludes },
  };
  return {
    id: item.id,
    [kind]: values[kind],
    ...(item.comment === '' ? {} : { comment: item.comment }),
    created_on: formatMicroseconds(item.created_at),
    modified_on: formatMicroseconds(item.modified_at),
  };
}
