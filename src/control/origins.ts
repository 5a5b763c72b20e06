import { ApiError, canonicalHostname, canonicalRecordName, entryKey } from '../core/mod.ts';
import type { Cause, OriginRow, ZoneRow } from '../store/mod.ts';
import { type Context, commitInZone } from './context.ts';
import { hostnameOfZone, toAscii } from './hostname-input.ts';

/** A hostname's origin as the API shows and takes it (design/product.md). */
export interface Origin {
  readonly hostname: string;
  readonly address: string;
  readonly https_port: number;
  readonly http_port: number;
  readonly sni: string | null;
  readonly host_header: string | null;
}

const IP = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/;

function toOrigin({ hostname, address, https_port, http_port, sni, host_header }: OriginRow): Origin {
  return { hostname, address, https_port, http_port, sni, host_header };
}

/** All origins of a zone, by hostname. */
export async function listOrigins({ store }: Context, zone: ZoneRow): Promise<Origin[]> {
  return (
    await store.db.selectFrom('origins').selectAll().where('zone_id', '=', zone.id).orderBy('hostname').execute()
  ).map(toOrigin);
}

/** The origin of a hostname. Throws `origin_not_found`. */
export async function getOrigin({ store }: Context, zone: ZoneRow, hostname: string): Promise<Origin> {
  const row = await store.db
    .selectFrom('origins')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .where('hostname', '=', canonicalRecordName(toAscii(hostname)) ?? hostname)
    .executeTakeFirst();
  if (!row) throw new ApiError('origin_not_found');
  return toOrigin(row);
}

/** Points a hostname at an origin. */
export async function putOrigin(context: Context, cause: Cause, zone: ZoneRow, origin: Origin): Promise<Origin> {
  const hostname = hostnameOfZone(zone, origin.hostname);
  if (!IP.test(origin.address) && canonicalHostname(origin.address) === null) {
    throw new ApiError('field_invalid', {
      message: 'address must be an IP address or a hostname.',
      pointer: '/address',
    });
  }
  for (const name of ['sni', 'host_header'] as const) {
    const value = origin[name];
    if (value !== null && canonicalHostname(value) === null) {
      throw new ApiError('field_invalid', { message: `${name} must be a hostname.`, pointer: `/${name}` });
    }
  }
  const row: OriginRow = { ...origin, zone_id: zone.id, hostname };
  await commitInZone(context, cause, zone, async (trx) => {
    await trx
      .insertInto('origins')
      .values(row)
      .onConflict((conflict) => conflict.columns(['zone_id', 'hostname']).doUpdateSet(row))
      .execute();
    return { result: null, keys: [entryKey.hostname(zone.id, hostname)], action: 'origin.put', target: hostname };
  });
  return toOrigin(row);
}

/** Takes a hostname's origin away; its proxied record, if any, is used again. Throws `origin_not_found`. */
export async function deleteOrigin(context: Context, cause: Cause, zone: ZoneRow, hostname: string): Promise<Origin> {
  const origin = await getOrigin(context, zone, hostname);
  await commitInZone(context, cause, zone, async (trx) => {
    await trx.deleteFrom('origins').where('zone_id', '=', zone.id).where('hostname', '=', origin.hostname).execute();
    return {
      result: null,
      keys: [entryKey.hostname(zone.id, origin.hostname)],
      action: 'origin.delete',
      target: origin.hostname,
    };
  });
  return origin;
}
