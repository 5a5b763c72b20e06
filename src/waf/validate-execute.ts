import { type Action, PHASES, type PhaseName } from './phases.ts';
import { at, given, invalid, type JsonObject, readArray, readChoice, readFlag, readMembers } from './validate-input.ts';
import type { KnownRuleset, KnownRulesets } from './validate-skip.ts';

/** Actions that do without parameters: a rule can be made to take one of them instead of its own. */
const PLAIN: readonly Action[] = ['block', 'challenge', 'js_challenge', 'managed_challenge', 'log'];

/** Parameters of `execute` (spec/waf.md 1.5): a custom ruleset of the account, of the same phase. */
export function readExecute(value: unknown, pointer: string, phase: PhaseName, rulesets: KnownRulesets): JsonObject {
  const { id, overrides } = readMembers(value, pointer, ['id', 'overrides']);
  const where = at(pointer, 'id');
  if (typeof id !== 'string') throw invalid(where, 'must be the id of a custom ruleset.');
  const target = rulesets(id);
  if (target === undefined) {
    throw invalid(where, 'there is no custom ruleset with this id in the account. Managed rulesets are not available.');
  }
  if (target.kind !== 'custom')
    throw invalid(where, `only a custom ruleset can be executed, and this is one of kind ${target.kind}.`);
  if (target.phase !== phase)
    throw invalid(where, `that ruleset is for the phase ${target.phase}, and this rule is in ${phase}.`);
  return given({
    id,
    overrides: overrides === undefined ? undefined : readOverrides(overrides, at(pointer, 'overrides'), phase, target),
  });
}

/** Own rules have no categories, scores or sensitivity: overrides by them are refused. */
function readOverrides(value: unknown, pointer: string, phase: PhaseName, target: KnownRuleset): JsonObject {
  const members = readMembers(value, pointer, ['action', 'enabled', 'rules']);
  const actions = PLAIN.filter((action) => (PHASES[phase].actions as readonly Action[]).includes(action));
  const common = (from: JsonObject, place: string): JsonObject =>
    given({
      action: from.action === undefined ? undefined : readOverridingAction(from.action, at(place, 'action'), actions),
      enabled: from.enabled === undefined ? undefined : readFlag(from.enabled, at(place, 'enabled')),
    });
  const readRule = (rule: unknown, place: string): JsonObject => {
    const one = readMembers(rule, place, ['id', 'action', 'enabled']);
    if (typeof one.id !== 'string' || !target.ruleIds.has(one.id)) {
      throw invalid(at(place, 'id'), 'there is no rule with this id in that ruleset.');
    }
    return { id: one.id, ...common(one, place) };
  };
  const { rules } = members;
  return {
    ...common(members, pointer),
    ...given({ rules: rules === undefined ? undefined : readArray(rules, at(pointer, 'rules'), [1, 1000], readRule) }),
  };
}

function readOverridingAction(value: unknown, pointer: string, actions: readonly Action[]): Action {
  if (actions.length === 0) throw invalid(pointer, 'rules of this phase have no other action to take.');
  return readChoice(value, pointer, actions);
}
