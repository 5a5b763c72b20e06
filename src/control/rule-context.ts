import type { Database, Transaction } from '../store/mod.ts';
import type { ExpressionScope, KnownRuleset, PhaseName, RuleContext } from '../waf/mod.ts';
import type { Context } from './context.ts';
import type { RuleScopeId } from './rule-scope.ts';
import { rulesetsInUse } from './ruleset-rows.ts';

type Db = Context['store']['db'] | Transaction<Database>;

/** What expressions of an account's rules may name, as it stands. */
export async function expressionScope(
  { findPlace }: Context,
  db: Db,
  accountId: string,
): Promise<Omit<ExpressionScope, 'phase'>> {
  const rows = await db.selectFrom('lists').select(['name', 'kind']).where('account_id', '=', accountId).execute();
  // Whether an expression can be compiled does not depend on what is in a list.
  const lists = new Map(rows.map(({ name, kind }) => [name, { listKind: kind, items: [] }]));
  return { lists: (name) => lists.get(name), hasGeo: findPlace !== null };
}

/** Where a rule stands, and what it may name, as it stands. */
export async function ruleContext(
  context: Context,
  db: Db,
  scope: RuleScopeId,
  place: { readonly kind: RuleContext['kind']; readonly phase: PhaseName },
): Promise<RuleContext> {
  const ofAccount = await rulesetsInUse(db, { ...scope, zoneId: null });
  const usable =
    scope.zoneId === null
      ? ofAccount
      : [...ofAccount.filter(({ kind }) => kind === 'custom'), ...(await rulesetsInUse(db, scope))];
  const known = new Map<string, KnownRuleset>(
    usable.map(({ id, kind, phase, rules }) => [id, { kind, phase, ruleIds: new Set(rules.map((rule) => rule.id)) }]),
  );
  return {
    ...(await expressionScope(context, db, scope.accountId)),
    ...place,
    rulesets: (id) => known.get(id),
  };
}
