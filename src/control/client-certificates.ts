import {
  type ApiCodeName,
  ApiError,
  type ApiWarningName,
  type EntryKey,
  entryKey,
  isGone,
  QUOTAS,
  transition,
} from '../core/mod.ts';
import type { Cause, ClientCertificateRow, Database, Transaction, ZoneRow } from '../store/mod.ts';
import { type CertificateFacts, parseUpload, seal } from '../x509/mod.ts';
import { type Context, commitInZone } from './context.ts';
import type { Deployment } from './deployment.ts';

/** The two stores of uploaded certificates; their ids are not interchangeable (spec/origin-pulls.md 1.4). */
export type CertificateStore = ClientCertificateRow['store'];

const NOT_FOUND: Readonly<Record<CertificateStore, ApiCodeName>> = {
  zone: 'zone_certificate_not_found',
  hostname: 'hostname_certificate_not_found',
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** An uploaded certificate as it is stored, and what the origin may dislike about it. */
export interface UploadResult {
  readonly row: ClientCertificateRow;
  readonly warnings: readonly ApiWarningName[];
}

/** Checks, stores and deploys an uploaded certificate. Throws what `parseUpload` throws, `certificate_exists` and `certificate_quota`. */
export async function uploadCertificate(
  context: Context,
  deployment: Deployment,
  cause: Cause,
  zone: ZoneRow,
  certificateStore: CertificateStore,
  upload: { readonly certificate: string; readonly privateKey: string },
): Promise<UploadResult> {
  const { facts, certificate, privateKey } = parseUpload(upload.certificate, upload.privateKey);
  const id = context.random.uuid();
  const sealed = seal(context.masterKey, privateKey, `identity:${id}`, context.random.bytes);
  const { change, deployed } = await commitInZone(context, cause, zone, async (trx, number) => {
    await checkRoom(trx, zone.id, certificateStore, facts.fingerprint);
    const now = context.store.now();
    await trx
      .insertInto('client_certificates')
      .values({
        id,
        zone_id: zone.id,
        store: certificateStore,
        certificate,
        fingerprint: facts.fingerprint,
        private_key: sealed,
        issuer: facts.issuer,
        signature: facts.signature,
        serial_number: facts.serialNumber,
        expires_at: facts.notAfter,
        uploaded_at: now,
        updated_at: now,
        deployed_at: null,
        status: 'pending_deployment',
        pending_change: number,
      })
      .execute();
    return { result: null, keys: keysOf(zone.id, certificateStore, id), action: 'certificate.upload', target: id };
  });
  if (deployed) await deployment.settle(change);
  const row = await getCertificate(context, zone, certificateStore, id);
  return { row, warnings: warningsOf(facts, context.clock.now()) };
}

function warningsOf({ notBefore, notAfter, allowsClientAuth }: CertificateFacts, now: number): ApiWarningName[] {
  const warnings: ApiWarningName[] = [];
  if (notAfter < now) warnings.push('certificate_expired');
  if (notBefore > now) warnings.push('certificate_not_yet_valid');
  if (!allowsClientAuth) warnings.push('certificate_not_for_clients');
  return warnings;
}

async function checkRoom(
  trx: Transaction<Database>,
  zoneId: string,
  certificateStore: CertificateStore,
  fingerprint: string,
): Promise<void> {
  const rows = await trx
    .selectFrom('client_certificates')
    .select(['fingerprint', 'status'])
    .where('zone_id', '=', zoneId)
    .where('store', '=', certificateStore)
    .execute();
  const kept = rows.filter(({ status }) => !isGone(status));
  if (kept.some((row) => row.fingerprint === fingerprint))
    throw new ApiError('certificate_exists', { pointer: '/certificate' });
  const quota = certificateStore === 'zone' ? QUOTAS.zoneCertificatesPerZone : QUOTAS.hostnameCertificatesPerZone;
  if (kept.length >= quota) {
    throw new ApiError('certificate_quota', {
      message: `The quota of ${quota} certificates of this zone is used up. Delete one first.`,
    });
  }
}

function keysOf(zoneId: string, certificateStore: CertificateStore, id: string): EntryKey[] {
  // The zone's entry lists the identities of its own store.
  return certificateStore === 'zone' ? [entryKey.identity(id), entryKey.zone(zoneId)] : [entryKey.identity(id)];
}

/** The certificates of a store that are not deleted, the newest first. */
export async function listCertificates(
  { store }: Context,
  zone: ZoneRow,
  certificateStore: CertificateStore,
): Promise<ClientCertificateRow[]> {
  const rows = await store.db
    .selectFrom('client_certificates')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .where('store', '=', certificateStore)
    .orderBy('uploaded_at', 'desc')
    .orderBy('id')
    .execute();
  return rows.filter(({ status }) => !isGone(status));
}

/** One certificate, also as a tombstone. Throws the store's `…_not_found`, and `certificate_id_malformed`. */
export async function getCertificate(
  { store }: Context,
  zone: ZoneRow,
  certificateStore: CertificateStore,
  id: string,
): Promise<ClientCertificateRow> {
  if (!UUID.test(id)) throw new ApiError('certificate_id_malformed');
  const row = await store.db
    .selectFrom('client_certificates')
    .selectAll()
    .where('id', '=', id.toLowerCase())
    .where('zone_id', '=', zone.id)
    .where('store', '=', certificateStore)
    .executeTakeFirst();
  if (!row) throw new ApiError(NOT_FOUND[certificateStore]);
  return row;
}

/**
 * Deletes a certificate; one that is still being deployed is cancelled. Throws `certificate_in_use` for one that an
 * association names, and an error for one that is on its way out already.
 */
export async function deleteCertificate(
  context: Context,
  deployment: Deployment,
  cause: Cause,
  zone: ZoneRow,
  certificateStore: CertificateStore,
  id: string,
): Promise<ClientCertificateRow> {
  const found = await getCertificate(context, zone, certificateStore, id);
  const { change, deployed } = await commitInZone(context, cause, zone, async (trx, number) => {
    const { status } = await trx
      .selectFrom('client_certificates')
      .select('status')
      .where('id', '=', found.id)
      .executeTakeFirstOrThrow();
    const next = transition(status, 'delete');
    if (next === null) throw goneAlready(certificateStore);
    await checkUnused(trx, found.id);
    await trx
      .updateTable('client_certificates')
      .set({ status: next, pending_change: number, updated_at: context.store.now() })
      .where('id', '=', found.id)
      .execute();
    return {
      result: null,
      keys: keysOf(zone.id, certificateStore, found.id),
      action: 'certificate.delete',
      target: found.id,
    };
  });
  if (deployed) await deployment.settle(change);
  return await getCertificate(context, zone, certificateStore, id);
}

function goneAlready(certificateStore: CertificateStore): ApiError {
  return new ApiError(certificateStore === 'zone' ? 'certificate_already_deleted' : 'certificate_pending_deletion');
}

async function checkUnused(trx: Transaction<Database>, id: string): Promise<void> {
  const users = await trx
    .selectFrom('hostname_associations')
    .select('hostname')
    .where((where) => where.or([where('cert_id', '=', id), where('previous_cert_id', '=', id)]))
    .orderBy('hostname')
    .limit(10)
    .execute();
  if (users.length === 0) return;
  const names = users.map(({ hostname }) => hostname).join(', ');
  throw new ApiError('certificate_in_use', {
    message: `Certificate is in use by: ${names}. Void these associations (enabled: null) first.`,
  });
}
