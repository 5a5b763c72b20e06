import type { RuleEntry, RulesetEntry } from '../../src/core/mod.ts';
import { ZONE_ID } from './edge.ts';

/** A rule as the snapshot has it. */
export function rule(
  id: string,
  expression: string,
  action: string,
  actionParameters: RuleEntry['actionParameters'] = null,
  more: Partial<RuleEntry> = {},
): RuleEntry {
  return {
    id,
    ref: id,
    version: '1',
    action,
    actionParameters,
    expression,
    description: `rule ${id}`,
    enabled: true,
    ratelimit: null,
    logging: null,
    ...more,
  };
}

/** The entry point of a phase, of the test edge's zone unless something else is said. */
export function ruleset(phase: string, rules: readonly RuleEntry[], more: Partial<RulesetEntry> = {}): RulesetEntry {
  const { scope = 'zone' } = more;
  return {
    kind: 'ruleset',
    id: `${scope} ${phase}`,
    rulesetKind: scope === 'zone' ? 'zone' : 'root',
    name: phase,
    phase,
    version: '1',
    scope,
    scopeId: scope === 'zone' ? ZONE_ID : 'acc',
    rules,
    ...more,
  };
}

/** The entry point of the custom rules of the test edge's zone. */
export function customRules(...rules: readonly RuleEntry[]): RulesetEntry {
  return ruleset('http_request_firewall_custom', rules);
}
