import {
  type CustomCertificateEntry,
  type Delta,
  type EntryKey,
  entryKey,
  type HostnameEntry,
  type IdentityEntry,
  isGone,
  isSslMode,
  type OriginTarget,
  type ServerCertificateEntry,
  type Snapshot,
  type SnapshotEntry,
  type SslMode,
  ZONE_SETTINGS,
  type ZoneEntry,
  type ZoneSettings,
} from '../core/mod.ts';
import type {
  ClientCertificateRow,
  CustomCertificateRow,
  Database,
  DnsRecordRow,
  HostnameAssociationRow,
  OriginRow,
  ServerCertificateRow,
  SharedLeafRow,
  Store,
  Transaction,
  ZoneRow,
} from '../store/mod.ts';
import { compileRule, compileRules } from './compile-rules.ts';

/** The encryption mode of a zone that never set one. */
export const DEFAULT_SSL_MODE: SslMode = 'full';

const milliseconds = (microseconds: number): number => Math.floor(microseconds / 1000);

/** The whole state, compiled from the rows as they stand at one moment (architecture section 5). */
export async function compileAll({ db }: Store): Promise<Snapshot> {
  return await db.transaction().execute(compile);
}

async function compile(db: Transaction<Database>): Promise<Snapshot> {
  const last = await db.selectFrom('changes').select('number').orderBy('number', 'desc').limit(1).executeTakeFirst();
  const number = last?.number ?? 0;
  const installation = await db.selectFrom('installation').selectAll().executeTakeFirst();
  const leaves = await db.selectFrom('shared_leaves').selectAll().execute();
  const certificates = await db.selectFrom('client_certificates').selectAll().execute();
  const settings = await db.selectFrom('zone_settings').selectAll().execute();
  const entries: SnapshotEntry[] = [];
  if (installation) entries.push(installationEntry(installation));
  entries.push(...present(leaves.map(sharedIdentity)), ...present(certificates.map(identityEntry)));
  const certificatesByZone = Map.groupBy(certificates, ({ zone_id }) => zone_id);
  const settingsByZone = Map.groupBy(settings, ({ zone_id }) => zone_id);
  for (const zone of await db.selectFrom('zones').selectAll().execute()) {
    entries.push(
      zoneEntry(
        zone,
        new Map((settingsByZone.get(zone.id) ?? []).map(({ id, value }) => [id, value])),
        certificatesByZone.get(zone.id) ?? [],
      ),
    );
  }
  const hostnames = new Map<EntryKey, HostnameRows>();
  const rowsOf = (zoneId: string, hostname: string): HostnameRows => {
    const key = entryKey.hostname(zoneId, hostname);
    const known = hostnames.get(key) ?? { zoneId, hostname, association: undefined, origin: undefined, records: [] };
    hostnames.set(key, known);
    return known;
  };
  for (const row of await db.selectFrom('hostname_associations').selectAll().execute())
    rowsOf(row.zone_id, row.hostname).association = row;
  for (const row of await db.selectFrom('origins').selectAll().execute())
    rowsOf(row.zone_id, row.hostname).origin = row;
  for (const row of await db
    .selectFrom('dns_records')
    .selectAll()
    .where('proxied', '=', 1)
    .orderBy('created_at')
    .execute()) {
    rowsOf(row.zone_id, row.name).records.push(row);
  }
  entries.push(...present([...hostnames.values()].map(hostnameEntry)));
  entries.push(...(await db.selectFrom('server_certificates').selectAll().execute()).map(serverCertificateEntry));
  entries.push(...(await db.selectFrom('custom_certificates').selectAll().execute()).map(customCertificateEntry));
  entries.push(...(await compileRules(db)));
  return { number, entries };
}

