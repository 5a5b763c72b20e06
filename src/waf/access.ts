import type { AccessRuleEntry, LockdownEntry, UserAgentRuleEntry } from '../core/mod.ts';
import { type CompileOptions, compileFilter, type Filter, type RuleList } from '../rules/mod.ts';
import { CHALLENGES, type ChallengeAction } from './challenge.ts';

/** One of the older kinds of rules, ready to run. */
export interface AccessRule {
  readonly id: string;
  readonly description: string;
  /** Of its events. */
  readonly source: string;
  readonly action: 'block' | 'whitelist' | ChallengeAction;
  readonly filter: Pick<Filter, 'matches'>;
}

/** Rules that a request rarely matches: `any` says whether one of them does. */
export interface AccessGroup {
  readonly any: Pick<Filter, 'matches'>;
  readonly rules: readonly AccessRule[];
}

const PHASE: CompileOptions = { phase: 'http_request_firewall_custom', lists: () => undefined, hasGeo: false };

/** A text as a literal of the Rules language. */
function literal(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Compiles an expression over one list, named `$items` in it. */
function overList(expression: string, items: readonly string[]): Filter {
  const list: RuleList = { listKind: 'ip', items };
  return compileFilter(expression, { ...PHASE, lists: (name) => (name === 'items' ? list : undefined) });
}

/** Which mode counts where several rules match: what allows, then what blocks, then the harder challenge. */
const MODES = ['whitelist', 'block', ...CHALLENGES.toReversed()] as const;

/** Makes IP access rules ready: in groups by mode, in the order in which they count (spec/origin-pulls.md 7.1). */
export function compileAccessRules(entries: readonly AccessRuleEntry[], hasGeo: boolean): readonly AccessGroup[] {
  const accessRule = (entry: AccessRuleEntry) => compileAccessRule(entry, { ...PHASE, hasGeo });
  return MODES.flatMap((mode) => {
    const ofMode = entries.filter((entry) => entry.mode === mode);
    const addresses = ofMode.filter(({ target }) => target === 'ip' || target === 'ip_range');
    const others = ofMode.filter(({ target }) => target === 'asn' || target === 'country').map(accessRule);
    const groups: AccessGroup[] = others.map((rule) => ({ any: rule.filter, rules: [rule] }));
    if (addresses.length > 0) {
      const any = overList(
        'ip.src in $items',
        addresses.map(({ value }) => value),
      );
      groups.push({ any, rules: addresses.map(accessRule) });
    }
    return groups;
  });
}

const SOURCES = { ip: 'ip', ip_range: 'ipRange', asn: 'asn', country: 'country' } as const;

function compileAccessRule({ id, mode, target, value }: AccessRuleEntry, options: CompileOptions): AccessRule {
  const filter =
    target === 'asn'
      ? compileFilter(`ip.src.asnum eq ${value.replace(/^AS/i, '')}`, options)
      : target === 'country'
        ? compileFilter(`ip.src.country eq ${literal(value)}`, options)
        : overList('ip.src in $items', [value]);
  return { id, description: `IP access rule for ${value}`, source: SOURCES[target], action: mode, filter };
}

/** Makes a zone lockdown ready: it matches whoever asks for one of its URLs and is not among its addresses. */
export function compileLockdown({ id, urls, addresses }: LockdownEntry): AccessRule {
  // With any query, and under both schemes: a URL that only looks different must not be open.
  const patterns = urls.flatMap((url) => {
    const plain = url.replace(/^https?:\/\//i, '').replace(/\*+/g, '*');
    return [`*://${plain}`, ...(plain.includes('?') ? [] : [`*://${plain}?*`])];
  });
  const locked = patterns.map((pattern) => compileFilter(`http.request.full_uri wildcard ${literal(pattern)}`, PHASE));
  const allowed = overList('ip.src in $items', addresses);
  const filter: AccessRule['filter'] = {
    matches: (view) => locked.some((pattern) => pattern.matches(view)) && !allowed.matches(view),
  };
  return { id, description: 'Zone lockdown', source: 'zoneLockdown', action: 'block', filter };
}

/** Makes a user-agent rule ready. */
export function compileUserAgentRule({ id, mode, userAgent }: UserAgentRuleEntry): AccessRule {
  const filter = compileFilter(`http.user_agent eq ${literal(userAgent)}`, PHASE);
  return { id, description: 'User agent rule', source: 'uaBlock', action: mode, filter };
}
