import { ApiError, canonicalHostname, entryKey, isGone, QUOTAS } from '../core/mod.ts';
import type {
  Cause,
  ClientCertificateRow,
  Database,
  HostnameAssociationRow,
  Transaction,
  ZoneRow,
} from '../store/mod.ts';
import { type Context, commitInZone } from './context.ts';
import type { Deployment } from './deployment.ts';
import { hostnameOfZone, toAscii } from './hostname-input.ts';

/** One entry of `PUT …/hostnames`. */
export interface AssociationInput {
  readonly hostname: string;
  readonly certId: string | undefined;
  /** Null voids; undefined keeps, or means true for a new one. */
  readonly enabled: boolean | null | undefined;
}

/** An association with its certificate; `row` is null where it is void. */
export interface AssociationView {
  /** As the client sent it. */
  readonly hostname: string;
  readonly row: HostnameAssociationRow | null;
  readonly certificate: ClientCertificateRow | null;
}

/**
 * Makes, changes and voids associations: exactly those listed, all of them or none (spec/origin-pulls.md 1.2, 2.2).
 * Throws `certificate_id_required`, `certificate_id_invalid`, `association_quota`, and what is wrong with a hostname.
 */
export async function putAssociations(
  context: Context,
  deployment: Deployment,
  cause: Cause,
  zone: ZoneRow,
  inputs: readonly AssociationInput[],
): Promise<AssociationView[]> {
  const names = inputs.map(({ hostname }, i) => hostnameOfZone(zone, hostname, `/config/${i}/hostname`));
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice >= 0) {
    throw new ApiError('field_invalid', {
      message: `config names ${names[twice]} twice.`,
      pointer: `/config/${twice}/hostname`,
    });
  }
  const { change, deployed, result } = await commitInZone(context, cause, zone, async (trx, number) => {
    const touched: ClientCertificateRow[] = [];
    for (const [i, input] of inputs.entries())
      touched.push(await putOne(context, trx, zone, names[i]!, input, i, number));
    for (const [i, { id }] of touched.entries()) await checkQuota(trx, id, `/config/${i}/cert_id`);
    const keys = names.map((name) => entryKey.hostname(zone.id, name));
    return { result: touched, keys, action: 'association.put', target: names.join(' ') };
  });
  if (deployed) await deployment.settle(change);
  return await Promise.all(inputs.map(async ({ hostname }, i) => view(context, zone, hostname, names[i]!, result[i]!)));
}

async function view(
  context: Context,
  zone: ZoneRow,
  hostname: string,
  name: string,
  certificate: ClientCertificateRow,
): Promise<AssociationView> {
  const row = await findAssociation(context.store.db, zone, name);
  return { hostname, row: row ?? null, certificate };
}

async function putOne(
  context: Context,
  trx: Transaction<Database>,
  zone: ZoneRow,
  hostname: string,
  { certId, enabled }: AssociationInput,
  position: number,
  change: number,
): Promise<ClientCertificateRow> {
  const old = await findAssociation(trx, zone, hostname);
  const id = certId ?? (enabled === null ? undefined : old?.cert_id);
  if (id === undefined) throw new ApiError('certificate_id_required', { pointer: `/config/${position}/cert_id` });
  const certificate = await usableCertificate(trx, zone, id);
  if (certificate === undefined)
    throw new ApiError('certificate_id_invalid', { pointer: `/config/${position}/cert_id` });
  if (enabled === null) {
    await trx
      .deleteFrom('hostname_associations')
      .where('zone_id', '=', zone.id)
      .where('hostname', '=', hostname)
      .execute();
    return certificate;
  }
  const wanted = (enabled ?? (old === undefined || old.enabled === 1)) ? 1 : 0;
  // The same again changes nothing, also while it is still being deployed: clients send all they know each time.
  if (old?.cert_id === certificate.id && old.enabled === wanted) return certificate;
  const now = context.store.now();
  const row: HostnameAssociationRow = {
    zone_id: zone.id,
    hostname,
    cert_id: certificate.id,
    previous_cert_id: certificate.status === 'active' ? null : await deployedBefore(trx, old, certificate.id),
    enabled: wanted,
    status: 'pending_deployment',
    created_at: old?.created_at ?? now,
    updated_at: now,
    pending_change: change,
  };
  await trx
    .insertInto('hostname_associations')
    .values(row)
    .onConflict((conflict) => conflict.columns(['zone_id', 'hostname']).doUpdateSet(row))
    .execute();
  return certificate;
}

/** The certificate that stays in use until the new one is deployed (spec/origin-pulls.md 2.4 row 9). */
async function deployedBefore(
  trx: Transaction<Database>,
  old: HostnameAssociationRow | undefined,
  newId: string,
): Promise<string | null> {
  if (old === undefined) return null;
  const { status } = await trx
    .selectFrom('client_certificates')
    .select('status')
    .where('id', '=', old.cert_id)
    .executeTakeFirstOrThrow();
  const before = status === 'active' ? old.cert_id : old.previous_cert_id;
  return before === newId ? null : before;
}

async function usableCertificate(
  trx: Transaction<Database>,
  zone: ZoneRow,
  id: string,
): Promise<ClientCertificateRow | undefined> {
  const row = await trx
    .selectFrom('client_certificates')
    .selectAll()
    .where('id', '=', id.toLowerCase())
    .where('zone_id', '=', zone.id)
    .where('store', '=', 'hostname')
    .executeTakeFirst();
  return row && !isGone(row.status) ? row : undefined;
}

async function checkQuota(trx: Transaction<Database>, certId: string, pointer: string): Promise<void> {
  const { count } = await trx
    .selectFrom('hostname_associations')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('cert_id', '=', certId)
    .executeTakeFirstOrThrow();
  if (count > QUOTAS.associationsPerCertificate) {
    throw new ApiError('association_quota', {
      message: `The quota of ${QUOTAS.associationsPerCertificate} hostnames of certificate ${certId} is used up.`,
      pointer,
    });
  }
}

async function findAssociation(
  db: Context['store']['db'],
  zone: ZoneRow,
  hostname: string,
): Promise<HostnameAssociationRow | undefined> {
  return await db
    .selectFrom('hostname_associations')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .where('hostname', '=', hostname)
    .executeTakeFirst();
}

/** One association, under the spelling asked for. Throws `association_not_found`. */
export async function getAssociation({ store }: Context, zone: ZoneRow, hostname: string): Promise<AssociationView> {
  const row = await findAssociation(store.db, zone, canonicalHostname(toAscii(hostname)) ?? '');
  if (!row) throw new ApiError('association_not_found');
  const certificate = await store.db
    .selectFrom('client_certificates')
    .selectAll()
    .where('id', '=', row.cert_id)
    .executeTakeFirstOrThrow();
  return { hostname, row, certificate };
}

/** All associations of a zone, by hostname. */
export async function listAssociations({ store }: Context, zone: ZoneRow): Promise<HostnameAssociationRow[]> {
  return await store.db
    .selectFrom('hostname_associations')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .orderBy('hostname')
    .execute();
}