/** What changed after change `from`, compiled from the rows as they stand at one moment; null where nothing did. */
export async function compileDelta(store: Store, from: number): Promise<Delta | null> {
  return await store.db.transaction().execute(async (trx) => {
    const { to, keys } = await store.changesSince(from, trx);
    if (to === from) return null;
    const upserts: SnapshotEntry[] = [];
    const deletes: EntryKey[] = [];
    for (const key of keys) {
      const entry = await compileEntry(trx, key);
      if (entry === null) deletes.push(key);
      else upserts.push(entry);
    }
    return { from, to, upserts, deletes };
  });
}

/** The entry under `key` as the rows say now; null where there is none (any more). */
async function compileEntry(db: Transaction<Database>, key: EntryKey): Promise<SnapshotEntry | null> {
  if (key === entryKey.installation) {
    const row = await db.selectFrom('installation').selectAll().executeTakeFirst();
    return row ? installationEntry(row) : null;
  }
  const [kind, id] = split(key, ':');
  switch (kind) {
    case 'zone': {
      const zone = await db.selectFrom('zones').selectAll().where('id', '=', id).executeTakeFirst();
      if (!zone) return null;
      const settings = await db.selectFrom('zone_settings').selectAll().where('zone_id', '=', id).execute();
      const certificates = await db.selectFrom('client_certificates').selectAll().where('zone_id', '=', id).execute();
      return zoneEntry(zone, new Map(settings.map((row) => [row.id, row.value])), certificates);
    }
    case 'hostname': {
      const [zoneId, hostname] = split(id, '/');
      const at = { zone_id: zoneId, hostname };
      const association = await matching(db.selectFrom('hostname_associations').selectAll(), at).executeTakeFirst();
      const origin = await matching(db.selectFrom('origins').selectAll(), at).executeTakeFirst();
      const records = await db
        .selectFrom('dns_records')
        .selectAll()
        .where('zone_id', '=', zoneId)
        .where('name', '=', hostname)
        .where('proxied', '=', 1)
        .orderBy('created_at')
        .execute();
      return hostnameEntry({ zoneId, hostname, association, origin, records });
    }
    case 'identity': {
      const certificate = await db
        .selectFrom('client_certificates')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst();
      if (certificate) return identityEntry(certificate);
      const leaf = await db.selectFrom('shared_leaves').selectAll().where('id', '=', id).executeTakeFirst();
      return leaf ? sharedIdentity(leaf) : null;
    }
    case 'server_certificate': {
      const [hostname, algorithm] = id.split(' ');
      const row = await db
        .selectFrom('server_certificates')
        .selectAll()
        .where('hostname', '=', hostname!)
        .where('algorithm', '=', algorithm === 'rsa' ? 'rsa' : 'ecdsa')
        .executeTakeFirst();
      return row ? serverCertificateEntry(row) : null;
    }
    case 'custom_certificate': {
      const row = await db.selectFrom('custom_certificates').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? customCertificateEntry(row) : null;
    }
    case 'ruleset':
    case 'list':
    case 'access_rule':
    case 'lockdown':
    case 'user_agent_rule':
      return await compileRule(db, kind, id);
    default:
      throw new Error(`unknown entry key ${key}`);
  }
}

interface HostnameRows {
  readonly zoneId: string;
  readonly hostname: string;
  association: HostnameAssociationRow | undefined;
  origin: OriginRow | undefined;
  records: DnsRecordRow[];
}

