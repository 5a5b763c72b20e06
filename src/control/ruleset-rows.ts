import { sql } from 'kysely';
import { ApiError } from '../core/mod.ts';
import type { Database, RulesetRow, RulesetVersionRow, Transaction } from '../store/mod.ts';
import type { CheckedRule } from '../waf/mod.ts';
import type { Context } from './context.ts';
import { mustBeInScope, type RuleScopeId } from './rule-scope.ts';

/** A rule as it is stored. */
export interface StoredRule extends Omit<CheckedRule, 'id' | 'ref'> {
  readonly id: string;
  readonly ref: string;
  readonly version: number;
  /** Microseconds since the epoch. */
  readonly last_updated: number;
}

/** A ruleset at one of its versions, but for its rules. */
export interface RulesetHead {
  readonly id: string;
  readonly kind: RulesetRow['kind'];
  readonly phase: string;
  readonly version: number;
  readonly name: string;
  readonly description: string;
  /** Microseconds since the epoch. */
  readonly last_updated: number;
}

/** A ruleset at one of its versions. */
export interface Ruleset extends RulesetHead {
  readonly rules: readonly StoredRule[];
}

type Db = Context['store']['db'] | Transaction<Database>;

/** The row of a ruleset. Throws `ruleset_not_found`. */
export async function findRuleset(db: Db, scope: RuleScopeId, id: string): Promise<RulesetRow> {
  const row = await db.selectFrom('rulesets').selectAll().where('id', '=', id).executeTakeFirst();
  return mustBeInScope(scope, row, 'ruleset_not_found');
}

/** The entry point of a phase, where there is one. */
export async function findEntrypoint(db: Db, scope: RuleScopeId, phase: string): Promise<RulesetRow | undefined> {
  return await db
    .selectFrom('rulesets')
    .selectAll()
    .where('account_id', '=', scope.accountId)
    .where('zone_id', scope.zoneId === null ? 'is' : '=', scope.zoneId)
    .where('phase', '=', phase)
    .where('kind', '!=', 'custom')
    .executeTakeFirst();
}

/** The ruleset at a version, by default the one in use. Throws `ruleset_version_not_found`. */
export async function rulesetAt(db: Db, row: RulesetRow, version: number = row.version): Promise<Ruleset> {
  const found = await db
    .selectFrom('ruleset_versions')
    .selectAll()
    .where('ruleset_id', '=', row.id)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!found) throw new ApiError('ruleset_version_not_found');
  return toRuleset(row, found);
}

/** The versions of a ruleset that are kept, the newest first. */
export async function allVersions(db: Db, row: RulesetRow): Promise<RulesetHead[]> {
  const rows = await db
    .selectFrom('ruleset_versions')
    .select(HEAD)
    .where('ruleset_id', '=', row.id)
    .orderBy('version', 'desc')
    .execute();
  return rows.map((version) => toHead(row, version));
}

/** The rules of all versions of a ruleset that are kept, those of the newest first. */
export async function formerRules(db: Db, row: RulesetRow): Promise<StoredRule[]> {
  const rows = await db
    .selectFrom('ruleset_versions')
    .select('rules')
    .where('ruleset_id', '=', row.id)
    .orderBy('version', 'desc')
    .execute();
  return rows.flatMap(({ rules }) => JSON.parse(rules) as StoredRule[]);
}

/** The rulesets of a scope itself at the versions in use, the oldest first. */
export async function rulesetHeads(
  db: Db,
  { accountId, zoneId }: RuleScopeId,
): Promise<(RulesetHead & { readonly createdAt: number })[]> {
  const rows = await inUse(db, accountId)
    .select(HEAD)
    .where('rulesets.zone_id', zoneId === null ? 'is' : '=', zoneId)
    .orderBy('rulesets.created_at')
    .orderBy('rulesets.id')
    .execute();
  return rows.map((row) => ({ ...toHead(row, row), createdAt: row.created_at }));
}

/** The rulesets of an account and of all its zones, at the versions in use, in whose rules a text stands somewhere. */
export async function rulesetsMentioning(db: Db, accountId: string, text: string): Promise<Ruleset[]> {
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
  const rows = await inUse(db, accountId)
    .selectAll('ruleset_versions')
    .where(sql<boolean>`ruleset_versions.rules like ${pattern} escape '\\'`)
    .execute();
  return rows.map((row) => toRuleset(row, row));
}

/** The rulesets of a scope itself, at the versions in use. */
export async function rulesetsInUse(db: Db, { accountId, zoneId }: RuleScopeId): Promise<Ruleset[]> {
  const rows = await inUse(db, accountId)
    .selectAll('ruleset_versions')
    .where('rulesets.zone_id', zoneId === null ? 'is' : '=', zoneId)
    .execute();
  return rows.map((row) => toRuleset(row, row));
}

const HEAD = [
  'ruleset_versions.version',
  'ruleset_versions.name',
  'ruleset_versions.description',
  'ruleset_versions.last_updated',
] as const;

function inUse(db: Db, accountId: string) {
  return db
    .selectFrom('rulesets')
    .innerJoin('ruleset_versions', (join) =>
      join
        .onRef('ruleset_versions.ruleset_id', '=', 'rulesets.id')
        .onRef('ruleset_versions.version', '=', 'rulesets.version'),
    )
    .select(['rulesets.id', 'rulesets.kind', 'rulesets.phase', 'rulesets.created_at'])
    .where('rulesets.account_id', '=', accountId);
}

function toHead(
  { id, kind, phase }: Pick<RulesetRow, 'id' | 'kind' | 'phase'>,
  { version, name, description, last_updated }: Omit<RulesetVersionRow, 'ruleset_id' | 'rules'>,
): RulesetHead {
  return { id, kind, phase, version, name, description, last_updated };
}

function toRuleset(row: Pick<RulesetRow, 'id' | 'kind' | 'phase'>, version: RulesetVersionRow): Ruleset {
  return { ...toHead(row, version), rules: JSON.parse(version.rules) as StoredRule[] };
}
