import { ApiError, canonicalHostname, type EntryKey, enclosingNames, entryKey, isWithinZone } from '../core/mod.ts';
import type { Cause, Database, Transaction, ZoneRow } from '../store/mod.ts';
import { ruleKeysOfZone } from './compile-rules.ts';
import { type Context, commit, commitInZone, newId } from './context.ts';
import { toAscii } from './hostname-input.ts';

/** What a new zone is made of. */
export interface NewZone {
  readonly accountId: string;
  readonly name: string;
  readonly type: string;
}

/** Makes a zone. Throws `zone_invalid`, `zone_exists` and `zone_subdomain`. */
export async function createZone(context: Context, cause: Cause, { accountId, name, type }: NewZone): Promise<ZoneRow> {
  const canonical = canonicalHostname(toAscii(name));
  if (canonical === null || !canonical.includes('.')) throw new ApiError('zone_invalid', { pointer: '/name' });
  const { result } = await commit(context, cause, async (trx) => {
    const taken = await trx.selectFrom('zones').select('id').where('name', '=', canonical).executeTakeFirst();
    if (taken) throw new ApiError('zone_exists', { message: `${canonical} already exists.`, pointer: '/name' });
    await checkNotInside(trx, accountId, canonical);
    const { id } = await insertZone(context, trx, { accountId, name: canonical, id: undefined, type });
    return { result: id, keys: [entryKey.zone(id)], action: 'zone.create', target: id };
  });
  return (await findZone(context, result))!;
}

/** A zone below another account's would take its hostnames away: the longest name that encloses a hostname wins. */
async function checkNotInside(trx: Transaction<Database>, accountId: string, name: string): Promise<void> {
  const around = await trx
    .selectFrom('zones')
    .select('name')
    .where('account_id', '!=', accountId)
    .where('name', 'in', [...enclosingNames(name)])
    .executeTakeFirst();
  if (around) throw new ApiError('zone_subdomain', { pointer: '/name' });
}

/** Inserts the row of a zone with a canonical name. */
export async function insertZone(
  { store, random }: Context,
  trx: Transaction<Database>,
  { accountId, name, id = newId(random), type }: NewZone & { readonly id: string | undefined },
): Promise<{ id: string; name: string }> {
  const now = store.now();
  await trx
    .insertInto('zones')
    .values({
      id,
      account_id: accountId,
      name,
      type,
      paused: 0,
      created_at: now,
      modified_at: now,
      origin_tls_client_auth: 0,
    })
    .execute();
  return { id, name };
}

/** The zone with this id. */
export async function findZone({ store }: Context, id: string): Promise<ZoneRow | undefined> {
  return await store.db.selectFrom('zones').selectAll().where('id', '=', id).executeTakeFirst();
}

/** All zones of an account, by name. */
export async function listZones({ store }: Context, accountId: string): Promise<ZoneRow[]> {
  return await store.db.selectFrom('zones').selectAll().where('account_id', '=', accountId).orderBy('name').execute();
}

/** Removes a zone and everything in it. */
export async function deleteZone(context: Context, cause: Cause, zone: ZoneRow): Promise<void> {
  await commitInZone(context, cause, zone, async (trx) => {
    const keys = await keysOf(trx, zone);
    await trx.deleteFrom('hostname_associations').where('zone_id', '=', zone.id).execute();
    for (const hostname of await issuedWithin(trx, zone)) {
      await trx.deleteFrom('server_certificates').where('hostname', '=', hostname).execute();
    }
    await trx.deleteFrom('zones').where('id', '=', zone.id).execute();
    return { result: null, keys, action: 'zone.delete', target: zone.id };
  });
}

/** Every entry of the snapshot that goes with a zone. */
async function keysOf(trx: Transaction<Database>, zone: ZoneRow): Promise<EntryKey[]> {
  const { id } = zone;
  const keys = [entryKey.zone(id)];
  const certificates = await trx.selectFrom('client_certificates').select('id').where('zone_id', '=', id).execute();
  keys.push(...certificates.map((row) => entryKey.identity(row.id)));
  const associations = await trx
    .selectFrom('hostname_associations')
    .select('hostname')
    .where('zone_id', '=', id)
    .execute();
  const origins = await trx.selectFrom('origins').select('hostname').where('zone_id', '=', id).execute();
  const records = await trx.selectFrom('dns_records').select('name as hostname').where('zone_id', '=', id).execute();
  for (const { hostname } of [...associations, ...origins, ...records]) keys.push(entryKey.hostname(id, hostname));
  for (const hostname of await issuedWithin(trx, zone)) {
    keys.push(entryKey.serverCertificate(hostname, 'ecdsa'), entryKey.serverCertificate(hostname, 'rsa'));
  }
  const uploaded = await trx.selectFrom('custom_certificates').select('id').where('zone_id', '=', id).execute();
  keys.push(...uploaded.map((row) => entryKey.customCertificate(row.id)), ...(await ruleKeysOfZone(trx, id)));
  return keys;
}

/** The names within a zone for which visitor certificates were issued. */
async function issuedWithin(trx: Transaction<Database>, { name }: ZoneRow): Promise<string[]> {
  const rows = await trx.selectFrom('server_certificates').select('hostname').distinct().execute();
  return rows.map(({ hostname }) => hostname).filter((hostname) => isWithinZone(hostname, name));
}
