import { coveringNames, enclosingNames } from './hostname.ts';
import {
  type AccessRuleEntry,
  type CustomCertificateEntry,
  type Delta,
  type EntryKey,
  entryKey,
  type HostnameEntry,
  type IdentityEntry,
  type InstallationEntry,
  keyOf,
  type ListEntry,
  type LockdownEntry,
  type RulesetEntry,
  type ServerAlgorithm,
  type ServerCertificateEntry,
  type Snapshot,
  type SnapshotEntry,
  type UserAgentRuleEntry,
  type ZoneEntry,
} from './snapshot.ts';

/** Entries that say what rules do, or that rules name. */
export type RuleKindEntry = RulesetEntry | ListEntry | AccessRuleEntry | LockdownEntry | UserAgentRuleEntry;

/**
 * A snapshot with its lookup maps. Applying a delta costs what changed, not what exists (architecture section 5).
 * Entries themselves are immutable: whoever holds one holds it as it was.
 */
export class SnapshotIndex {
  #number = 0;
  readonly #entries = new Map<EntryKey, SnapshotEntry>();
  readonly #zoneIdsByName = new Map<string, string>();
  /** By zone and host, the one to be taken first in front. */
  readonly #customCertificates = new Map<string, readonly CustomCertificateEntry[]>();
  /** By scope and the id of the account or zone. */
  readonly #rules = new Map<string, Map<EntryKey, RuleKindEntry>>();

  constructor(snapshot: Snapshot = { number: 0, entries: [] }) {
    this.load(snapshot);
  }

  /** The number of the last change that is in. */
  get number(): number {
    return this.#number;
  }

  /** Number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /** Replaces everything by `snapshot`. */
  load(snapshot: Snapshot): void {
    this.#entries.clear();
    this.#zoneIdsByName.clear();
    this.#customCertificates.clear();
    this.#rules.clear();
    for (const entry of snapshot.entries) this.#put(entry);
    this.#number = snapshot.number;
  }

  /** Applies `delta`. Throws, and changes nothing, where it does not start at this index's number. */
  apply(delta: Delta): void {
    if (delta.from !== this.#number) {
      throw new Error(`delta starts at change ${delta.from}, but this snapshot stands at ${this.#number}`);
    }
    for (const key of delta.deletes) this.#remove(key);
    for (const entry of delta.upserts) this.#put(entry);
    this.#number = delta.to;
  }

