import { isIPv4, isIPv6 } from 'node:net';
import { ApiError, canonicalHostname, canonicalRecordName, entryKey, isWithinZone } from '../core/mod.ts';
import type { Cause, Database, DnsRecordRow, Transaction, ZoneRow } from '../store/mod.ts';
import { type Context, commitInZone, newId } from './context.ts';
import { toAscii } from './hostname-input.ts';

/** What a client says about a record. */
export interface RecordInput {
  readonly type: 'A' | 'AAAA' | 'CNAME';
  /** Full name, name below the zone, `@`, or `*`. */
  readonly name: string;
  readonly content: string;
  /** Seconds; 1 for automatic. */
  readonly ttl: number;
  readonly proxied: boolean;
  readonly comment: string | null;
  readonly tags: readonly string[];
}

/** All records of a zone, by name. */
export async function listRecords({ store }: Context, zone: ZoneRow): Promise<DnsRecordRow[]> {
  return await store.db
    .selectFrom('dns_records')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .orderBy('name')
    .orderBy('type')
    .orderBy('content')
    .execute();
}

/** One record. Throws `record_not_found`. */
export async function getRecord({ store }: Context, zone: ZoneRow, id: string): Promise<DnsRecordRow> {
  return await findRecord(store.db, zone, id);
}

async function findRecord(db: Context['store']['db'], zone: ZoneRow, id: string): Promise<DnsRecordRow> {
  const row = await db
    .selectFrom('dns_records')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw new ApiError('record_not_found');
  return row;
}

/** Makes a record. Throws `field_invalid`, `record_identical` and `record_cname_conflict`. */
export async function createRecord(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  input: RecordInput,
): Promise<DnsRecordRow> {
  const values = checked(zone, input);
  const now = context.store.now();
  const row: DnsRecordRow = {
    id: newId(context.random),
    zone_id: zone.id,
    ...values,
    created_at: now,
    modified_at: now,
  };
  await commitInZone(context, cause, zone, async (trx) => {
    await checkNeighbours(trx, row);
    await trx.insertInto('dns_records').values(row).execute();
    return { result: null, keys: [entryKey.hostname(zone.id, row.name)], action: 'dns_record.create', target: row.id };
  });
  return row;
}

/**
 * Changes a record to what `make` says of it as it stands. Throws as `createRecord`, and `record_not_found`.
 */
export async function changeRecord(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  id: string,
  make: (old: DnsRecordRow) => RecordInput,
): Promise<DnsRecordRow> {
  const { result } = await commitInZone(context, cause, zone, async (trx) => {
    const old = await findRecord(trx, zone, id);
    const values = checked(zone, make(old));
    const same = Object.entries(values).every(([key, value]) => old[key as keyof DnsRecordRow] === value);
    const row: DnsRecordRow = { ...old, ...values, modified_at: same ? old.modified_at : context.store.now() };
    await checkNeighbours(trx, row);
    await trx.updateTable('dns_records').set(row).where('id', '=', id).execute();
    const keys = [entryKey.hostname(zone.id, old.name), entryKey.hostname(zone.id, row.name)];
    return { result: row, keys, action: 'dns_record.update', target: id };
  });
  return result;
}

/** Removes a record. Throws `record_not_found`. */
export async function deleteRecord(context: Context, cause: Cause, zone: ZoneRow, id: string): Promise<void> {
  await commitInZone(context, cause, zone, async (trx) => {
    const { name } = await findRecord(trx, zone, id);
    await trx.deleteFrom('dns_records').where('id', '=', id).execute();
    return { result: null, keys: [entryKey.hostname(zone.id, name)], action: 'dns_record.delete', target: id };
  });
}

function invalid(pointer: string, message: string): ApiError {
  return new ApiError('field_invalid', { message, pointer });
}

function checked(
  zone: ZoneRow,
  input: RecordInput,
): Pick<DnsRecordRow, 'name' | 'type' | 'content' | 'ttl' | 'proxied' | 'comment' | 'tags'> {
  const { type, ttl, proxied, comment, tags } = input;
  if (ttl !== 1 && (ttl < 30 || ttl > 86_400))
    throw invalid('/ttl', 'ttl must be 1 (automatic) or from 30 to 86400 seconds.');
  // A proxied record answers with the edge: its time to live is not the client's to choose.
  return {
    name: recordName(zone, input.name),
    type,
    content: recordContent(type, input.content),
    ttl: proxied ? 1 : ttl,
    proxied: proxied ? 1 : 0,
    comment,
    tags: JSON.stringify(tags),
  };
}

function recordName(zone: ZoneRow, name: string): string {
  if (name === '@') return zone.name;
  if (name === '*') return `*.${zone.name}`;
  const given = canonicalRecordName(toAscii(name));
  if (given === null) throw invalid('/name', `"${name}" is not a valid DNS name.`);
  if (isWithinZone(given, zone.name)) return given;
  const full = canonicalRecordName(`${given}.${zone.name}`);
  if (full === null) throw invalid('/name', `"${name}" is too long.`);
  return full;
}

function recordContent(type: DnsRecordRow['type'], content: string): string {
  if (type === 'A' && isIPv4(content)) return content;
  if (type === 'AAAA' && isIPv6(content)) return content.toLowerCase();
  const target = type === 'CNAME' ? canonicalHostname(toAscii(content)) : null;
  if (target !== null) return target;
  const expected = { A: 'an IPv4 address', AAAA: 'an IPv6 address', CNAME: 'a hostname' }[type];
  throw invalid('/content', `content of ${type === 'CNAME' ? 'a' : 'an'} ${type} record must be ${expected}.`);
}

/** RFC 1034 section 3.6.2: a CNAME stands alone under its name. */
async function checkNeighbours(trx: Transaction<Database>, row: DnsRecordRow): Promise<void> {
  const neighbours = await trx
    .selectFrom('dns_records')
    .select(['type', 'content'])
    .where('zone_id', '=', row.zone_id)
    .where('name', '=', row.name)
    .where('id', '!=', row.id)
    .execute();
  if (neighbours.some(({ type, content }) => type === row.type && content === row.content))
    throw new ApiError('record_identical');
  if (
    neighbours.some(({ type }) => (type === 'CNAME') !== (row.type === 'CNAME')) ||
    (row.type === 'CNAME' && neighbours.length > 0)
  ) {
    throw new ApiError('record_cname_conflict');
  }
}
