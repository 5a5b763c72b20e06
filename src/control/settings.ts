import { API_CODES, ApiError, entryKey, isSslMode, settingsConflict, ZONE_SETTINGS } from '../core/mod.ts';
import type { Cause, ZoneRow } from '../store/mod.ts';
import { DEFAULT_SSL_MODE } from './compile.ts';
import { type Context, commitInZone } from './context.ts';

/** A zone setting as it stands. */
export interface ZoneSetting {
  readonly id: string;
  readonly value: unknown;
  /** Microseconds since the epoch; null until it is changed. */
  readonly modifiedAt: number | null;
}

interface SettingKind {
  readonly fallback: unknown;
  readonly isValid: (value: unknown) => boolean;
  readonly expected: string;
}

/** The settings there are, with their defaults (spec/api.md 2.3). */
const SETTINGS: Readonly<Record<string, SettingKind>> = {
  ssl: {
    fallback: DEFAULT_SSL_MODE,
    isValid: isSslMode,
    expected: 'one of "off", "flexible", "full", "strict", "origin_pull"',
  },
  tls_client_auth: {
    fallback: 'off',
    isValid: (value) => value === 'on' || value === 'off',
    expected: 'one of "on", "off"',
  },
  ...ZONE_SETTINGS,
};

function kindOf(id: string, pointer?: string): SettingKind {
  const kind = Object.hasOwn(SETTINGS, id) ? SETTINGS[id] : undefined;
  if (kind === undefined) {
    throw new ApiError('setting_unknown', {
      message: `Unrecognized zone setting name: ${id}`,
      ...(pointer === undefined ? {} : { pointer }),
    });
  }
  return kind;
}

/** What a setting shall become. `pointer` leads to the change within the request's body. */
export interface SettingChange {
  readonly id: string;
  readonly value: unknown;
  readonly pointer: string;
}

/** One setting of a zone. Throws `setting_unknown`. */
export async function getSetting({ store }: Context, zone: ZoneRow, id: string): Promise<ZoneSetting> {
  const { fallback } = kindOf(id);
  const row = await store.db
    .selectFrom('zone_settings')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .where('id', '=', id)
    .executeTakeFirst();
  return row
    ? { id, value: JSON.parse(row.value), modifiedAt: row.modified_at }
    : { id, value: fallback, modifiedAt: null };
}

/** All settings of a zone. */
export async function listSettings(context: Context, zone: ZoneRow): Promise<ZoneSetting[]> {
  return await Promise.all(Object.keys(SETTINGS).map((id) => getSetting(context, zone, id)));
}

/** Changes settings of a zone: all of them or none. Throws `setting_unknown` and `setting_invalid`. */
export async function changeSettings(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  changes: readonly SettingChange[],
): Promise<void> {
  for (const { id, value, pointer } of changes) {
    const kind = kindOf(id, `${pointer}/id`);
    if (!kind.isValid(value)) throw invalid(id, `${pointer}/value`, `The value of ${id} must be ${kind.expected}.`);
  }
  await commitInZone(context, cause, zone, async (trx) => {
    const rows = await trx.selectFrom('zone_settings').selectAll().where('zone_id', '=', zone.id).execute();
    const after = Object.fromEntries([
      ...rows.map(({ id, value }) => [id, JSON.parse(value)]),
      ...changes.map(({ id, value }) => [id, value]),
    ]);
    const conflict = settingsConflict(after);
    if (conflict !== null) {
      const { id, pointer } = changes.find(({ id }) => id === 'min_tls_version' || id === 'tls_1_3')!;
      throw invalid(id, `${pointer}/value`, `${conflict}.`);
    }
    for (const { id, value } of changes) {
      const row = { zone_id: zone.id, id, value: JSON.stringify(value), modified_at: context.store.now() };
      await trx
        .insertInto('zone_settings')
        .values(row)
        .onConflict((conflict) => conflict.columns(['zone_id', 'id']).doUpdateSet(row))
        .execute();
    }
    return {
      result: null,
      keys: [entryKey.zone(zone.id)],
      action: 'setting.change',
      target: `${zone.id} ${changes.map(({ id }) => id).join(' ')}`,
    };
  });
}

/** The message is the one that clients know; what is wrong stands in the chain. */
function invalid(id: string, pointer: string, why: string): ApiError {
  return new ApiError('setting_invalid', {
    message: `Invalid value for zone setting ${id}`,
    pointer,
    chain: [{ code: API_CODES.setting_invalid.code, message: why }],
  });
}

/** Turns the zone level of AOP on or off (`origin_tls_client_auth/settings`); touches no other level. */
export async function setZoneLevel(context: Context, cause: Cause, zone: ZoneRow, enabled: boolean): Promise<void> {
  await commitInZone(context, cause, zone, async (trx) => {
    await trx
      .updateTable('zones')
      .set({ origin_tls_client_auth: enabled ? 1 : 0 })
      .where('id', '=', zone.id)
      .execute();
    return {
      result: null,
      keys: [entryKey.zone(zone.id)],
      action: `zone_level.${enabled ? 'on' : 'off'}`,
      target: zone.id,
    };
  });
}
