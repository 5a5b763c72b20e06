import { QUOTAS } from '../core/mod.ts';
import { at, readArray, readChoice, readMembers, readText } from './validate-input.ts';

/** What a client says of a ruleset; undefined where it says nothing. */
export interface RulesetInput {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly kind: 'managed' | 'custom' | 'root' | 'zone' | undefined;
  readonly phase: string | undefined;
  readonly rules: readonly unknown[] | undefined;
}

/** What clients send back of what they were given. */
const READ_ONLY = ['id', 'version', 'last_updated', 'source'];

/** Reads a ruleset but for its rules (spec/origin-pulls.md 7.3). Throws `rule_invalid`. */
export function readRuleset(body: unknown): RulesetInput {
  const ruleset = readMembers(body, '', ['name', 'description', 'kind', 'phase', 'rules', ...READ_ONLY]);
  const read = <T>(member: string, reader: (value: unknown, pointer: string) => T): T | undefined =>
    ruleset[member] === undefined ? undefined : reader(ruleset[member], at('', member));
  return {
    name: read('name', (value, where) => readText(value, where, 1, 255)),
    description: read('description', (value, where) => readText(value, where, 0, 1000)),
    kind: read('kind', (value, where) => readChoice(value, where, ['managed', 'custom', 'root', 'zone'])),
    phase: read('phase', (value, where) => readText(value, where, 1, 100)),
    rules: read('rules', (value, where) =>
      readArray(value, where, [0, QUOTAS.rulesPerRuleset], (rule: unknown) => rule),
    ),
  };
}