function matching<Q extends { where(column: 'zone_id' | 'hostname', operator: '=', value: string): Q }>(
  query: Q,
  { zone_id, hostname }: { readonly zone_id: string; readonly hostname: string },
): Q {
  return query.where('zone_id', '=', zone_id).where('hostname', '=', hostname);
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

function present<T>(items: readonly (T | null)[]): T[] {
  return items.filter((item) => item !== null);
}

function installationEntry(row: { shared_identity_id: string; root_certificate: string }): SnapshotEntry {
  return { kind: 'installation', sharedIdentityId: row.shared_identity_id, root: row.root_certificate };
}

function zoneEntry(
  zone: ZoneRow,
  settings: ReadonlyMap<string, string>,
  certificates: readonly ClientCertificateRow[],
): ZoneEntry {
  const setting = (id: string): unknown => JSON.parse(settings.get(id) ?? 'null');
  const ssl = setting('ssl');
  const changed = Object.keys(ZONE_SETTINGS).filter((id) => settings.has(id));
  return {
    kind: 'zone',
    id: zone.id,
    name: zone.name,
    accountId: zone.account_id,
    ssl: isSslMode(ssl) ? ssl : DEFAULT_SSL_MODE,
    tlsClientAuth: setting('tls_client_auth') === 'on',
    originTlsClientAuth: zone.origin_tls_client_auth === 1,
    certificateIds: certificates
      .filter(({ store, status }) => store === 'zone' && !isGone(status))
      .map(({ id }) => id)
      .sort(),
    ...(changed.length === 0
      ? {}
      : { settings: Object.fromEntries(changed.map((id) => [id, setting(id)])) as Partial<ZoneSettings> }),
  };
}

function hostnameEntry({ zoneId, hostname, association, origin, records }: HostnameRows): HostnameEntry | null {
  const target = origin ? originOfRow(origin) : originOfRecords(records);
  if (!association && target === null) return null;
  return {
    kind: 'hostname',
    zoneId,
    hostname,
    association: association
      ? {
          certId: association.cert_id,
          previousCertId: association.previous_cert_id,
          enabled: association.enabled === 1,
        }
      : null,
    origin: target,
  };
}

function originOfRow(row: OriginRow): OriginTarget {
  return {
    addresses: [row.address],
    httpsPort: row.https_port,
    httpPort: row.http_port,
    sni: row.sni,
    hostHeader: row.host_header,
  };
}

/** A hostname without an origin of its own is pulled from where its proxied record points, on the usual ports. */
function originOfRecords(records: readonly DnsRecordRow[]): OriginTarget | null {
  if (records.length === 0) return null;
  return {
    addresses: records.map(({ content }) => content),
    httpsPort: 443,
    httpPort: 80,
    sni: null,
    hostHeader: null,
  };
}

function identityEntry(row: ClientCertificateRow): IdentityEntry | null {
  if (isGone(row.status)) return null;
  return {
    kind: 'identity',
    id: row.id,
    level: row.store,
    zoneId: row.zone_id,
    status: row.status,
    deployedAt: row.deployed_at === null ? null : milliseconds(row.deployed_at),
    uploadedAt: milliseconds(row.uploaded_at),
    expiresAt: row.expires_at,
    certificate: row.certificate,
    privateKey: row.private_key,
  };
}

function sharedIdentity(row: SharedLeafRow): IdentityEntry | null {
  if (isGone(row.status)) return null;
  return {
    kind: 'identity',
    id: row.id,
    level: 'global',
    zoneId: null,
    status: row.status,
    deployedAt: row.deployed_at === null ? null : milliseconds(row.deployed_at),
    uploadedAt: milliseconds(row.created_at),
    expiresAt: milliseconds(row.not_after),
    certificate: row.certificate,
    privateKey: row.private_key,
  };
}

function serverCertificateEntry(row: ServerCertificateRow): ServerCertificateEntry {
  return {
    kind: 'server_certificate',
    hostname: row.hostname,
    algorithm: row.algorithm,
    certificate: row.certificate,
    privateKey: row.private_key,
    expiresAt: milliseconds(row.not_after),
  };
}

function customCertificateEntry(row: CustomCertificateRow): CustomCertificateEntry {
  return {
    kind: 'custom_certificate',
    id: row.id,
    zoneId: row.zone_id,
    hosts: JSON.parse(row.hosts) as string[],
    key: row.key_type,
    certificate: row.certificate,
    privateKey: row.private_key,
    priority: row.priority,
    uploadedAt: milliseconds(row.uploaded_at),
    expiresAt: row.expires_at,
  };
}
