import { type PhaseName, SKIPPABLE_PHASES, SKIPPABLE_PRODUCTS } from './phases.ts';
import {
  at,
  given,
  invalid,
  type JsonObject,
  readArray,
  readChoice,
  readMembers,
  readObject,
} from './validate-input.ts';

/** A ruleset that a rule may name. */
export interface KnownRuleset {
  readonly kind: 'root' | 'zone' | 'custom';
  readonly phase: string;
  readonly ruleIds: ReadonlySet<string>;
}

/** The rulesets that a rule may name, by id. */
export type KnownRulesets = (id: string) => KnownRuleset | undefined;

/** What cannot stand beside what (types of the official SDK). */
const CONFLICTS: readonly (readonly [string, string])[] = [
  ['phase', 'phases'],
  ['phase', 'ruleset'],
  ['phase', 'rulesets'],
  ['phase', 'rules'],
  ['phases', 'rulesets'],
  ['ruleset', 'rulesets'],
  ['ruleset', 'rules'],
];

/** Parameters of `skip` (spec/waf.md 1.5). */
export function readSkip(value: unknown, pointer: string, phase: PhaseName, rulesets: KnownRulesets): JsonObject {
  const parameters = readMembers(value, pointer, ['ruleset', 'phase', 'phases', 'products', 'rulesets', 'rules']);
  const read = <T>(member: string, reader: (value: unknown, pointer: string) => T): T | undefined =>
    parameters[member] === undefined ? undefined : reader(parameters[member], at(pointer, member));
  for (const [one, other] of CONFLICTS) {
    if (parameters[one] !== undefined && parameters[other] !== undefined) {
      throw invalid(at(pointer, other), `cannot be given together with ${one}.`);
    }
  }
  const ruleset = (id: unknown, where: string): string => {
    if (typeof id !== 'string' || rulesets(id) === undefined) throw invalid(where, 'there is no ruleset with this id.');
    return id;
  };
  const result = given({
    ruleset: read('ruleset', (it, where) => readChoice(it, where, ['current'])),
    phase: read('phase', (it, where) => readChoice(it, where, ['current'])),
    phases: read('phases', (it, where) =>
      readArray(it, where, [1, SKIPPABLE_PHASES.length], (one, place) => readChoice(one, place, SKIPPABLE_PHASES)),
    ),
    products: read('products', (it, where) =>
      readArray(it, where, [1, SKIPPABLE_PRODUCTS.length], (one, place) => readChoice(one, place, SKIPPABLE_PRODUCTS)),
    ),
    rulesets: read('rulesets', (it, where) => readArray(it, where, [1, 100], ruleset)),
    rules: read('rules', (it, where) => readSkippedRules(it, where, rulesets)),
  });
  if (Object.keys(result).length === 0) {
    throw invalid(
      pointer,
      `must say what a request of the phase ${phase} skips: ruleset, phase, phases, products, rulesets or rules.`,
    );
  }
  return result;
}

function readSkippedRules(value: unknown, pointer: string, rulesets: KnownRulesets): JsonObject {
  return Object.fromEntries(
    Object.entries(readObject(value, pointer)).map(([id, rules]) => {
      const where = at(pointer, id);
      const ruleset = rulesets(id);
      if (ruleset === undefined) throw invalid(where, 'there is no ruleset with this id.');
      return [
        id,
        readArray(rules, where, [1, 1000], (rule, place) => {
          if (typeof rule !== 'string' || !ruleset.ruleIds.has(rule))
            throw invalid(place, 'there is no rule with this id in that ruleset.');
          return rule;
        }),
      ];
    }),
  );
}
