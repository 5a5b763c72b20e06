import type { Kysely, Transaction } from 'kysely';
import type { EntryKey } from '../core/mod.ts';
import type { Clock } from '../platform/mod.ts';
import { AUDIT_START, auditHash, firstBrokenAuditRow } from './audit.ts';
import { openSqlite } from './backends/sqlite.ts';
import { migrate } from './migrate.ts';
import type { Database, Microseconds } from './rows.ts';

/** Who mutates what, for the audit log. Holds no secrets. */
export interface Cause {
  /** A credential's name, or `system`. */
  readonly actor: string;
  /** Address that the request came from, or empty. */
  readonly source: string;
}

/** What a mutation did. */
export interface Mutation<R> {
  readonly result: R;
  /** Entries of the snapshot that changed; none where the data plane is not concerned. */
  readonly keys: readonly EntryKey[];
  /** Verb and object for the audit log, as `zone.create`. */
  readonly action: string;
  readonly target: string;
}

/** A mutation that is on disk. */
export interface Committed<R> {
  readonly result: R;
  /** Number of its change, or of the last one before where it made none. */
  readonly change: number;
}

/** The database, and the two logs that every mutation writes. */
export class Store {
  readonly db: Kysely<Database>;
  readonly #clock: Clock;

  constructor(db: Kysely<Database>, clock: Clock) {
    this.db = db;
    this.#clock = clock;
  }

  /** The time as the tables keep it. */
  now(): Microseconds {
    return Math.round(this.#clock.now() * 1000);
  }

  /**
   * Runs a mutation as one transaction that also appends to `changes` and `audit`. On disk when it resolves; nothing
   * remains where it rejects. Mutations run one at a time.
   */
  async mutate<R>(
    cause: Cause,
    work: (trx: Transaction<Database>, change: number) => Promise<Mutation<R>>,
  ): Promise<Committed<R>> {
    return await this.db.transaction().execute(async (trx) => {
      const last = await lastNumber(trx, 'changes');
      const { result, keys, action, target } = await work(trx, last + 1);
      const at = this.now();
      if (keys.length > 0) {
        await trx
          .insertInto('changes')
          .values({ number: last + 1, at, keys: JSON.stringify([...new Set(keys)]) })
          .execute();
      }
      const before = await trx
        .selectFrom('audit')
        .select(['number', 'hash'])
        .orderBy('number', 'desc')
        .limit(1)
        .executeTakeFirst();
      const row = {
        number: (before?.number ?? 0) + 1,
        at,
        ...cause,
        action,
        target,
        previous: before?.hash ?? AUDIT_START,
      };
      await trx
        .insertInto('audit')
        .values({ ...row, hash: auditHash(row) })
        .execute();
      return { result, change: keys.length > 0 ? last + 1 : last };
    });
  }

  /** Number of the last change; 0 before the first. */
  lastChange(): Promise<number> {
    return lastNumber(this.db, 'changes');
  }

  /** The keys that changed after change `number`, each once, and the number of the last change. */
  async changesSince(number: number, db: Kysely<Database> = this.db): Promise<{ to: number; keys: EntryKey[] }> {
    const rows = await db.selectFrom('changes').selectAll().where('number', '>', number).orderBy('number').execute();
    const keys = new Set(rows.flatMap((row) => JSON.parse(row.keys) as EntryKey[]));
    return { to: rows.at(-1)?.number ?? number, keys: [...keys] };
  }

  /** The number of the first audit row that was altered; null where the chain is whole. */
  async firstBrokenAuditRow(): Promise<number | null> {
    return firstBrokenAuditRow(await this.db.selectFrom('audit').selectAll().orderBy('number').execute());
  }

  close(): Promise<void> {
    return this.db.destroy();
  }
}

async function lastNumber(db: Kysely<Database>, table: 'changes' | 'audit'): Promise<number> {
  const row = await db.selectFrom(table).select('number').orderBy('number', 'desc').limit(1).executeTakeFirst();
  return row?.number ?? 0;
}

/** Opens the SQLite database in `file` and brings its schema up to date. Throws `SchemaError`, and what SQLite throws. */
export async function openStore(file: string, clock: Clock): Promise<Store> {
  const db = openSqlite(file);
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return new Store(db, clock);
}
