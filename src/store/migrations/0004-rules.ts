/** The rules that users write: rulesets with their versions, lists, and the older kinds beside them. */
export const rules: readonly string[] = [
  `create table rulesets (
    id text primary key, account_id text not null references accounts (id),
    zone_id text references zones (id) on delete cascade, kind text not null, phase text not null,
    version integer not null, created_at bigint not null)`,
  'create index rulesets_by_scope on rulesets (account_id, zone_id, phase)',
  `create table ruleset_versions (
    ruleset_id text not null references rulesets (id) on delete cascade, version integer not null, name text not null,
    description text not null, rules text not null, last_updated bigint not null, primary key (ruleset_id, version))`,
  `create table lists (
    id text primary key, account_id text not null references accounts (id), name text not null, kind text not null,
    description text not null, created_at bigint not null, modified_at bigint not null, unique (account_id, name))`,
  `create table list_items (
    id text primary key, list_id text not null references lists (id) on delete cascade, value text not null,
    excludes_apex integer, comment text not null, created_at bigint not null, modified_at bigint not null,
    unique (list_id, value))`,
  `create table list_operations (
    id text primary key, account_id text not null references accounts (id), completed_at bigint not null)`,
  `create table access_rules (
    id text primary key, account_id text not null references accounts (id),
    zone_id text references zones (id) on delete cascade, mode text not null, target text not null, value text not null,
    notes text not null, created_at bigint not null, modified_at bigint not null)`,
  'create index access_rules_by_scope on access_rules (account_id, zone_id, target, value)',
  `create table lockdowns (
    id text primary key, zone_id text not null references zones (id) on delete cascade, urls text not null,
    configurations text not null, description text not null, paused integer not null,
    created_at bigint not null, modified_at bigint not null)`,
  'create index lockdowns_by_zone on lockdowns (zone_id)',
  `create table user_agent_rules (
    id text primary key, zone_id text not null references zones (id) on delete cascade, mode text not null,
    user_agent text not null, description text not null, paused integer not null, created_at bigint not null,
    modified_at bigint not null)`,
  'create index user_agent_rules_by_zone on user_agent_rules (zone_id)',
];
