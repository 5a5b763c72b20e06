import { type CheckedRule, checkRule, invalid, type RuleContext } from '../waf/mod.ts';
import type { StoredRule } from './ruleset-rows.ts';

/** What new rules are made from. */
export interface RuleMaking {
  readonly context: RuleContext;
  /** The rules as they stand. */
  readonly before: readonly StoredRule[];
  /** A rule of an older version, as it was last. */
  readonly former: (id: string) => StoredRule | undefined;
  readonly newId: () => string;
  /** Microseconds since the epoch. */
  readonly now: number;
}

/**
 * The rules that take the place of those before: one with the id or the `ref` of an old one is that one, and has a new version
 * only where it differs (spec/origin-pulls.md 7.3). Throws `rule_invalid` and `expression_invalid`.
 */
export function nextRules(values: readonly unknown[], making: RuleMaking): StoredRule[] {
  const rules: StoredRule[] = [];
  for (const [index, value] of values.entries()) {
    const pointer = `/rules/${index}`;
    const checked = checkRule(value, pointer, making.context);
    const rule = toStored(checked, knownRule(checked, pointer, making), making);
    checkDistinct(rule, pointer, rules);
    rules.push(rule);
  }
  return rules;
}

/** One rule as a client sent it, new or in the place of `known`. Throws as `nextRules`. */
export function nextRule(value: unknown, known: StoredRule | undefined, making: RuleMaking): StoredRule {
  const checked = checkRule(value, '', making.context);
  if (checked.id !== undefined && checked.id !== known?.id) {
    throw invalid('/id', 'ids are given by the server, and stay as they are.');
  }
  const rule = toStored(checked, known, making);
  checkDistinct(
    rule,
    '',
    making.before.filter(({ id }) => id !== known?.id),
  );
  return rule;
}

function knownRule({ id, ref }: CheckedRule, pointer: string, { before, former }: RuleMaking): StoredRule | undefined {
  if (id === undefined) return before.find((rule) => rule.ref === ref);
  const known = before.find((rule) => rule.id === id) ?? former(id);
  if (known === undefined) {
    throw invalid(`${pointer}/id`, 'there is no rule with this id: leave it out for a new one.');
  }
  return known;
}

function toStored(checked: CheckedRule, known: StoredRule | undefined, { newId, now }: RuleMaking): StoredRule {
  const id = known?.id ?? newId();
  const rule = { ...checked, id, ref: checked.ref ?? known?.ref ?? id };
  if (known === undefined) return { ...rule, version: 1, last_updated: now };
  const same = { ...rule, version: known.version, last_updated: known.last_updated };
  return stable(same) === stable(known) ? known : { ...rule, version: known.version + 1, last_updated: now };
}

function checkDistinct(rule: StoredRule, pointer: string, others: readonly StoredRule[]): void {
  if (others.some(({ id }) => id === rule.id)) throw invalid(`${pointer}/id`, 'another rule has this id already.');
  if (others.some(({ ref }) => ref === rule.ref)) throw invalid(`${pointer}/ref`, 'another rule has this ref already.');
}

/** JSON with members in the order of their names. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
