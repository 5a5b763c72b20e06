import { type Action, PHASES, type Phase, type PhaseName } from './phases.ts';
import { readConfig } from './validate-config.ts';
import { readExecute } from './validate-execute.ts';
import { type ExpressionScope, readFilter } from './validate-expression.ts';
import { at, invalid, type JsonObject, readChoice, readFlag, readMembers, readText } from './validate-input.ts';
import { readLogFields } from './validate-log-fields.ts';
import { readRatelimit } from './validate-ratelimit.ts';
import { readRedirect } from './validate-redirect.ts';
import { readBlock, readServeError } from './validate-response.ts';
import { readHeaderRewrite, readUriRewrite } from './validate-rewrite.ts';
import { readRoute } from './validate-route.ts';
import { type KnownRulesets, readSkip } from './validate-skip.ts';

/** Where a rule stands, and what it may name. */
export interface RuleContext extends ExpressionScope {
  readonly kind: 'root' | 'zone' | 'custom';
  readonly rulesets: KnownRulesets;
}

/** A rule that the edge can honour, in the API's shape. What the client left out is left out. */
export interface CheckedRule {
  readonly id: string | undefined;
  readonly ref: string | undefined;
  readonly action: Action;
  readonly action_parameters: JsonObject | undefined;
  readonly expression: string;
  readonly description: string | undefined;
  readonly enabled: boolean;
  readonly ratelimit: JsonObject | undefined;
  readonly logging: { readonly enabled: boolean } | undefined;
}

/** What clients send back of what they were given: accepted, and decided by the server alone. */
const READ_ONLY = ['version', 'last_updated'];

const MEMBERS = [
  'id',
  'ref',
  'action',
  'action_parameters',
  'expression',
  'description',
  'enabled',
  'ratelimit',
  'logging',
];

/** Actions whose rule is about how often something happens, in the phase of rate limits. */
const LIMITING: readonly Action[] = ['block', 'challenge', 'js_challenge', 'managed_challenge', 'log'];

/**
 * Checks a rule as a client sent it (spec/waf.md 1.5, 1.6): all of it can be honoured, or it is refused with the pointer to what
 * cannot. Throws `rule_invalid` and `expression_invalid`.
 */
export function checkRule(value: unknown, pointer: string, context: RuleContext): CheckedRule {
  const rule = readMembers(value, pointer, [...MEMBERS, ...READ_ONLY]);
  const place = (member: string): string => at(pointer, member);
  const read = <T>(member: string, reader: (value: unknown, pointer: string) => T): T | undefined =>
    rule[member] === undefined ? undefined : reader(rule[member], place(member));
  const action = readAction(rule.action, place('action'), context);
  return {
    id: read('id', readId),
    ref: read('ref', (it, where) => readText(it, where, 1, 100)),
    action,
    action_parameters: readParameters(action, rule.action_parameters, place('action_parameters'), context),
    expression: readFilter(rule.expression, place('expression'), context),
    description: read('description', (it, where) => readText(it, where, 0, 1000)),
    enabled: read('enabled', readFlag) ?? true,
    ratelimit: readLimit(action, rule.ratelimit, place('ratelimit'), context),
    logging: read('logging', (it, where) => readLogging(action, it, where, context)),
  };
}

function readId(value: unknown, pointer: string): string {
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return value;
  throw invalid(pointer, 'must be an id of 32 hexadecimal digits.');
}

function readAction(value: unknown, pointer: string, { phase, kind }: RuleContext): Action {
  const { actions }: Phase = PHASES[phase];
  // Rulesets that run others are entry points: nothing can run in a circle.
  const allowed = kind === 'custom' ? actions.filter((action) => action !== 'execute') : actions;
  if (kind === 'custom' && value === 'execute') {
    throw invalid(pointer, 'a custom ruleset cannot execute another one.');
  }
  if (value === undefined) throw invalid(pointer, `is missing: one of ${allowed.join(', ')}.`);
  if (typeof value === 'string' && !allowed.includes(value as Action)) {
    throw invalid(
      pointer,
      `${JSON.stringify(value.slice(0, 50))} is no action of the phase ${phase}, which has ${allowed.join(', ')}.`,
    );
  }
  return readChoice(value, pointer, allowed as readonly Action[]);
}

function readParameters(action: Action, value: unknown, pointer: string, context: RuleContext): JsonObject | undefined {
  const { phase, rulesets } = context;
  switch (action) {
    case 'challenge':
    case 'js_challenge':
    case 'managed_challenge':
    case 'log':
      return value === undefined ? undefined : readMembers(value, pointer, []);
    case 'block':
      return value === undefined ? undefined : readBlock(value, pointer);
    case 'skip':
      return readSkip(value, pointer, phase, rulesets);
    case 'execute':
      return readExecute(value, pointer, phase, rulesets);
    case 'rewrite': {
      const { rewrites, side }: Phase = PHASES[phase];
      return rewrites === 'headers'
        ? readHeaderRewrite(value, pointer, context, side)
        : readUriRewrite(value, pointer, context);
    }
    case 'redirect':
      return readRedirect(value, pointer, context);
    case 'route':
      return readRoute(value, pointer);
    case 'set_config':
      return readConfig(value, pointer);
    case 'serve_error':
      return readServeError(value, pointer);
    case 'log_custom_field':
      return readLogFields(value, pointer);
  }
}

/** Events are made where something is held back, or let pass, for security's sake. */
function readLogging(
  action: Action,
  value: unknown,
  pointer: string,
  { phase }: RuleContext,
): { readonly enabled: boolean } {
  const { actions }: Phase = PHASES[phase];
  if (!actions.includes('skip') || action === 'execute') {
    throw invalid(pointer, `is not supported here: ${action} in the phase ${phase} makes no events.`);
  }
  const { enabled } = readMembers(value, pointer, ['enabled']);
  return { enabled: readFlag(enabled, at(pointer, 'enabled')) };
}

function readLimit(action: Action, value: unknown, pointer: string, context: RuleContext): JsonObject | undefined {
  const isLimit = context.phase === ('http_ratelimit' satisfies PhaseName) && LIMITING.includes(action);
  if (!isLimit) {
    if (value === undefined) return undefined;
    const why =
      context.phase === 'http_ratelimit'
        ? `the action ${action} counts nothing`
        : 'only the phase http_ratelimit counts requests';
    throw invalid(pointer, `is not supported here: ${why}.`);
  }
  if (value === undefined) throw invalid(pointer, 'is missing: say what is counted, and how much of it is too much.');
  return readRatelimit(value, pointer, context);
}
