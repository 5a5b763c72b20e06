export type { Transaction } from 'kysely';
export { SchemaError } from './migrate.ts';
export * from './rows.ts';
export * from './store.ts';
