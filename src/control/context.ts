import { ApiError, type SnapshotIndex } from '../core/mod.ts';
import type { Clock, FindPlace, Random } from '../platform/mod.ts';
import type { Cause, Database, Mutation, Store, Transaction } from '../store/mod.ts';
import type { MasterKey } from '../x509/mod.ts';

/** What the use cases need of whoever hands snapshots to the workers. */
export interface Distribution {
  /** The state that is published. */
  readonly index: SnapshotIndex;
  /**
   * Publishes every committed change; resolves true when all live workers have `change` in use, false when one does
   * not say so within `timeout` milliseconds.
   */
  deployed(change: number, timeout: number): Promise<boolean>;
}

/** What every use case works with. */
export interface Context {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly masterKey: MasterKey;
  readonly distribution: Distribution;
  /** Says where a visitor is, as the edge's workers find it; null without a database: then no rule can ask for it. */
  readonly findPlace: FindPlace | null;
}

/** How long an answer waits for the workers, in milliseconds. */
const DEPLOY_WAIT = 1000;

/** The cause of what nobody asked for. */
export const SYSTEM: Cause = { actor: 'system', source: '' };

/** Commits a mutation and waits, for a while, until all workers use it: what the API answers is in force. */
export async function commit<R>(
  context: Context,
  cause: Cause,
  work: (trx: Transaction<Database>, change: number) => Promise<Mutation<R>>,
): Promise<{ readonly result: R; readonly change: number; readonly deployed: boolean }> {
  const { result, change } = await context.store.mutate(cause, work);
  return { result, change, deployed: await context.distribution.deployed(change, DEPLOY_WAIT) };
}

/** As `commit`, for a mutation of a zone: one that was deleted since the request began is `zone_not_found`. */
export async function commitInZone<R>(
  context: Context,
  cause: Cause,
  zone: { readonly id: string },
  work: (trx: Transaction<Database>, change: number) => Promise<Mutation<R>>,
): ReturnType<typeof commit<R>> {
  return await commit(context, cause, async (trx, change) => {
    const found = await trx.selectFrom('zones').select('id').where('id', '=', zone.id).executeTakeFirst();
    if (!found) throw new ApiError('zone_not_found');
    return await work(trx, change);
  });
}

/** A new id of the API's usual form: 32 lower-case hexadecimal digits. */
export function newId(random: Random): string {
  return Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