  /** The whole state as plain data. */
  snapshot(): Snapshot {
    return { number: this.#number, entries: [...this.#entries.values()] };
  }

  /** All entries, in no particular order. */
  entries(): Iterable<SnapshotEntry> {
    return this.#entries.values();
  }

  /** The entry under `key`. */
  get(key: EntryKey): SnapshotEntry | undefined {
    return this.#entries.get(key);
  }

  /** The installation's entry; undefined only before the first snapshot. */
  installation(): InstallationEntry | undefined {
    return this.#entries.get(entryKey.installation) as InstallationEntry | undefined;
  }

  /** The zone with this id. */
  zone(id: string): ZoneEntry | undefined {
    return this.#entries.get(entryKey.zone(id)) as ZoneEntry | undefined;
  }

  /** The zone that holds a canonical hostname: the longest zone name that encloses it. */
  zoneOf(hostname: string): ZoneEntry | undefined {
    for (const name of enclosingNames(hostname)) {
      const id = this.#zoneIdsByName.get(name);
      if (id !== undefined) return this.zone(id);
    }
    return undefined;
  }

  /** The entry of exactly this hostname in the zone. */
  hostname(zoneId: string, hostname: string): HostnameEntry | undefined {
    return this.#entries.get(entryKey.hostname(zoneId, hostname)) as HostnameEntry | undefined;
  }

  /** The closest entry with an origin: the hostname's own, then a wildcard's (RFC 4592). */
  originOf(zoneId: string, hostname: string): HostnameEntry | undefined {
    for (const name of coveringNames(hostname)) {
      const entry = this.hostname(zoneId, name);
      if (entry?.origin) return entry;
    }
    return undefined;
  }

  /**
   * The name for which the certificate that visitors of a hostname see is issued: the hostname itself, or the wildcard
   * that gives it its origin. Null where it has no origin, and more than one label below a wildcard, which no certificate
   * can cover (RFC 9525 section 6.3).
   */
  certificateName(hostname: string): string | null {
    const zone = this.zoneOf(hostname);
    const name = zone && this.originOf(zone.id, hostname)?.hostname;
    if (name === undefined) return null;
    return name === hostname || name === `*${hostname.slice(hostname.indexOf('.'))}` ? name : null;
  }

  /** The client identity with this id. */
  identity(id: string): IdentityEntry | undefined {
    return this.#entries.get(entryKey.identity(id)) as IdentityEntry | undefined;
  }

  /** The certificate issued for exactly this name: a hostname, or `*.parent`. */
  serverCertificate(hostname: string, algorithm: ServerAlgorithm): ServerCertificateEntry | undefined {
    return this.#entries.get(entryKey.serverCertificate(hostname, algorithm)) as ServerCertificateEntry | undefined;
  }

  /** The certificates uploaded to a zone for exactly this name (a hostname, or `*.parent`), the one to be taken first in front. */
  customCertificates(zoneId: string, host: string): readonly CustomCertificateEntry[] {
    return this.#customCertificates.get(`${zoneId}/${host}`) ?? [];
  }

  /** The rules, and the lists for rules, of an account or a zone. */
  rulesOf(scope: 'account' | 'zone', id: string): Iterable<RuleKindEntry> {
    return this.#rules.get(`${scope} ${id}`)?.values() ?? [];
  }

  /** All zones, in no particular order. */
  *zones(): Iterable<ZoneEntry> {
    for (const id of this.#zoneIdsByName.values()) yield this.zone(id)!;
  }

  #put(entry: SnapshotEntry): void {
    const key = keyOf(entry);
    this.#remove(key);
    this.#entries.set(key, entry);
    const rules = ruleScope(entry);
    if (rules !== null) {
      const ofScope = this.#rules.get(rules) ?? new Map<EntryKey, RuleKindEntry>();
      this.#rules.set(rules, ofScope.set(key, entry as RuleKindEntry));
    }
    if (entry.kind === 'zone') this.#zoneIdsByName.set(entry.name, entry.id);
    if (entry.kind === 'custom_certificate') {
      for (const host of entry.hosts) {
        const others = this.customCertificates(entry.zoneId, host);
        this.#customCertificates.set(`${entry.zoneId}/${host}`, [...others, entry].sort(byPrecedence));
      }
    }
  }

  #remove(key: EntryKey): void {
    const old = this.#entries.get(key);
    if (old === undefined) return;
    this.#entries.delete(key);
    const rules = ruleScope(old);
    if (rules !== null) {
      this.#rules.get(rules)!.delete(key);
      if (this.#rules.get(rules)!.size === 0) this.#rules.delete(rules);
    }
    if (old.kind === 'zone') this.#zoneIdsByName.delete(old.name);
    if (old.kind === 'custom_certificate') {
      for (const host of old.hosts) {
        const others = this.customCertificates(old.zoneId, host).filter((entry) => entry !== old);
        if (others.length > 0) this.#customCertificates.set(`${old.zoneId}/${host}`, others);
        else this.#customCertificates.delete(`${old.zoneId}/${host}`);
      }
    }
  }
}

function byPrecedence(one: CustomCertificateEntry, other: CustomCertificateEntry): number {
  return other.priority - one.priority || other.uploadedAt - one.uploadedAt || (one.id < other.id ? -1 : 1);
}

/** Under which name `#rules` keeps an entry; null for one that has nothing to do with rules. */
function ruleScope(entry: SnapshotEntry): string | null {
  switch (entry.kind) {
    case 'ruleset':
    case 'access_rule':
      return `${entry.scope} ${entry.scopeId}`;
    case 'list':
      return `account ${entry.accountId}`;
    case 'lockdown':
    case 'user_agent_rule':
      return `zone ${entry.zoneId}`;
    default:
      return null;
  }
}
