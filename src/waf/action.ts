import type { RuleEntry, SslMode } from '../core/mod.ts';
import { type CompileOptions, compileValue, type ValueExpression } from '../rules/mod.ts';
import { CHALLENGES, type ChallengeAction } from './challenge.ts';
import { Parameters, UnusableRule } from './parameters.ts';
import type { RouteChange } from './verdict.ts';

/** A value that is there, or worked out for each request. */
export type Template = string | ValueExpression;

/** A change of a header field, before its value is known. */
export interface FieldRewrite {
  readonly operation: 'set' | 'add' | 'remove';
  readonly name: string;
  /** Null for `remove`. */
  readonly value: Template | null;
}

/** What `skip` skips (spec/waf.md 1.5), at its own level only. */
export interface SkipAction {
  readonly kind: 'skip';
  readonly currentRuleset: boolean;
  readonly currentPhase: boolean;
  readonly phases: readonly string[];
  readonly rulesets: readonly string[];
  /** `ruleset/rule`. */
  readonly rules: readonly string[];
  readonly products: readonly string[];
}

/** An answer with a body of its own, or the edge's page. */
export interface OwnResponse {
  readonly status: number;
  readonly contentType: string | null;
  readonly content: string | null;
}

/** What `execute` changes in the ruleset that it runs. */
export interface ExecuteAction {
  readonly kind: 'execute';
  readonly rulesetId: string;
  /** Null for as they are. */
  readonly enabled: boolean | null;
  readonly action: string | null;
  readonly rules: ReadonlyMap<string, { readonly enabled: boolean | null; readonly action: string | null }>;
}

/** Names, in lower case, of what a log line takes from a request and its response. */
export interface LogFieldsAction {
  readonly kind: 'log_custom_field';
  readonly request: readonly string[];
  readonly response: readonly string[];
  readonly cookies: readonly string[];
}

/** What a rule does, ready to be done. */
export type CompiledAction =
  | ({ readonly kind: 'block' } & OwnResponse)
  | { readonly kind: 'challenge'; readonly action: ChallengeAction }
  | { readonly kind: 'log' }
  | SkipAction
  | ExecuteAction
  | { readonly kind: 'redirect'; readonly status: number; readonly target: Template; readonly keepsQuery: boolean }
  | {
      readonly kind: 'rewrite';
      readonly path: Template | null;
      readonly query: Template | null;
      readonly fields: readonly FieldRewrite[];
    }
  | { readonly kind: 'route'; readonly change: RouteChange }
  | ({ readonly kind: 'serve_error' } & OwnResponse)
  | LogFieldsAction;

const PLAIN_BLOCK: CompiledAction = { kind: 'block', status: 403, contentType: null, content: null };
const SSL_MODES: readonly string[] = ['off', 'flexible', 'full', 'strict', 'origin_pull'] satisfies SslMode[];

/** Header fields that rules may not change: they frame messages, or the edge alone says them (spec/origin-pulls.md 4.1). */
const RESERVED =
  /^(?:connection|content-length|host|keep-alive|te|trailer|transfer-encoding|upgrade|expect|http2-settings|proxy-.*|cf-.*|x-cf-.*)$/i;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;

/** Makes a rule's action ready. Throws `UnusableRule` or `RuleError` for what the edge cannot do. */
export function compileAction(
  rule: Pick<RuleEntry, 'action' | 'actionParameters'>,
  options: CompileOptions,
): CompiledAction {
  const given = rule.actionParameters ?? {};
  switch (rule.action) {
    case 'block':
      return compileBlock(given, options);
    case 'managed_challenge':
    case 'js_challenge':
    case 'challenge':
      return { kind: 'challenge', action: rule.action };
    case 'log':
      return { kind: 'log' };
    case 'skip':
      return compileSkip(given);
    case 'execute':
      return compileExecute(given);
    case 'redirect':
      return compileRedirect(given, options);
    case 'rewrite':
      return compileRewrite(given, options);
    case 'set_config':
      return compileConfig(given);
    case 'route':
      return compileRoute(given);
    case 'serve_error':
      return compileServeError(given);
    case 'log_custom_field':
      return compileLogFields(given);
    default:
      throw new UnusableRule(`the action ${rule.action} is not supported`);
  }
}

/** Whether an action of this name may end a request for security's sake, so that an override may ask for it. */
function isOverridable(action: string): boolean {
  return action === 'block' || action === 'log' || (CHALLENGES as readonly string[]).includes(action);
}

function compileBlock(given: unknown, { phase }: CompileOptions): CompiledAction {
  const parameters = new Parameters('action_parameters', given, ['response']);
  const status = phase === 'http_ratelimit' ? 429 : 403;
  if (!parameters.has('response')) return { ...PLAIN_BLOCK, status } as CompiledAction;
  const response = parameters.object('response', ['status_code', 'content_type', 'content']);
  return {
    kind: 'block',
    status: response.has('status_code') ? response.number('status_code') : status,
    contentType: response.text('content_type'),
    content: response.text('content'),
  };
}

function compileSkip(given: unknown): SkipAction {
  const parameters = new Parameters('action_parameters', given, [
    'ruleset',
    'phase',
    'phases',
    'rulesets',
    'rules',
    'products',
  ]);
  return {
    kind: 'skip',
    currentRuleset: parameters.has('ruleset') && parameters.text('ruleset') === 'current',
    currentPhase: parameters.has('phase') && parameters.text('phase') === 'current',
    phases: parameters.texts('phases'),
    rulesets: parameters.texts('rulesets'),
    rules: parameters
      .entries('rules')
      .flatMap(([rulesetId, ids]) => (ids as readonly string[]).map((id) => `${rulesetId}/${id}`)),
    products: parameters.texts('products'),
  };
}

