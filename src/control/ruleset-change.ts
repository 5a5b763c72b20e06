import { ApiError, entryKey, QUOTAS } from '../core/mod.ts';
import type { Cause, Database, RulesetRow, Transaction } from '../store/mod.ts';
import type { PhaseName } from '../waf/mod.ts';
import { type Context, newId } from './context.ts';
import type { RuleMaking } from './next-rules.ts';
import { ruleContext } from './rule-context.ts';
import { commitInScope, type RuleScopeId } from './rule-scope.ts';
import { formerRules, type Ruleset, rulesetAt, type StoredRule } from './ruleset-rows.ts';

/** Most characters that the rules of one ruleset may have, as JSON. */
const MAX_RULES_SIZE = 1024 * 1024;

/** How a change is asked for. */
export interface RulesetChange {
  readonly cause: Cause;
  readonly scope: RuleScopeId;
  /** Everything is checked, and nothing is stored. */
  readonly isDryRun: boolean;
}

/** What a ruleset shall become. `row` holds the version that is in use until then: 0 for a new one. */
export interface Plan extends Pick<Ruleset, 'name' | 'description' | 'rules'> {
  readonly row: RulesetRow;
  /** The rule that it is about, where it is about one. */
  readonly ruleId?: string;
}

/** Reads what belongs together as it stands at one moment. */
export function reading<R>({ store }: Context, work: (trx: Transaction<Database>) => Promise<R>): Promise<R> {
  return store.db.transaction().execute(work);
}

/** Works out what a ruleset shall become, and stores it as its next version unless this is a dry run. */
export async function carryOut(
  context: Context,
  { cause, scope, isDryRun }: RulesetChange,
  action: string,
  plan: (trx: Transaction<Database>) => Promise<Plan>,
): Promise<Ruleset | null> {
  const checked = async (trx: Transaction<Database>): Promise<Plan> => {
    const made = await plan(trx);
    checkSize(made.rules);
    return made;
  };
  if (isDryRun) {
    await reading(context, checked);
    return null;
  }
  const { result } = await commitInScope(context, cause, scope, async (trx) => {
    const { row, ruleId, ...next } = await checked(trx);
    return {
      result: await writeVersion(trx, row, next, context.store.now()),
      keys: [entryKey.ruleset(row.id)],
      action,
      target: ruleId === undefined ? row.id : `${row.id} ${ruleId}`,
    };
  });
  return result;
}

async function writeVersion(
  trx: Transaction<Database>,
  row: RulesetRow,
  { name, description, rules }: Omit<Plan, 'row' | 'ruleId'>,
  now: number,
): Promise<Ruleset> {
  const version = row.version + 1;
  const next = { ...row, version };
  if (row.version === 0) await trx.insertInto('rulesets').values(next).execute();
  else await trx.updateTable('rulesets').set({ version }).where('id', '=', row.id).execute();
  await trx
    .insertInto('ruleset_versions')
    .values({ ruleset_id: row.id, version, name, description, rules: JSON.stringify(rules), last_updated: now })
    .execute();
  const kept = await trx
    .selectFrom('ruleset_versions')
    .select('version')
    .where('ruleset_id', '=', row.id)
    .orderBy('version', 'desc')
    .offset(QUOTAS.versionsPerRuleset)
    .limit(1)
    .executeTakeFirst();
  if (kept) {
    await trx
      .deleteFrom('ruleset_versions')
      .where('ruleset_id', '=', row.id)
      .where('version', '<=', kept.version)
      .execute();
  }
  return await rulesetAt(trx, next);
}

/** What the next rules of a ruleset are made from; `values` are those that a client sent. */
export async function makingOf(
  context: Context,
  trx: Transaction<Database>,
  scope: RuleScopeId,
  row: RulesetRow,
  before: readonly StoredRule[],
  values: readonly unknown[] = [],
): Promise<RuleMaking> {
  const place = { kind: row.kind, phase: row.phase as PhaseName };
  const ids = new Set(before.map(({ id }) => id));
  // Only who goes back to an older version names rules that are no more.
  const isGoingBack = values.some((value) => {
    const id = (value as { readonly id?: unknown } | null)?.id;
    return typeof id === 'string' && !ids.has(id);
  });
  const former = isGoingBack && row.version > 0 ? await formerRules(trx, row) : [];
  return {
    context: await ruleContext(context, trx, scope, place),
    before,
    former: (id) => former.find((rule) => rule.id === id),
    newId: () => newId(context.random),
    now: context.store.now(),
  };
}

function checkSize(rules: readonly StoredRule[]): void {
  if (rules.length > QUOTAS.rulesPerRuleset) {
    throw new ApiError('ruleset_quota', {
      message: `The quota of ${QUOTAS.rulesPerRuleset} rules of a ruleset is used up. Delete one first.`,
    });
  }
  if (JSON.stringify(rules).length > MAX_RULES_SIZE) {
    throw new ApiError('ruleset_quota', { message: 'The rules of a ruleset may have 1 MiB of JSON together.' });
  }
}
