import { type Kysely, sql } from 'kysely';
import { initial } from './migrations/0001-initial.ts';
import { expiryInMilliseconds } from './migrations/0002-expiry-in-milliseconds.ts';
import { visitorCertificates } from './migrations/0003-visitor-certificates.ts';
import { rules } from './migrations/0004-rules.ts';
import { doctor } from './migrations/0005-doctor.ts';
import type { Database } from './rows.ts';

/** All migrations, in order; the schema's version is how many have run. Forward only. */
const MIGRATIONS: readonly (readonly string[])[] = [initial, expiryInMilliseconds, visitorCertificates, rules, doctor];

/** A database that this version of Countersign cannot work with. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** Brings the schema up to date, each migration whole or not at all. Throws `SchemaError` for a newer schema, untouched. */
export async function migrate(db: Kysely<Database>): Promise<void> {
  const version = await schemaVersion(db);
  if (version > MIGRATIONS.length) {
    throw new SchemaError(
      `The database has schema version ${version}, and this Countersign knows ${MIGRATIONS.length}: it was written by a newer version. Install that one.`,
    );
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    await db.transaction().execute(async (trx) => {
      if (next === 0) {
        await sql`create table schema_version (version integer not null)`.execute(trx);
        await trx.insertInto('schema_version').values({ version: 0 }).execute();
      }
      for (const statement of MIGRATIONS[next]!) await sql.raw(statement).execute(trx);
      await trx
        .updateTable('schema_version')
        .set({ version: next + 1 })
        .execute();
    });
  }
}

async function schemaVersion(db: Kysely<Database>): Promise<number> {
  const tables = await db.introspection.getTables();
  if (!tables.some(({ name }) => name === 'schema_version')) return 0;
  return (await db.selectFrom('schema_version').select('version').executeTakeFirst())?.version ?? 0;
}
