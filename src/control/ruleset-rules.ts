import { ApiError } from '../core/mod.ts';
import { readObject, rulePosition } from '../waf/mod.ts';
import type { Context } from './context.ts';
import { nextRule, type RuleMaking } from './next-rules.ts';
import { carryOut, makingOf, type Plan, type RulesetChange } from './ruleset-change.ts';
import { findRuleset, type Ruleset, rulesetAt, type StoredRule } from './ruleset-rows.ts';

/** Adds a rule, at the end or where `position` says. Null for a dry run. Throws `ruleset_not_found` and as `createRuleset`. */
export async function addRule(
  context: Context,
  change: RulesetChange,
  id: string,
  body: unknown,
): Promise<Ruleset | null> {
  return await changeRules(context, change, 'rule.create', id, ({ rules }, making) => {
    const { position, rest } = splitPosition(body);
    const rule = nextRule(rest, undefined, making);
    const index = rulePosition(
      position,
      '/position',
      rules.map((other) => other.id),
    );
    return { ruleId: rule.id, rules: rules.toSpliced(index, 0, rule) };
  });
}

/**
 * Changes a rule, moves it, or both. A body with action and expression is the whole rule; of a shorter one the members that it has
 * are changed. Null for a dry run. Throws `rule_not_found` and as `addRule`.
 */
export async function editRule(
  context: Context,
  change: RulesetChange,
  id: string,
  ruleId: string,
  body: unknown,
): Promise<Ruleset | null> {
  return await changeRules(context, change, 'rule.update', id, ({ rules }, making) => {
    const from = indexOfRule(rules, ruleId);
    const known = rules[from]!;
    const { position, rest } = splitPosition(body);
    const isWhole = 'action' in rest && 'expression' in rest;
    const rule = nextRule(isWhole ? rest : { ...known, ...rest }, known, making);
    const others = rules.toSpliced(from, 1);
    const ids = others.map((other) => other.id);
    const to = position === undefined ? from : rulePosition(position, '/position', ids);
    return { ruleId, rules: others.toSpliced(to, 0, rule) };
  });
}

/** Removes a rule. Null for a dry run. Throws `ruleset_not_found` and `rule_not_found`. */
export async function deleteRule(
  context: Context,
  change: RulesetChange,
  id: string,
  ruleId: string,
): Promise<Ruleset | null> {
  return await changeRules(context, change, 'rule.delete', id, ({ rules }) => ({
    ruleId,
    rules: rules.toSpliced(indexOfRule(rules, ruleId), 1),
  }));
}

/** A change of the rules of one ruleset, from those that it has at that moment: no change is lost to another. */
function changeRules(
  context: Context,
  change: RulesetChange,
  action: string,
  id: string,
  next: (ruleset: Ruleset, making: RuleMaking) => Pick<Plan, 'ruleId' | 'rules'>,
): Promise<Ruleset | null> {
  return carryOut(context, change, action, async (trx) => {
    const row = await findRuleset(trx, change.scope, id);
    const ruleset = await rulesetAt(trx, row);
    const making = await makingOf(context, trx, change.scope, row, ruleset.rules);
    return { row, name: ruleset.name, description: ruleset.description, ...next(ruleset, making) };
  });
}

function indexOfRule(rules: readonly StoredRule[], id: string): number {
  const index = rules.findIndex((rule) => rule.id === id);
  if (index < 0) throw new ApiError('rule_not_found');
  return index;
}

function splitPosition(body: unknown): {
  readonly position: unknown;
  readonly rest: Readonly<Record<string, unknown>>;
} {
  const { position, ...rest } = readObject(body, '');
  return { position, rest };
}
