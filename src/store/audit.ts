import { createHash } from 'node:crypto';
import type { AuditRow } from './rows.ts';

/** The hash before the first row. */
export const AUDIT_START = '0'.repeat(64);

/** SHA-256 over a row's members, in order, and the hash of the row before. */
export function auditHash(row: Omit<AuditRow, 'hash'>): string {
  const { number, at, actor, action, target, source, previous } = row;
  return createHash('sha256')
    .update(JSON.stringify([number, at, actor, action, target, source, previous]))
    .digest('hex');
}

/** The number of the first row that does not follow from the one before it; null where the chain is whole. */
export function firstBrokenAuditRow(rows: readonly AuditRow[]): number | null {
  let previous = AUDIT_START;
  for (const [i, row] of rows.entries()) {
    if (row.number !== i + 1 || row.previous !== previous || row.hash !== auditHash(row)) return row.number;
    previous = row.hash;
  }
  return null;
}
