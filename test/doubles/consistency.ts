import assert from 'node:assert/strict';
import type { ControlPlane } from '../../src/app/mod.ts';
import { compileAll } from '../../src/control/mod.ts';
import { keyOf, type SnapshotEntry } from '../../src/core/mod.ts';

/** What was published change by change is what the rows say as a whole, and every change stands in the audit log. */
export async function isConsistent({ context }: ControlPlane): Promise<void> {
  const sorted = (entries: readonly SnapshotEntry[]) =>
    entries.map((entry) => [keyOf(entry), entry] as const).sort(([one], [other]) => (one < other ? -1 : 1));
  const whole = await compileAll(context.store);
  assert.equal(context.distribution.index.number, whole.number);
  assert.deepEqual(sorted([...context.distribution.index.entries()]), sorted(whole.entries));
  assert.equal(await context.store.firstBrokenAuditRow(), null);
}
