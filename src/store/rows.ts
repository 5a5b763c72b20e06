import type { DeploymentStatus, Level, ServerAlgorithm, ServerKey } from '../core/mod.ts';

/** Microseconds since the epoch: what the API shows of upload times has that resolution (spec/origin-pulls.md 1.3). */
export type Microseconds = number;

/** Milliseconds since the epoch: certificates may end in 9999, whose microseconds are no safe integer. */
export type Milliseconds = number;

/** Exactly one row. Private keys are sealed. */
export interface InstallationRow {
  id: string;
  root_certificate: string;
  root_key: string;
  /** Null only until the first start of a version that makes it. */
  rsa_root_certificate: string | null;
  rsa_root_key: string | null;
  origin_pull_certificate: string;
  origin_pull_key: string;
  /** Identity that the global level presents. */
  shared_identity_id: string;
}

/** A leaf of the global level: the one in use, and for a while the one before or after it. */
export interface SharedLeafRow {
  id: string;
  certificate: string;
  private_key: string;
  status: DeploymentStatus;
  not_before: Microseconds;
  not_after: Microseconds;
  created_at: Microseconds;
  deployed_at: Microseconds | null;
  pending_change: number | null;
}

export interface AccountRow {
  id: string;
  name: string;
  created_at: Microseconds;
}

/** A token or key. Only its SHA-256 is kept. */
export interface CredentialRow {
  id: string;
  account_id: string;
  kind: 'token' | 'key';
  /** Lower-case hexadecimal. */
  hash: string;
  /** With keys only. */
  email: string | null;
  name: string;
  created_at: Microseconds;
}

export interface ZoneRow {
  id: string;
  account_id: string;
  name: string;
  type: string;
  paused: 0 | 1;
  created_at: Microseconds;
  modified_at: Microseconds;
  /** The zone switch of AOP (`origin_tls_client_auth/settings`). */
  origin_tls_client_auth: 0 | 1;
}

export interface ZoneSettingRow {
  zone_id: string;
  id: string;
  /** JSON. */
  value: string;
  modified_at: Microseconds;
}

export interface DnsRecordRow {
  id: string;
  zone_id: string;
  name: string;
  type: 'A' | 'AAAA' | 'CNAME';
  content: string;
  ttl: number;
  proxied: 0 | 1;
  comment: string | null;
  /** JSON array of strings. */
  tags: string;
  created_at: Microseconds;
  modified_at: Microseconds;
}

export interface OriginRow {
  zone_id: string;
  hostname: string;
  address: string;
  https_port: number;
  http_port: number;
  sni: string | null;
  host_header: string | null;
}

/** An uploaded client certificate; a deleted one stays for a while, so that it can be read as a tombstone. */
export interface ClientCertificateRow {
  id: string;
  zone_id: string;
  store: Exclude<Level, 'global'>;
  certificate: string;
  fingerprint: string;
  private_key: string;
  issuer: string;
  signature: string;
  serial_number: string;
  expires_at: Milliseconds;
  uploaded_at: Microseconds;
  updated_at: Microseconds;
  deployed_at: Microseconds | null;
  status: DeploymentStatus;
  /** The change whose acknowledgement settles a pending status. */
  pending_change: number | null;
}

/** An association that is not void. */
export interface HostnameAssociationRow {
  zone_id: string;
  hostname: string;
  cert_id: string;
  previous_cert_id: string | null;
  enabled: 0 | 1;
  status: DeploymentStatus;
  created_at: Microseconds;
  updated_at: Microseconds;
  pending_change: number | null;
}

export interface ServerCertificateRow {
  hostname: string;
  algorithm: ServerAlgorithm;
  certificate: string;
  private_key: string;
  not_before: Microseconds;
  not_after: Microseconds;
}

/** A certificate for visitors that somebody uploaded. */
export interface CustomCertificateRow {
  id: string;
  zone_id: string;
  /** JSON array of strings. */
  hosts: string;
  key_type: ServerKey;
  /** PEM, leaf first. */
  certificate: string;
  /** Of the leaf. */
  fingerprint: string;
  private_key: string;
  issuer: string;
  signature: string;
  bundle_method: string;
  priority: number;
  expires_at: Milliseconds;
  uploaded_at: Microseconds;
  modified_at: Microseconds;
  /** The change that made it what it is: in use once all workers have acknowledged that. */
  change: number;
}

