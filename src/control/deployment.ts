import { type DeploymentStatus, type EntryKey, entryKey, transition } from '../core/mod.ts';
import type { Database, HostnameAssociationRow, Microseconds, Mutation, Transaction } from '../store/mod.ts';
import { type Context, commit, SYSTEM } from './context.ts';

/**
 * Turns pending states into facts (architecture section 1, sentence 3): what all workers have acknowledged becomes
 * `active` or `deleted`. Runs one at a time; what is settled already is left alone.
 */
export class Deployment {
  readonly #context: Context;
  #running: Promise<unknown> = Promise.resolve();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Settles what waits for a change up to `acknowledged`, and waits until the workers use the outcome. */
  settle(acknowledged: number): Promise<void> {
    return this.#next(async () => {
      if (!(await this.#hasPending(acknowledged))) return;
      await commit(this.#context, SYSTEM, (trx) => settleRows(trx, acknowledged, this.#context.store.now()));
    });
  }

  /** Marks what has been pending for more than `age` milliseconds as timed out. A later acknowledgement still settles it. */
  expire(age: number): Promise<void> {
    return this.#next(async () => {
      const { store } = this.#context;
      const before = store.now() - age * 1000;
      if (!(await isAnyLate(store.db, before))) return;
      await commit(this.#context, SYSTEM, (trx) => expireRows(trx, before));
    });
  }

  /** Resolves when nothing is being settled any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #next(work: () => Promise<void>): Promise<void> {
    const next = this.#running.then(work);
    this.#running = next.catch(() => undefined);
    return next;
  }

  async #hasPending(acknowledged: number): Promise<boolean> {
    const { db } = this.#context.store;
    for (const table of ['client_certificates', 'hostname_associations'] as const) {
      const row = await db
        .selectFrom(table)
        .select('zone_id')
        .where('pending_change', '<=', acknowledged)
        .limit(1)
        .executeTakeFirst();
      if (row) return true;
    }
    return false;
  }
}

async function settleRows(trx: Transaction<Database>, acknowledged: number, now: number): Promise<Mutation<null>> {
  const keys: EntryKey[] = [];
  const settled: string[] = [];
  const certificates = await trx
    .selectFrom('client_certificates')
    .selectAll()
    .where('pending_change', '<=', acknowledged)
    .execute();
  for (const { id, status, deployed_at } of certificates) {
    const next = transition(status, 'acknowledged');
    const change = { pending_change: null, updated_at: now };
    if (next === 'active') {
      await trx
        .updateTable('client_certificates')
        .set({ ...change, status: next, deployed_at: deployed_at ?? now })
        .where('id', '=', id)
        .execute();
      keys.push(entryKey.identity(id), ...(await forgetPrevious(trx, id)));
    } else {
      await trx
        .updateTable('client_certificates')
        .set({ ...change, status: next ?? status })
        .where('id', '=', id)
        .execute();
    }
    settled.push(id);
  }
  const associations = await trx
    .selectFrom('hostname_associations')
    .selectAll()
    .where('pending_change', '<=', acknowledged)
    .execute();
  for (const { zone_id, hostname, status } of associations) {
    await trx
      .updateTable('hostname_associations')
      .set({ pending_change: null, status: transition(status, 'acknowledged') ?? status })
      .where('zone_id', '=', zone_id)
      .where('hostname', '=', hostname)
      .execute();
    settled.push(hostname);
  }
  return { result: null, keys, action: 'deployment.settle', target: settled.join(' ') };
}

/** The certificate is deployed: associations that point to it no longer need the one they had before. */
async function forgetPrevious(trx: Transaction<Database>, certId: string): Promise<EntryKey[]> {
  const rows = await trx
    .updateTable('hostname_associations')
    .set({ previous_cert_id: null })
    .where('cert_id', '=', certId)
    .where('previous_cert_id', 'is not', null)
    .returning(['zone_id', 'hostname'])
    .execute();
  return rows.map(({ zone_id, hostname }) => entryKey.hostname(zone_id, hostname));
}

type Kysely = Context['store']['db'];

const PENDING: readonly DeploymentStatus[] = ['pending_deployment', 'pending_deletion'];

async function isAnyLate(db: Kysely, before: Microseconds): Promise<boolean> {
  return (await lateCertificates(db, before)).length > 0 || (await lateAssociations(db, before)).length > 0;
}

function lateCertificates(db: Kysely, before: Microseconds): Promise<{ id: string; status: DeploymentStatus }[]> {
  return db
    .selectFrom('client_certificates')
    .select(['id', 'status'])
    .where('status', 'in', PENDING)
    .where('updated_at', '<', before)
    .execute();
}

function lateAssociations(db: Kysely, before: Microseconds): Promise<HostnameAssociationRow[]> {
  return db
    .selectFrom('hostname_associations')
    .selectAll()
    .where('status', 'in', PENDING)
    .where('updated_at', '<', before)
    .execute();
}

async function expireRows(trx: Transaction<Database>, before: Microseconds): Promise<Mutation<null>> {
  const certificates = await lateCertificates(trx, before);
  for (const { id, status } of certificates) {
    await trx
      .updateTable('client_certificates')
      .set({ status: transition(status, 'timed_out') ?? status })
      .where('id', '=', id)
      .execute();
  }
  const associations = await lateAssociations(trx, before);
  for (const { zone_id, hostname, status } of associations) {
    await trx
      .updateTable('hostname_associations')
      .set({ status: transition(status, 'timed_out') ?? status })
      .where('zone_id', '=', zone_id)
      .where('hostname', '=', hostname)
      .execute();
  }
  const target = [...certificates.map(({ id }) => id), ...associations.map(({ hostname }) => hostname)].join(' ');
  // The snapshot holds no state of associations.
  return {
    result: null,
    keys: certificates.map(({ id }) => entryKey.identity(id)),
    action: 'deployment.time_out',
    target,
  };
}
