import type { Delta, EntryKey, SnapshotEntry, SnapshotIndex } from '../core/mod.ts';

/** Whose rules a delta can change. */
export interface ChangedRules {
  readonly accounts: ReadonlySet<string>;
  readonly zones: ReadonlySet<string>;
}

/** Whose rules a delta can change. `index` stands before the delta. */
export function changedRules(delta: Delta, index: SnapshotIndex): ChangedRules {
  const accounts = new Set<string>();
  const zones = new Set<string>();
  for (const entry of [...delta.upserts, ...delta.deletes.map((key) => index.get(key))]) {
    switch (entry?.kind) {
      case 'zone':
        zones.add(entry.id);
        break;
      case 'ruleset':
      case 'access_rule':
        (entry.scope === 'account' ? accounts : zones).add(entry.scopeId);
        break;
      case 'list':
        accounts.add(entry.accountId);
        break;
      case 'lockdown':
      case 'user_agent_rule':
        zones.add(entry.zoneId);
    }
  }
  return { accounts, zones };
}

/** The zones of what changed, once the change is in `index`. */
export function zonesOf({ accounts, zones }: ChangedRules, index: SnapshotIndex): ReadonlySet<string> {
  const found = new Set(zones);
  if (accounts.size > 0) for (const zone of index.zones()) if (accounts.has(zone.accountId)) found.add(zone.id);
  return found;
}

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