/** A ruleset; what it says stands in its versions. */
export interface RulesetRow {
  id: string;
  account_id: string;
  /** Null for one of the account. */
  zone_id: string | null;
  kind: 'root' | 'zone' | 'custom';
  phase: string;
  /** The version in use. */
  version: number;
  created_at: Microseconds;
}

/** What a ruleset says, or said. */
export interface RulesetVersionRow {
  ruleset_id: string;
  version: number;
  name: string;
  description: string;
  /** JSON array of rules, as the API has them. */
  rules: string;
  last_updated: Microseconds;
}

export interface ListRow {
  id: string;
  account_id: string;
  name: string;
  kind: 'ip' | 'hostname' | 'asn';
  description: string;
  created_at: Microseconds;
  modified_at: Microseconds;
}

export interface ListItemRow {
  id: string;
  list_id: string;
  /** An address or CIDR range in canonical text, a hostname or `*.parent`, or a number. */
  value: string;
  /** With `*.parent` only: whether the parent itself is left out. */
  excludes_apex: 0 | 1 | null;
  comment: string;
  created_at: Microseconds;
  modified_at: Microseconds;
}

/** A change of list items, done when it is here. */
export interface ListOperationRow {
  id: string;
  account_id: string;
  completed_at: Microseconds;
}

export interface AccessRuleRow {
  id: string;
  account_id: string;
  /** Null for one of the account. */
  zone_id: string | null;
  mode: 'block' | 'challenge' | 'js_challenge' | 'managed_challenge' | 'whitelist';
  target: 'ip' | 'ip6' | 'ip_range' | 'asn' | 'country';
  value: string;
  notes: string;
  created_at: Microseconds;
  modified_at: Microseconds;
}

export interface LockdownRow {
  id: string;
  zone_id: string;
  /** JSON array of strings. */
  urls: string;
  /** JSON array of `{target, value}`. */
  configurations: string;
  description: string;
  paused: 0 | 1;
  created_at: Microseconds;
  modified_at: Microseconds;
}

export interface UserAgentRuleRow {
  id: string;
  zone_id: string;
  mode: 'block' | 'challenge' | 'js_challenge' | 'managed_challenge';
  user_agent: string;
  description: string;
  paused: 0 | 1;
  created_at: Microseconds;
  modified_at: Microseconds;
}

/** One committed mutation that concerns the data plane. */
export interface ChangeRow {
  /** Gapless, from 1. */
  number: number;
  at: Microseconds;
  /** JSON array of entry keys. */
  keys: string;
}

/** One committed mutation: who, what, from where. `hash` covers the row and the hash before it. */
export interface AuditRow {
  number: number;
  at: Microseconds;
  actor: string;
  action: string;
  target: string;
  source: string;
  previous: string;
  hash: string;
}

export interface SchemaVersionRow {
  version: number;
}

/** What the doctor is to do at a hostname's origin, and what it found last. */
export interface ExaminationRow {
  zone_id: string;
  hostname: string;
  path: string;
  /** JSON array. */
  other_names: string;
  /** Milliseconds from one examination to the next; null where nobody asked for more. */
  interval: number | null;
  verdict: 'closed' | 'open' | 'unknown' | null;
  /** Since when the verdict is so. */
  verdict_since: Microseconds | null;
  examined_at: Microseconds | null;
  summary: string | null;
  /** The signed report, JSON. */
  report: string | null;
}

/** All tables. */
export interface Database {
  schema_version: SchemaVersionRow;
  installation: InstallationRow;
  shared_leaves: SharedLeafRow;
  accounts: AccountRow;
  credentials: CredentialRow;
  zones: ZoneRow;
  zone_settings: ZoneSettingRow;
  dns_records: DnsRecordRow;
  origins: OriginRow;
  client_certificates: ClientCertificateRow;
  hostname_associations: HostnameAssociationRow;
  server_certificates: ServerCertificateRow;
  custom_certificates: CustomCertificateRow;
  rulesets: RulesetRow;
  ruleset_versions: RulesetVersionRow;
  lists: ListRow;
  list_items: ListItemRow;
  list_operations: ListOperationRow;
  access_rules: AccessRuleRow;
  lockdowns: LockdownRow;
  user_agent_rules: UserAgentRuleRow;
  examinations: ExaminationRow;
  changes: ChangeRow;
  audit: AuditRow;
}
