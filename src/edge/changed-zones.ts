import type { Delta, EntryKey, SnapshotEntry, SnapshotIndex } from '../core/mod.ts';

/**
 * The zones whose routes a delta can change; null for all of them. `index` stands before the delta, so that what it
 * deletes is still there to be looked up.
 */
export function changedZones(delta: Delta, index: SnapshotIndex): ReadonlySet<string> | null {
  const zones = new Set<string>();
  const entries = [...delta.upserts, ...delta.deletes.map((key: EntryKey) => index.get(key))];
  for (const entry of entries) {
    const zoneId = entry && zoneOf(entry);
    if (zoneId === null) return null;
    if (zoneId !== undefined) zones.add(zoneId);
  }
  return zones;
}

/** Undefined for an entry that no route depends on, null for one that all do. */
function zoneOf(entry: SnapshotEntry): string | null | undefined {
  switch (entry.kind) {
    case 'zone':
      return entry.id;
    case 'hostname':
      return entry.zoneId;
    case 'identity':
      return entry.zoneId;
    case 'installation':
      return null;
    case 'server_certificate':
    case 'custom_certificate':
    case 'ruleset':
    case 'list':
    case 'access_rule':
    case 'lockdown':
    case 'user_agent_rule':
      return undefined;
  }
}
