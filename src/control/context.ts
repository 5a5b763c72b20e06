import type { SnapshotIndex } from '../core/mod.ts';
import type { Clock, Random } from '../platform/mod.ts';
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
}

/** How long an answer waits for the workers, in milliseconds. */
export const DEPLOY_WAIT = 1000;

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

/** A new id of the API's usual form: 32 lower-case hexadecimal digits. */
export function newId(random: Random): string {
  return Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
