import type { ListEntry, RulesetEntry } from '../core/mod.ts';
import { type CompileOptions, compileFilter, type Filter, type RuleSet, ruleSet } from '../rules/mod.ts';
import { type CompiledAction, compileAction } from './action.ts';
import { UnusableRule } from './parameters.ts';
import { PHASES, type PhaseName } from './phases.ts';
import { compileRateLimit, type RateLimit } from './rate-limit.ts';

/** A rule, ready to run. */
export interface CompiledRule {
  readonly id: string;
  readonly ref: string;
  readonly description: string;
  readonly rulesetId: string;
  /** By its name in the API. */
  readonly actionName: string;
  readonly action: CompiledAction;
  readonly filter: Filter;
  readonly enabled: boolean;
  /** Whether a match makes an event. */
  readonly logs: boolean;
  readonly rateLimit: RateLimit | null;
}

/** A ruleset, ready to run. */
export interface CompiledRuleset {
  readonly id: string;
  readonly phase: PhaseName;
  readonly scope: 'account' | 'zone';
  readonly rules: readonly CompiledRule[];
  /** Finds the rules that have something to do with a request. Rate limits always have: they may count what they do not match. */
  readonly set: RuleSet;
  /** Names of the lists that its expressions use. */
  readonly lists: ReadonlySet<string>;
  readonly needsBody: boolean;
}

/** Finds what rules name. */
export interface RulesetNames {
  list(name: string): ListEntry | undefined;
  /** Whether there is a database that says where a visitor is. */
  readonly hasGeo: boolean;
}

/** Makes a ruleset ready. Throws where a rule that is on cannot be carried out: to leave it out would open a door. */
export function compileRuleset(ruleset: RulesetEntry, names: RulesetNames): CompiledRuleset {
  const { phase } = ruleset;
  if (!Object.hasOwn(PHASES, phase)) throw new UnusableRule(`ruleset ${ruleset.id}: there is no phase ${phase}`);
  const options: CompileOptions = {
    phase: phase as PhaseName,
    lists: (name) => names.list(name),
    hasGeo: names.hasGeo,
  };
  const rules: CompiledRule[] = [];
  const lists = new Set<string>();
  let needsBody = false;
  for (const rule of ruleset.rules) {
    // One that is off stays, for an override may switch it on.
    if (!rule.enabled && ruleset.rulesetKind !== 'custom') continue;
    try {
      const filter = compileFilter(rule.expression, options);
      const rateLimit = rule.ratelimit === null ? null : compileRateLimit(rule, options);
      const action = compileAction(rule, options);
      for (const uses of [filter, rateLimit?.counting, ...(rateLimit?.characteristics ?? []), ...templates(action)]) {
        if (uses === null || uses === undefined) continue;
        for (const list of uses.lists) lists.add(list);
        needsBody ||= uses.needsBody;
      }
      rules.push({
        id: rule.id,
        ref: rule.ref,
        description: rule.description,
        rulesetId: ruleset.id,
        actionName: rule.action,
        action,
        filter,
        enabled: rule.enabled,
        logs: rule.logging ?? true,
        rateLimit,
      });
    } catch (error) {
      throw new UnusableRule(`ruleset ${ruleset.id}, rule ${rule.id}: ${(error as Error).message}`, { cause: error });
    }
  }
  const always = compileFilter('true', options);
  const set = ruleSet(rules.map(({ filter, rateLimit }) => (rateLimit === null ? filter : always)));
  return { id: ruleset.id, phase: phase as PhaseName, scope: ruleset.scope, rules, set, lists, needsBody };
}

function templates(action: CompiledAction) {
  const values =
    action.kind === 'redirect'
      ? [action.target]
      : action.kind === 'rewrite'
        ? [action.path, action.query, ...action.fields.map(({ value }) => value)]
        : [];
  return values.filter((value) => typeof value === 'object' && value !== null);
}
