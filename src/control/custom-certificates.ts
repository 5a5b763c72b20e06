import { ApiError, entryKey, isWithinZone, QUOTAS } from '../core/mod.ts';
import type { Cause, CustomCertificateRow, Database, Transaction, ZoneRow } from '../store/mod.ts';
import { parseServerUpload, type ServerCertificateUpload, seal } from '../x509/mod.ts';
import { type Context, commitInZone, newId } from './context.ts';

/** How an upload asks to be bundled. The chain goes out as it was uploaded, whatever this says. */
export type BundleMethod = 'ubiquitous' | 'optimal' | 'force';

/** What can be said of a certificate for visitors. */
export type CustomCertificateStatus = 'pending' | 'active' | 'expired';

/** A certificate for visitors as it is stored, and whether it is in use. */
export interface CustomCertificate {
  readonly row: CustomCertificateRow;
  readonly status: CustomCertificateStatus;
}

/** A certificate in PEM, leaf first, and its private key. */
export interface PemPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Checks, stores and deploys a certificate for visitors of a zone. Throws `ApiError`, a kind for each mistake. */
export async function uploadCustomCertificate(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  pair: PemPair,
  bundleMethod: BundleMethod,
): Promise<CustomCertificate> {
  const upload = checkUpload(context, zone, pair);
  const id = newId(context.random);
  await commitInZone(context, cause, zone, async (trx, change) => {
    await checkRoom(trx, zone.id, upload.facts.fingerprint);
    const now = context.store.now();
    await trx
      .insertInto('custom_certificates')
      .values({
        ...columnsOf(context, id, upload),
        id,
        zone_id: zone.id,
        bundle_method: bundleMethod,
        priority: 0,
        uploaded_at: now,
        modified_at: now,
        change,
      })
      .execute();
    return mutationOf('custom_certificate.upload', [id]);
  });
  return await getCustomCertificate(context, zone, id);
}

/** The certificates for visitors of a zone, in the order of precedence. */
export async function listCustomCertificates(context: Context, zone: ZoneRow): Promise<CustomCertificate[]> {
  const rows = await context.store.db
    .selectFrom('custom_certificates')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .orderBy('priority', 'desc')
    .orderBy('uploaded_at', 'desc')
    .orderBy('id')
    .execute();
  return await Promise.all(rows.map((row) => withStatus(context, row)));
}

/** One certificate for visitors. Throws `custom_certificate_not_found`. */
export async function getCustomCertificate(context: Context, zone: ZoneRow, id: string): Promise<CustomCertificate> {
  return await withStatus(context, await find(context.store.db, zone.id, id));
}

/** Replaces certificate and key under the same id, or changes how they are bundled. Throws as the upload does. */
export async function editCustomCertificate(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  id: string,
  edit: { readonly pair: PemPair | null; readonly bundleMethod: BundleMethod | undefined },
): Promise<CustomCertificate> {
  const upload = edit.pair === null ? null : checkUpload(context, zone, edit.pair);
  await commitInZone(context, cause, zone, async (trx, change) => {
    const before = await find(trx, zone.id, id);
    if (upload !== null && upload.facts.fingerprint !== before.fingerprint) {
      await checkUnique(trx, zone.id, upload.facts.fingerprint);
    }
    await trx
      .updateTable('custom_certificates')
      .set({
        ...(upload === null ? {} : columnsOf(context, id, upload)),
        bundle_method: edit.bundleMethod ?? before.bundle_method,
        modified_at: context.store.now(),
        change,
      })
      .where('id', '=', id)
      .execute();
    return mutationOf('custom_certificate.edit', [id]);
  });
  return await getCustomCertificate(context, zone, id);
}

/** Sets which certificates go first: the higher number. Throws `custom_certificate_not_found`; then nothing has changed. */
export async function prioritizeCustomCertificates(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  priorities: readonly { readonly id: string; readonly priority: number }[],
): Promise<CustomCertificate[]> {
  await commitInZone(context, cause, zone, async (trx, change) => {
    for (const { id, priority } of priorities) {
      await find(trx, zone.id, id);
      await trx.updateTable('custom_certificates').set({ priority, change }).where('id', '=', id).execute();
    }
    return mutationOf(
      'custom_certificate.prioritize',
      priorities.map(({ id }) => id),
    );
  });
  return await listCustomCertificates(context, zone);
}

/** Deletes a certificate for visitors: from then on they see the next one, or one that is issued. */
export async function deleteCustomCertificate(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  id: string,
): Promise<void> {
  await commitInZone(context, cause, zone, async (trx) => {
    await find(trx, zone.id, id);
    await trx.deleteFrom('custom_certificates').where('id', '=', id).execute();
    return mutationOf('custom_certificate.delete', [id]);
  });
}

function checkUpload(context: Context, zone: ZoneRow, { certificate, privateKey }: PemPair): ServerCertificateUpload {
  const upload = parseServerUpload(certificate, privateKey);
  if (upload.facts.notAfter <= context.clock.now()) {
    throw new ApiError('certificate_expires_too_soon', { pointer: '/certificate' });
  }
  if (!upload.hosts.some((host) => isWithinZone(host, zone.name))) {
    throw new ApiError('certificate_not_for_zone', {
      message: `The certificate names no hostname of the zone ${zone.name} in its subjectAltName.`,
      pointer: '/certificate',
    });
  }
  return upload;
}

function columnsOf({ masterKey, random }: Context, id: string, upload: ServerCertificateUpload) {
  const { facts, certificate, privateKey, key, hosts } = upload;
  return {
    hosts: JSON.stringify(hosts),
    key_type: key,
    certificate,
    fingerprint: facts.fingerprint,
    private_key: seal(masterKey, privateKey, entryKey.customCertificate(id), random.bytes),
    issuer: facts.issuer,
    signature: facts.signature,
    expires_at: facts.notAfter,
  };
}

function mutationOf(action: string, ids: readonly string[]) {
  return { result: null, keys: ids.map(entryKey.customCertificate), action, target: ids.join(' ') };
}

async function find(db: Context['store']['db'], zoneId: string, id: string): Promise<CustomCertificateRow> {
  const row = await db
    .selectFrom('custom_certificates')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zoneId)
    .executeTakeFirst();
  if (!row) throw new ApiError('custom_certificate_not_found');
  return row;
}

/** In use is what all workers have acknowledged, as for every status (architecture section 1, sentence 3). */
async function withStatus(context: Context, row: CustomCertificateRow): Promise<CustomCertificate> {
  if (row.expires_at <= context.clock.now()) return { row, status: 'expired' };
  return { row, status: (await context.distribution.deployed(row.change, 0)) ? 'active' : 'pending' };
}

async function checkRoom(trx: Transaction<Database>, zoneId: string, fingerprint: string): Promise<void> {
  await checkUnique(trx, zoneId, fingerprint);
  const { count } = await trx
    .selectFrom('custom_certificates')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('zone_id', '=', zoneId)
    .executeTakeFirstOrThrow();
  if (Number(count) >= QUOTAS.customCertificatesPerZone) {
    throw new ApiError('certificate_quota', {
      message: `The quota of ${QUOTAS.customCertificatesPerZone} custom certificates of this zone is used up. Delete one first.`,
    });
  }
}

async function checkUnique(trx: Transaction<Database>, zoneId: string, fingerprint: string): Promise<void> {
  const same = await trx
    .selectFrom('custom_certificates')
    .select('id')
    .where('zone_id', '=', zoneId)
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst();
  if (same) throw new ApiError('certificate_exists', { pointer: '/certificate' });
}
