import type { Hono } from 'hono';
import { z } from 'zod';
import {
  changeRecord,
  createRecord,
  deleteRecord,
  getRecord,
  listRecords,
  type RecordInput,
} from '../../control/mod.ts';
import { readBody } from '../body.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import { page, textFilters } from '../paging.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

type Row = Awaited<ReturnType<typeof getRecord>>;

// Half a surrogate pair and NUL do not come back from every database as they went in.
const text = z.string().refine((value) => value.isWellFormed() && !value.includes('\0'), 'Invalid characters');
const Fields = z.object({
  type: z.enum(['A', 'AAAA', 'CNAME']),
  name: z.string().min(1).max(255),
  content: z.string().min(1).max(255),
  ttl: z.number().int(),
  proxied: z.boolean(),
  comment: text.max(500).nullish(),
  tags: z.array(text.max(133)).max(20).nullish(),
});
const NewRecord = Fields.extend({ ttl: Fields.shape.ttl.default(1), proxied: Fields.shape.proxied.default(false) });
const Changes = Fields.partial();

/** `/zones/{zone_id}/dns_records` (spec/api.md 2.4). */
export function dnsRecordRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions): void {
  const path = '/client/v4/zones/:zone_id/dns_records';
  app.post(path, async (call) => {
    const zone = await zoneOf(context, call);
    const input = toInput(await readBody(call, NewRecord));
    return success(call, toRecord(await createRecord(context, causeOf(call), zone, input)));
  });
  app.get(path, async (call) => {
    const zone = await zoneOf(context, call);
    const rows = order(call, filter(call, await listRecords(context, zone)));
    const { items, info } = page(call, rows, { fallback: 100, min: 1, max: 5_000_000 });
    return success(call, items.map(toRecord), info);
  });
  app.get(`${path}/:id`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, toRecord(await getRecord(context, zone, call.req.param('id'))));
  });
  app.put(`${path}/:id`, async (call) => {
    const zone = await zoneOf(context, call);
    const input = toInput(await readBody(call, NewRecord));
    return success(call, toRecord(await changeRecord(context, causeOf(call), zone, call.req.param('id'), () => input)));
  });
  app.patch(`${path}/:id`, async (call) => {
    const zone = await zoneOf(context, call);
    const id = call.req.param('id');
    await getRecord(context, zone, id);
    const changes = await readBody(call, Changes);
    const make = (old: Row) => toInput({ ...fromRow(old), ...changes } as Body);
    return success(call, toRecord(await changeRecord(context, causeOf(call), zone, id, make)));
  });
  app.delete(`${path}/:id`, async (call) => {
    const zone = await zoneOf(context, call);
    const id = call.req.param('id');
    await deleteRecord(context, causeOf(call), zone, id);
    return success(call, { id });
  });
}

type Body = z.infer<typeof NewRecord>;

function toInput({ comment, tags, ...rest }: Body): RecordInput {
  return { ...rest, comment: comment ?? null, tags: tags ?? [] };
}

function fromRow({ type, name, content, ttl, proxied, comment, tags }: Row): Body {
  return { type, name, content, ttl, proxied: proxied === 1, comment, tags: JSON.parse(tags) as string[] };
}

function toRecord(row: Row): object {
  return {
    id: row.id,
    zone_id: row.zone_id,
    ...fromRow(row),
    proxiable: true,
    settings: {},
    meta: {},
    created_on: formatMicroseconds(row.created_at),
    modified_on: formatMicroseconds(row.modified_at),
  };
}

function filter(call: Call, rows: readonly Row[]): Row[] {
  const tests: ((row: Row) => boolean)[] = [];
  for (const test of textFilters(call, 'name')) tests.push((row) => test(row.name));
  for (const test of textFilters(call, 'content')) tests.push((row) => test(row.content));
  for (const test of textFilters(call, 'comment')) tests.push((row) => test(row.comment ?? ''));
  const type = call.req.query('type');
  if (type !== undefined) tests.push((row) => row.type === type.toUpperCase());
  const proxied = call.req.query('proxied');
  if (proxied !== undefined) tests.push((row) => (row.proxied === 1) === (proxied === 'true'));
  const search = call.req.query('search')?.toLowerCase();
  if (search !== undefined)
    tests.push((row) => `${row.name} ${row.content} ${row.comment ?? ''}`.toLowerCase().includes(search));
  if (tests.length === 0) return [...rows];
  return rows.filter((row) =>
    call.req.query('match') === 'any' ? tests.some((test) => test(row)) : tests.every((test) => test(row)),
  );
}

function order(call: Call, rows: Row[]): Row[] {
  const by = call.req.query('order');
  if (by === 'type' || by === 'name' || by === 'content' || by === 'ttl' || by === 'proxied') {
    rows.sort((a, b) => (a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0));
  }
  return call.req.query('direction') === 'desc' ? rows.reverse() : rows;
}
