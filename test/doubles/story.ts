import { DatabaseSync } from 'node:sqlite';
import type { Database } from '../../src/store/mod.ts';

/** A certificate with its key, PEM. */
export interface Pair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** The certificates that every story uses. */
export type Cast = Readonly<Record<'first' | 'second' | 'third', Pair>>;

/** Calls the API below `/client/v4` and resolves with its `result` when it says success. */
export type CallApi = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** All that a zone says, without ids and times; null for no zone. */
export type ZoneState = {
  readonly level: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
  /** By store and role: `kept` or `gone`. */
  readonly certificates: Readonly<Record<string, string>>;
  /** By hostname: the role of its certificate, and `off` where it is disabled. */
  readonly associations: Readonly<Record<string, string>>;
  readonly records: readonly string[];
  readonly origins: readonly string[];
} | null;

/** One mutation, and the zone after it. */
export interface Step {
  readonly perform: (call: CallApi) => Promise<void>;
  readonly state: ZoneState;
}

/** The life of a zone, mutation by mutation: some change one row, some several, and the last may remove everything. */
export function story(zone: string, cast: Cast): Step[] {
  const ids: Record<string, string> = {};
  let state: ZoneState = { level: false, settings: {}, certificates: {}, associations: {}, records: [], origins: [] };
  const path = (below = '') => `/zones/${ids.zone}${below}`;
  const aop = '/origin_tls_client_auth';
  const step = (change: Partial<NonNullable<ZoneState>>, perform: Step['perform']): Step => {
    state = { ...state!, ...change };
    return { perform, state };
  };
  const upload = (role: keyof Cast, store: 'hostname' | 'zone') =>
    step({ certificates: { ...state!.certificates, [`${store} ${role}`]: 'kept' } }, async (call) => {
      const { certificate, privateKey } = cast[role];
      const below = store === 'zone' ? aop : `${aop}/hostnames/certificates`;
      ids[role] = await idOf(call('POST', path(below), { certificate, private_key: privateKey }));
    });
  const associate = (associations: Readonly<Record<string, string>>, config: (ids: Ids) => object[]) =>
    step({ associations }, async (call) => {
      await call('PUT', path(`${aop}/hostnames`), { config: config(ids) });
    });
  const set = (settings: Readonly<Record<string, unknown>>) =>
    step({ settings }, async (call) => {
      await call(
        'PATCH',
        path('/settings'),
        Object.entries(settings).map(([id, value]) => ({ id, value })),
      );
    });
  const [www, api, shop] = [`www.${zone}`, `api.${zone}`, `shop.${zone}`];
  const steps = [
    step({}, async (call) => {
      ids.zone = await idOf(call('POST', '/zones', { name: zone }));
    }),
    upload('first', 'hostname'),
    upload('second', 'hostname'),
    associate({ [www]: 'first', [api]: 'first', [shop]: 'first' }, ({ first }) =>
      [www, api, shop].map((hostname) => ({ hostname, cert_id: first, enabled: true })),
    ),
    set({ ssl: 'strict', tls_client_auth: 'on' }),
    upload('third', 'zone'),
    step({ level: true }, async (call) => {
      await call('PUT', path(`${aop}/settings`), { enabled: true });
    }),
    step({ records: [`A ${www} 192.0.2.1`] }, async (call) => {
      await call('POST', path('/dns_records'), { type: 'A', name: 'www', content: '192.0.2.1', proxied: true });
    }),
    step({ origins: [`${api} 192.0.2.2:8443`] }, async (call) => {
      await call('PUT', path(`/countersign/origins/${api}`), { address: '192.0.2.2', https_port: 8443 });
    }),
    associate({ [www]: 'second', [api]: 'second off' }, ({ first, second }) => [
      { hostname: www, cert_id: second, enabled: true },
      { hostname: api, cert_id: second, enabled: false },
      { hostname: shop, cert_id: first, enabled: null },
    ]),
    set({ ssl: 'full', tls_client_auth: 'off' }),
    step({ certificates: { ...state!.certificates, 'hostname first': 'gone' } }, async (call) => {
      await call('DELETE', path(`${aop}/hostnames/certificates/${ids.first}`));
    }),
  ];
  if (!zone.startsWith('short')) return steps;
  return [...steps, { perform: async (call) => void (await call('DELETE', path())), state: null }];
}

type Ids = Readonly<Record<string, string>>;

async function idOf(result: Promise<unknown>): Promise<string> {
  return ((await result) as { id: string }).id;
}

/** Reads from a database what every zone says, and the numbers of the changes. Throws where SQLite finds it damaged. */
export function readZones(file: string, cast: Cast): { zones: Map<string, ZoneState>; changes: number[] } {
  const database = new DatabaseSync(file);
  try {
    const damage = [
      ...database.prepare('pragma integrity_check').all(),
      ...database.prepare('pragma foreign_key_check').all(),
    ].filter((row) => row.integrity_check !== 'ok');
    if (damage.length > 0) throw new Error(`the database is damaged: ${JSON.stringify(damage)}`);
    const all = <T extends keyof Database>(table: T) =>
      database.prepare(`select * from ${table}`).all() as unknown as Database[T][];
    const certificates = all('client_certificates');
    const roles = new Map(Object.entries(cast).map(([role, { certificate }]) => [certificate, role]));
    const roleOf = new Map(certificates.map(({ id, certificate }) => [id, roles.get(certificate)!]));
    const tables = {
      settings: all('zone_settings'),
      certificates,
      associations: all('hostname_associations'),
      records: all('dns_records'),
      origins: all('origins'),
    };
    const zones = new Map<string, ZoneState>();
    for (const { id, name, origin_tls_client_auth } of all('zones')) {
      const own = <R extends { zone_id: string }>(rows: R[]) => rows.filter(({ zone_id }) => zone_id === id);
      zones.set(name, {
        level: origin_tls_client_auth === 1,
        settings: Object.fromEntries(own(tables.settings).map((row) => [row.id, JSON.parse(row.value)])),
        certificates: Object.fromEntries(
          own(tables.certificates).map((row) => [
            `${row.store} ${roleOf.get(row.id)}`,
            row.status.includes('delet') ? 'gone' : 'kept',
          ]),
        ),
        associations: Object.fromEntries(
          own(tables.associations).map((row) => [
            row.hostname,
            `${roleOf.get(row.cert_id)}${row.enabled === 1 ? '' : ' off'}`,
          ]),
        ),
        records: own(tables.records).map((row) => `${row.type} ${row.name} ${row.content}`),
        origins: own(tables.origins).map((row) => `${row.hostname} ${row.address}:${row.https_port}`),
      });
    }
    const changes = all('changes')
      .map(({ number }) => number)
      .sort((a, b) => a - b);
    return { zones, changes };
  } finally {
    database.close();
  }
}
