import type { Microseconds } from '../store/mod.ts';
import { type Context, SYSTEM } from './context.ts';

/** How long a deleted certificate stays readable by its id, in milliseconds (spec/api.md section 8, "Removal"). */
export const TOMBSTONE_LIFE = 24 * 3_600_000;

const BATCH = 1000;

/**
 * Removes uploaded certificates that were deleted longer ago than `TOMBSTONE_LIFE`, and replaced shared leaves that long
 * after their own end. One whose deletion a worker has not acknowledged yet stays. Resolves with how many went.
 */
export async function purgeTombstones({ store }: Context): Promise<number> {
  const before = store.now() - TOMBSTONE_LIFE * 1000;
  const ids = await deletedBefore(store.db, before);
  if (ids.length === 0) return 0;
  const { result } = await store.mutate(SYSTEM, async (trx) => {
    const purged = await deletedBefore(trx, before);
    await trx.deleteFrom('client_certificates').where('id', 'in', purged).execute();
    await trx.deleteFrom('shared_leaves').where('id', 'in', purged).execute();
    // The snapshot let go of them when they were deleted.
    return { result: purged.length, keys: [], action: 'certificate.purge', target: purged.join(' ') };
  });
  return result;
}

async function deletedBefore(db: Context['store']['db'], before: Microseconds): Promise<string[]> {
  const certificates = await db
    .selectFrom('client_certificates')
    .select('id')
    .where('status', '=', 'deleted')
    .where('updated_at', '<', before)
    // Deleting asks for no associations, so there are none; a row that is referred to could not go.
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('hostname_associations')
            .select('hostname')
            .whereRef('hostname_associations.cert_id', '=', 'client_certificates.id'),
        ),
      ),
    )
    .execute();
  const leaves = await db
    .selectFrom('shared_leaves')
    .select('id')
    .where('status', '=', 'deleted')
    .where('not_after', '<', before)
    .execute();
  // Databases bound how many one statement names. The rest goes the next time.
  return [...certificates, ...leaves].slice(0, BATCH).map(({ id }) => id);
}
