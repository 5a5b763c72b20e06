import { ApiError, entryKey, QUOTAS } from '../core/mod.ts';
import type { Cause, Database, LockdownRow, Transaction, ZoneRow } from '../store/mod.ts';
import { type LockdownInput, readLockdown } from '../waf/mod.ts';
import { type Context, commitInZone, newId } from './context.ts';

/** A zone lockdown. Times are microseconds since the epoch. */
export interface Lockdown {
  readonly id: string;
  readonly urls: LockdownInput['urls'];
  readonly configurations: LockdownInput['configurations'];
  readonly description: string;
  readonly paused: boolean;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

type Db = Context['store']['db'] | Transaction<Database>;

/** The lockdowns of a zone, the newest first. */
export async function listLockdowns({ store }: Context, zone: ZoneRow): Promise<Lockdown[]> {
  const rows = await store.db
    .selectFrom('lockdowns')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(toLockdown);
}

/** One lockdown. Throws `firewall_rule_not_found`. */
export async function getLockdown({ store }: Context, zone: ZoneRow, id: string): Promise<Lockdown> {
  return toLockdown(await find(store.db, zone, id));
}

/** Makes a lockdown. Throws `rule_invalid` and `firewall_rule_quota`. */
export async function createLockdown(context: Context, cause: Cause, zone: ZoneRow, body: unknown): Promise<Lockdown> {
  const input = readLockdown(body, zone.name);
  const now = context.store.now();
  const row: LockdownRow = {
    id: newId(context.random),
    zone_id: zone.id,
    ...columnsOf(input),
    description: input.description ?? '',
    paused: input.paused === true ? 1 : 0,
    created_at: now,
    modified_at: now,
  };
  await commitInZone(context, cause, zone, async (trx) => {
    await checkRoom(trx, zone);
    await trx.insertInto('lockdowns').values(row).execute();
    return mutationOf('lockdown.create', row.id);
  });
  return toLockdown(row);
}

/** Changes a lockdown: all but what it may leave out. Throws `rule_invalid` and `firewall_rule_not_found`. */
export async function updateLockdown(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  id: string,
  body: unknown,
): Promise<Lockdown> {
  const input = readLockdown(body, zone.name);
  await commitInZone(context, cause, zone, async (trx) => {
    const before = await find(trx, zone, id);
    await trx
      .updateTable('lockdowns')
      .set({
        ...columnsOf(input),
        description: input.description ?? before.description,
        paused: input.paused === undefined ? before.paused : input.paused ? 1 : 0,
        modified_at: context.store.now(),
      })
      .where('id', '=', id)
      .execute();
    return mutationOf('lockdown.update', id);
  });
  return await getLockdown(context, zone, id);
}

/** Deletes a lockdown. Throws `firewall_rule_not_found`. */
export async function deleteLockdown(context: Context, cause: Cause, zone: ZoneRow, id: string): Promise<void> {
  await commitInZone(context, cause, zone, async (trx) => {
    await find(trx, zone, id);
    await trx.deleteFrom('lockdowns').where('id', '=', id).execute();
    return mutationOf('lockdown.delete', id);
  });
}

function columnsOf({ urls, configurations }: LockdownInput): Pick<LockdownRow, 'urls' | 'configurations'> {
  return { urls: JSON.stringify(urls), configurations: JSON.stringify(configurations) };
}

function mutationOf(action: string, id: string) {
  return { result: null, keys: [entryKey.lockdown(id)], action, target: id };
}

function toLockdown(row: LockdownRow): Lockdown {
  return {
    id: row.id,
    urls: JSON.parse(row.urls) as LockdownInput['urls'],
    configurations: JSON.parse(row.configurations) as LockdownInput['configurations'],
    description: row.description,
    paused: row.paused === 1,
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
  };
}

async function find(db: Db, zone: ZoneRow, id: string): Promise<LockdownRow> {
  const row = await db
    .selectFrom('lockdowns')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone.id)
    .executeTakeFirst();
  if (!row) throw new ApiError('firewall_rule_not_found');
  return row;
}

async function checkRoom(trx: Transaction<Database>, zone: ZoneRow): Promise<void> {
  const { count } = await trx
    .selectFrom('lockdowns')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('zone_id', '=', zone.id)
    .executeTakeFirstOrThrow();
  if (Number(count) >= QUOTAS.lockdownsPerZone) {
    throw new ApiError('firewall_rule_quota', {
      message: `The quota of ${QUOTAS.lockdownsPerZone} lockdowns of this zone is used up. Delete one first.`,
    });
  }
}
