import {
  type AccessRuleEntry,
  type EntryKey,
  entryKey,
  type ListEntry,
  type LockdownEntry,
  type RuleScope,
  type RulesetEntry,
  type SnapshotEntry,
  type UserAgentRuleEntry,
} from '../core/mod.ts';
import type {
  AccessRuleRow,
  Database,
  ListItemRow,
  ListRow,
  LockdownRow,
  RulesetRow,
  Transaction,
  UserAgentRuleRow,
} from '../store/mod.ts';
import type { StoredRule } from './ruleset-rows.ts';

/** Kinds of entries that are rules, or that rules name. */
export type RuleKind = 'ruleset' | 'list' | 'access_rule' | 'lockdown' | 'user_agent_rule';

/** Every entry of those kinds, as the rows stand. */
export async function compileRules(db: Transaction<Database>): Promise<SnapshotEntry[]> {
  const rulesets = await rulesetsInUse(db).execute();
  const lists = await db.selectFrom('lists').selectAll().execute();
  const items = await db.selectFrom('list_items').selectAll().orderBy('value').execute();
  const itemsByList = Map.groupBy(items, ({ list_id }) => list_id);
  return [
    ...rulesets.map(rulesetEntry),
    ...lists.map((list) => listEntry(list, itemsByList.get(list.id) ?? [])),
    ...(await db.selectFrom('access_rules').selectAll().execute()).map(accessRuleEntry),
    ...(await db.selectFrom('lockdowns').selectAll().execute()).map(lockdownEntry),
    ...(await db.selectFrom('user_agent_rules').selectAll().execute()).map(userAgentRuleEntry),
  ];
}

/** One entry of those kinds; null where there is none (any more). */
export async function compileRule(
  db: Transaction<Database>,
  kind: RuleKind,
  id: string,
): Promise<SnapshotEntry | null> {
  switch (kind) {
    case 'ruleset': {
      const row = await rulesetsInUse(db).where('rulesets.id', '=', id).executeTakeFirst();
      return row ? rulesetEntry(row) : null;
    }
    case 'list': {
      const row = await db.selectFrom('lists').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) return null;
      const items = db.selectFrom('list_items').selectAll().where('list_id', '=', id).orderBy('value');
      return listEntry(row, await items.execute());
    }
    case 'access_rule': {
      const row = await db.selectFrom('access_rules').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? accessRuleEntry(row) : null;
    }
    case 'lockdown': {
      const row = await db.selectFrom('lockdowns').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? lockdownEntry(row) : null;
    }
    case 'user_agent_rule': {
      const row = await db.selectFrom('user_agent_rules').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? userAgentRuleEntry(row) : null;
    }
  }
}

/** The keys of what goes with a zone. */
export async function ruleKeysOfZone(db: Transaction<Database>, zoneId: string): Promise<EntryKey[]> {
  const idsIn = async (table: 'rulesets' | 'access_rules' | 'lockdowns' | 'user_agent_rules'): Promise<string[]> =>
    (await db.selectFrom(table).select('id').where('zone_id', '=', zoneId).execute()).map(({ id }) => id);
  return [
    ...(await idsIn('rulesets')).map(entryKey.ruleset),
    ...(await idsIn('access_rules')).map(entryKey.accessRule),
    ...(await idsIn('lockdowns')).map(entryKey.lockdown),
    ...(await idsIn('user_agent_rules')).map(entryKey.userAgentRule),
  ];
}

function rulesetsInUse(db: Transaction<Database>) {
  return db
    .selectFrom('rulesets')
    .innerJoin('ruleset_versions', (join) =>
      join
        .onRef('ruleset_versions.ruleset_id', '=', 'rulesets.id')
        .onRef('ruleset_versions.version', '=', 'rulesets.version'),
    )
    .selectAll('rulesets')
    .select(['ruleset_versions.name', 'ruleset_versions.rules']);
}

function scopeOf(row: { readonly account_id: string; readonly zone_id: string | null }): RuleScope {
  return row.zone_id === null ? { scope: 'account', scopeId: row.account_id } : { scope: 'zone', scopeId: row.zone_id };
}

function rulesetEntry(row: RulesetRow & { readonly name: string; readonly rules: string }): RulesetEntry {
  const rules = JSON.parse(row.rules) as StoredRule[];
  return {
    kind: 'ruleset',
    id: row.id,
    ...scopeOf(row),
    rulesetKind: row.kind,
    name: row.name,
    phase: row.phase,
    version: String(row.version),
    rules: rules.map((rule) => ({
      id: rule.id,
      ref: rule.ref,
      version: String(rule.version),
      action: rule.action,
      actionParameters: rule.action_parameters ?? null,
      expression: rule.expression,
      description: rule.description ?? '',
      enabled: rule.enabled,
      ratelimit: rule.ratelimit ?? null,
      logging: rule.logging?.enabled ?? null,
    })),
  };
}

function listEntry(row: ListRow, items: readonly ListItemRow[]): ListEntry {
  return {
    kind: 'list',
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    listKind: row.kind,
    // `*.parent` covers what is below: where the parent itself is meant too, it is one more member.
    items: [
      ...new Set(
        items.flatMap(({ value, excludes_apex }) => (excludes_apex === 0 ? [value, value.slice(2)] : [value])),
      ),
    ],
  };
}

function accessRuleEntry(row: AccessRuleRow): AccessRuleEntry {
  return {
    kind: 'access_rule',
    id: row.id,
    ...scopeOf(row),
    mode: row.mode,
    target: row.target === 'ip6' ? 'ip' : row.target,
    value: row.value,
  };
}

function lockdownEntry(row: LockdownRow): LockdownEntry {
  return {
    kind: 'lockdown',
    id: row.id,
    zoneId: row.zone_id,
    urls: JSON.parse(row.urls) as string[],
    addresses: (JSON.parse(row.configurations) as { value: string }[]).map(({ value }) => value),
    paused: row.paused === 1,
  };
}

function userAgentRuleEntry(row: UserAgentRuleRow): UserAgentRuleEntry {
  return {
    kind: 'user_agent_rule',
    id: row.id,
    zoneId: row.zone_id,
    mode: row.mode,
    userAgent: row.user_agent,
    paused: row.paused === 1,
  };
}
