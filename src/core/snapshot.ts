import type { Level, SslMode } from './level.ts';
import type { DeploymentStatus } from './life-cycle.ts';
import type { ZoneSettings } from './zone-settings.ts';

/** A private key sealed by `x509.seal`: never in the clear outside the memory of the process that uses it. */
export type SealedKey = string;

/** What concerns the whole installation. There is exactly one. */
export interface InstallationEntry {
  readonly kind: 'installation';
  /** The identity that the global level presents. */
  readonly sharedIdentityId: string;
  /** PEM of the installation's root: trusted in the modes strict and origin_pull besides the public CAs. */
  readonly root: string;
}

/** A zone with its two switches (the third, the hostname level, is the association itself). */
export interface ZoneEntry {
  readonly kind: 'zone';
  readonly id: string;
  readonly name: string;
  readonly accountId: string;
  readonly ssl: SslMode;
  /** Setting `tls_client_auth`: the global level. */
  readonly tlsClientAuth: boolean;
  /** `origin_tls_client_auth/settings`: the zone level. */
  readonly originTlsClientAuth: boolean;
  /** Identities of the zone store, in no particular order. */
  readonly certificateIds: readonly string[];
  /** Settings that somebody changed; the others have their defaults (`zoneSetting`). */
  readonly settings?: Partial<ZoneSettings>;
}

/** What an AOP association says about its hostname (spec/origin-pulls.md 2.2). */
export interface Association {
  readonly certId: string;
  /** The certificate in use until `certId` is deployed (spec/origin-pulls.md 2.4 row 9). */
  readonly previousCertId: string | null;
  readonly enabled: boolean;
}

/** Where a hostname's origin is. */
export interface OriginTarget {
  /** IP addresses or one hostname, tried in order. */
  readonly addresses: readonly string[];
  readonly httpsPort: number;
  readonly httpPort: number;
  /** Server name sent in the TLS handshake; null for the visitor's hostname. */
  readonly sni: string | null;
  /** Host header sent; null for the visitor's. */
  readonly hostHeader: string | null;
}

/** One hostname: exact, or `*.parent` (from a wildcard record), which never has an association. */
export interface HostnameEntry {
  readonly kind: 'hostname';
  readonly zoneId: string;
  readonly hostname: string;
  readonly association: Association | null;
  readonly origin: OriginTarget | null;
}

/** A client certificate with its key. Immutable but for its status: another certificate is another identity. */
export interface IdentityEntry {
  readonly kind: 'identity';
  readonly id: string;
  readonly level: Level;
  /** Null at the global level. */
  readonly zoneId: string | null;
  readonly status: DeploymentStatus;
  /** Milliseconds since the epoch, null until first deployed. */
  readonly deployedAt: number | null;
  /** Milliseconds since the epoch. */
  readonly uploadedAt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** PEM, leaf first. */
  readonly certificate: string;
  readonly privateKey: SealedKey;
}

/** Signature algorithms of the certificates that are issued for visitors: RSA for those who cannot do ECDSA. */
export type ServerAlgorithm = 'ecdsa' | 'rsa';

/** Kinds of keys that a visitor certificate may have. */
export type ServerKey = 'P-256' | 'P-384' | 'P-521' | 'RSA';

