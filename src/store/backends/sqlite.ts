import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, SqliteDialect, type SqliteStatement } from 'kysely';
import type { Database } from '../rows.ts';

/** Opens (makes) a SQLite database: every commit is on disk when it returns. */
export function openSqlite(file: string): Kysely<Database> {
  const database = new DatabaseSync(file);
  database.exec(
    'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma busy_timeout = 5000',
  );
  return new Kysely<Database>({
    dialect: new SqliteDialect({
      database: { close: () => database.close(), prepare: (text) => statement(database, text) },
    }),
  });
}

function statement(database: DatabaseSync, text: string): SqliteStatement {
  const prepared = database.prepare(text);
  const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
  return {
    reader: prepared.columns().length > 0,
    all: (parameters) => prepared.all(...values(parameters)),
    run: (parameters) => prepared.run(...values(parameters)),
    iterate: (parameters) => prepared.iterate(...values(parameters)),
  };
}