function compileExecute(given: unknown): ExecuteAction {
  const parameters = new Parameters('action_parameters', given, ['id', 'version', 'overrides']);
  const none = { kind: 'execute' as const, rulesetId: parameters.text('id'), enabled: null, action: null };
  if (!parameters.has('overrides')) return { ...none, rules: new Map() };
  const overrides = parameters.object('overrides', ['action', 'enabled', 'rules', 'categories']);
  if (overrides.list('categories', ['category', 'action', 'enabled']).length > 0)
    throw new UnusableRule('overrides by category need a managed ruleset');
  return {
    ...none,
    ...readOverride(overrides),
    rules: new Map(
      overrides.list('rules', ['id', 'action', 'enabled']).map((rule) => [rule.text('id'), readOverride(rule)]),
    ),
  };
}

function readOverride(parameters: Parameters): { readonly enabled: boolean | null; readonly action: string | null } {
  const action = parameters.has('action') ? parameters.text('action') : null;
  if (action !== null && !isOverridable(action)) throw new UnusableRule(`no rule can be overridden to ${action}`);
  return { enabled: parameters.has('enabled') ? parameters.flag('enabled') : null, action };
}

function compileRedirect(given: unknown, options: CompileOptions): CompiledAction {
  const value = new Parameters('action_parameters', given, ['from_value']).object('from_value', [
    'status_code',
    'target_url',
    'preserve_query_string',
  ]);
  return {
    kind: 'redirect',
    status: value.has('status_code') ? value.number('status_code') : 302,
    target: compileTemplate(value.object('target_url', ['value', 'expression']), options),
    keepsQuery: value.flag('preserve_query_string'),
  };
}

function compileRewrite(given: unknown, options: CompileOptions): CompiledAction {
  const parameters = new Parameters('action_parameters', given, ['uri', 'headers']);
  const uri = parameters.has('uri') ? parameters.object('uri', ['path', 'query']) : null;
  const part = (name: string) =>
    uri?.has(name) === true ? compileTemplate(uri.object(name, ['value', 'expression']), options) : null;
  const fields = parameters.entries('headers').map(([name, value]) => compileField(name, value, options));
  return { kind: 'rewrite', path: part('path'), query: part('query'), fields };
}

function compileField(name: string, given: unknown, options: CompileOptions): FieldRewrite {
  if (!FIELD_NAME.test(name) || RESERVED.test(name))
    throw new UnusableRule(`the header field ${name} may not be changed`);
  const parameters = new Parameters(`headers.${name}`, given, ['operation', 'value', 'expression']);
  const operation = parameters.text('operation');
  if (operation === 'remove') return { operation, name, value: null };
  if (operation !== 'set' && operation !== 'add') throw new UnusableRule(`headers.${name}.operation is ${operation}`);
  return { operation, name, value: compileTemplate(parameters, options) };
}

function compileTemplate(parameters: Parameters, options: CompileOptions): Template {
  return parameters.has('expression')
    ? compileValue(parameters.text('expression'), options, 'String')
    : parameters.text('value');
}

function compileConfig(given: unknown): CompiledAction {
  const parameters = new Parameters('action_parameters', given, ['ssl']);
  const ssl = parameters.text('ssl');
  if (!SSL_MODES.includes(ssl)) throw new UnusableRule(`action_parameters.ssl is ${ssl}`);
  return { kind: 'route', change: { ssl: ssl as SslMode } };
}

function compileRoute(given: unknown): CompiledAction {
  const parameters = new Parameters('action_parameters', given, ['host_header', 'sni', 'origin']);
  const origin = parameters.has('origin') ? parameters.object('origin', ['host', 'port']) : null;
  return {
    kind: 'route',
    change: {
      ...(parameters.has('host_header') ? { hostHeader: parameters.text('host_header') } : {}),
      ...(parameters.has('sni') ? { sni: parameters.object('sni', ['value']).text('value') } : {}),
      ...(origin?.has('host') === true ? { address: origin.text('host') } : {}),
      ...(origin?.has('port') === true ? { port: origin.number('port') } : {}),
    },
  };
}

function compileServeError(given: unknown): CompiledAction {
  const parameters = new Parameters('action_parameters', given, ['content', 'content_type', 'status_code']);
  return {
    kind: 'serve_error',
    // 0 keeps the status that the error has.
    status: parameters.has('status_code') ? parameters.number('status_code') : 0,
    contentType: parameters.has('content_type') ? parameters.text('content_type') : 'text/html',
    content: parameters.text('content'),
  };
}

function compileLogFields(given: unknown): LogFieldsAction {
  const kinds = [
    'request_fields',
    'transformed_request_fields',
    'response_fields',
    'raw_response_fields',
    'cookie_fields',
  ];
  const parameters = new Parameters('action_parameters', given, kinds);
  const names = (...lists: readonly string[]) =>
    lists.flatMap((list) => parameters.list(list, ['name', 'preserve_duplicates']).map((field) => field.text('name')));
  const lower = (all: readonly string[]) => [...new Set(all.map((name) => name.toLowerCase()))];
  return {
    kind: 'log_custom_field',
    request: lower(names('request_fields', 'transformed_request_fields')),
    response: lower(names('response_fields', 'raw_response_fields')),
    cookies: names('cookie_fields'),
  };
}