/** A certificate issued for the visitors of `hostname`: seen where nobody uploaded one for it. */
export interface ServerCertificateEntry {
  readonly kind: 'server_certificate';
  /** A hostname, or `*.parent`. */
  readonly hostname: string;
  readonly algorithm: ServerAlgorithm;
  /** PEM, leaf first. */
  readonly certificate: string;
  readonly privateKey: SealedKey;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** A certificate that somebody uploaded for visitors of a zone. Immutable. */
export interface CustomCertificateEntry {
  readonly kind: 'custom_certificate';
  readonly id: string;
  readonly zoneId: string;
  /** The names that it is for, canonical: hostnames, and `*.parent`. */
  readonly hosts: readonly string[];
  readonly key: ServerKey;
  /** PEM, leaf first. */
  readonly certificate: string;
  readonly privateKey: SealedKey;
  /** Among certificates for the same name the highest comes first, then the newest. */
  readonly priority: number;
  /** Milliseconds since the epoch. */
  readonly uploadedAt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Whose a ruleset is, or another rule outside rulesets: it applies to all zones of an account, or to one zone. */
export interface RuleScope {
  readonly scope: 'account' | 'zone';
  /** Id of the account or zone. */
  readonly scopeId: string;
}

/** One rule of a ruleset, as the API has it (spec/origin-pulls.md 7.3). */
export interface RuleEntry {
  readonly id: string;
  readonly ref: string;
  readonly version: string;
  readonly action: string;
  /** As in the API, checked when it was written; its members keep the API's names. */
  readonly actionParameters: Readonly<Record<string, unknown>> | null;
  readonly expression: string;
  readonly description: string;
  readonly enabled: boolean;
  /** As in the API, checked when it was written. */
  readonly ratelimit: Readonly<Record<string, unknown>> | null;
  /** `logging.enabled`; null where nothing is said. */
  readonly logging: boolean | null;
}

/** The version of a ruleset that is in use. Immutable. */
export interface RulesetEntry extends RuleScope {
  readonly kind: 'ruleset';
  readonly id: string;
  /** `root` and `zone` are entry points of their phase; `custom` ones run where an `execute` rule names them. */
  readonly rulesetKind: 'root' | 'zone' | 'custom';
  readonly name: string;
  readonly phase: string;
  readonly version: string;
  readonly rules: readonly RuleEntry[];
}

/** A list that expressions name as `$name`. Immutable. */
export interface ListEntry {
  readonly kind: 'list';
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly listKind: 'ip' | 'hostname' | 'asn';
  /** Addresses and CIDR ranges, hostnames (`*.` at the start of one covers what is below), or numbers. */
  readonly items: readonly string[];
}

/** An IP access rule. Immutable. */
export interface AccessRuleEntry extends RuleScope {
  readonly kind: 'access_rule';
  readonly id: string;
  readonly mode: 'block' | 'challenge' | 'js_challenge' | 'managed_challenge' | 'whitelist';
  readonly target: 'ip' | 'ip_range' | 'asn' | 'country';
  readonly value: string;
}

/** A zone lockdown: only the listed addresses may ask for the listed URLs. Immutable. */
export interface LockdownEntry {
  readonly kind: 'lockdown';
  readonly id: string;
  readonly zoneId: string;
  /** `host/path` patterns, with `*`. */
  readonly urls: readonly string[];
  /** Addresses and CIDR ranges. */
  readonly addresses: readonly string[];
  readonly paused: boolean;
}

/** A user-agent rule: what a visitor with exactly this `User-Agent` meets. Immutable. */
export interface UserAgentRuleEntry {
  readonly kind: 'user_agent_rule';
  readonly id: string;
  readonly zoneId: string;
  readonly mode: 'block' | 'challenge' | 'js_challenge' | 'managed_challenge';
  readonly userAgent: string;
  readonly paused: boolean;
}

/** One unit of the snapshot: what a delta adds, replaces or removes. */
export type SnapshotEntry =
  | InstallationEntry
  | ZoneEntry
  | HostnameEntry
  | IdentityEntry
  | ServerCertificateEntry
  | CustomCertificateEntry
  | RulesetEntry
  | ListEntry
  | AccessRuleEntry
  | LockdownEntry
  | UserAgentRuleEntry;

/**
 * Names an entry for ever: `zone:ID`, `hostname:ZONE/NAME`, `identity:ID`, `server_certificate:NAME` (with ` rsa` behind
 * it for that algorithm), `custom_certificate:ID`, `ruleset:ID`, `list:ID`,
 * `access_rule:ID`, `lockdown:ID`, `user_agent_rule:ID`, `installation`.
 */
export type EntryKey = string;

/** The whole state that the data plane needs, at change number `number`. Plain data. */
export interface Snapshot {
  readonly number: number;
  readonly entries: readonly SnapshotEntry[];
}

/** What turns the snapshot `from` into the snapshot `to`. Plain data. */
export interface Delta {
  readonly from: number;
  readonly to: number;
  readonly upserts: readonly SnapshotEntry[];
  readonly deletes: readonly EntryKey[];
}

/** The keys of entries, by kind. */
export const entryKey = {
  installation: 'installation' as EntryKey,
  zone: (id: string): EntryKey => `zone:${id}`,
  hostname: (zoneId: string, hostname: string): EntryKey => `hostname:${zoneId}/${hostname}`,
  identity: (id: string): EntryKey => `identity:${id}`,
  serverCertificate: (hostname: string, algorithm: ServerAlgorithm): EntryKey =>
    `server_certificate:${hostname}${algorithm === 'rsa' ? ' rsa' : ''}`,
  customCertificate: (id: string): EntryKey => `custom_certificate:${id}`,
  ruleset: (id: string): EntryKey => `ruleset:${id}`,
  list: (id: string): EntryKey => `list:${id}`,
  accessRule: (id: string): EntryKey => `access_rule:${id}`,
  lockdown: (id: string): EntryKey => `lockdown:${id}`,
  userAgentRule: (id: string): EntryKey => `user_agent_rule:${id}`,
};

/** The key of an entry. */
export function keyOf(entry: SnapshotEntry): EntryKey {
  switch (entry.kind) {
    case 'installation':
      return entryKey.installation;
    case 'zone':
      return entryKey.zone(entry.id);
    case 'hostname':
      return entryKey.hostname(entry.zoneId, entry.hostname);
    case 'identity':
      return entryKey.identity(entry.id);
    case 'server_certificate':
      return entryKey.serverCertificate(entry.hostname, entry.algorithm);
    case 'custom_certificate':
      return entryKey.customCertificate(entry.id);
    case 'ruleset':
      return entryKey.ruleset(entry.id);
    case 'list':
      return entryKey.list(entry.id);
    case 'access_rule':
      return entryKey.accessRule(entry.id);
    case 'lockdown':
      return entryKey.lockdown(entry.id);
    case 'user_agent_rule':
      return entryKey.userAgentRule(entry.id);
  }
}
