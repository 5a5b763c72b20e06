/** The first schema. Statements that SQLite and PostgreSQL both read. */
export const initial: readonly string[] = [
  `create table installation (
    id text primary key, root_certificate text not null, root_key text not null,
    origin_pull_certificate text not null, origin_pull_key text not null, shared_identity_id text not null)`,
  `create table shared_leaves (
    id text primary key, certificate text not null, private_key text not null, status text not null,
    not_before bigint not null, not_after bigint not null, created_at bigint not null, deployed_at bigint, pending_change bigint)`,
  'create table accounts (id text primary key, name text not null, created_at bigint not null)',
  `create table credentials (
    id text primary key, account_id text not null references accounts (id), kind text not null, hash text not null unique,
    email text, name text not null, created_at bigint not null)`,
  `create table zones (
    id text primary key, account_id text not null references accounts (id), name text not null unique, type text not null,
    paused integer not null, created_at bigint not null, modified_at bigint not null, origin_tls_client_auth integer not null)`,
  `create table zone_settings (
    zone_id text not null references zones (id) on delete cascade, id text not null, value text not null,
    modified_at bigint not null, primary key (zone_id, id))`,
  `create table dns_records (
    id text primary key, zone_id text not null references zones (id) on delete cascade, name text not null, type text not null,
    content text not null, ttl integer not null, proxied integer not null, comment text, tags text not null,
    created_at bigint not null, modified_at bigint not null, unique (zone_id, name, type, content))`,
  `create table origins (
    zone_id text not null references zones (id) on delete cascade, hostname text not null, address text not null,
    https_port integer not null, http_port integer not null, sni text, host_header text, primary key (zone_id, hostname))`,
  `create table client_certificates (
    id text primary key, zone_id text not null references zones (id) on delete cascade, store text not null,
    certificate text not null, fingerprint text not null, private_key text not null, issuer text not null,
    signature text not null, serial_number text not null, expires_at bigint not null, uploaded_at bigint not null,
    updated_at bigint not null, deployed_at bigint, status text not null, pending_change bigint)`,
  'create index client_certificates_by_zone on client_certificates (zone_id, store, fingerprint)',
  `create table hostname_associations (
    zone_id text not null references zones (id) on delete cascade, hostname text not null,
    cert_id text not null references client_certificates (id), previous_cert_id text, enabled integer not null,
    status text not null, created_at bigint not null, updated_at bigint not null, pending_change bigint,
    primary key (zone_id, hostname))`,
  'create index hostname_associations_by_certificate on hostname_associations (cert_id)',
  `create table server_certificates (
    hostname text primary key, certificate text not null, private_key text not null, not_before bigint not null, not_after bigint not null)`,
  'create table changes (number bigint primary key, at bigint not null, keys text not null)',
  `create table audit (
    number bigint primary key, at bigint not null, actor text not null, action text not null, target text not null,
    source text not null, previous text not null, hash text not null)`,
];
