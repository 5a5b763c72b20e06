import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  sampleContext as context,
  SAMPLE_RULESET as ID,
  SAMPLE_LIMIT as limit,
  SAMPLE_RULE as RULE,
  RULE_SAMPLES,
} from '../../test/doubles/rule-samples.ts';
import { ApiError } from '../core/mod.ts';
import { checkRule, isPhase, PHASE_ORDER, PHASES, type PhaseName, type RuleContext } from './mod.ts';

function refusal(value: unknown, where: RuleContext): ApiError {
  try {
    checkRule(value, '/rules/3', where);
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return error;
  }
  assert.fail(`not refused: ${JSON.stringify(value)}`);
}

for (const [phase, action, action_parameters, more] of RULE_SAMPLES) {
  test(`${phase}: ${action} ${JSON.stringify(action_parameters ?? more ?? '')} is taken as it is`, () => {
    const rule = JSON.parse(
      JSON.stringify({ action, action_parameters, expression: 'true', description: 'd', ...more }),
    ) as object;
    const checked = JSON.parse(JSON.stringify(checkRule(rule, '', context(phase))));
    assert.deepEqual(checked, { ...rule, enabled: true });
  });
}

test('every action of every phase is tried above', () => {
  const tried = new Set(RULE_SAMPLES.map(([phase, action]) => `${phase} ${action}`));
  const missing = PHASE_ORDER.flatMap((phase) =>
    PHASES[phase].actions.filter((action) => action !== 'execute').map((action) => `${phase} ${action}`),
  ).filter((pair) => !tried.has(pair));
  // Those three are one action with three names.
  assert.deepEqual(
    missing.filter((pair) => !pair.endsWith('challenge')),
    [],
  );
});

const CUSTOM = 'http_request_firewall_custom';
const long = 'x'.repeat(30 * 1024 + 1);

/** What is wrong with one rule, and where. */
const BAD: readonly [phase: PhaseName, rule: object, pointer: string, message: RegExp][] = [
  [CUSTOM, {}, '/action', /missing: one of block/],
  [CUSTOM, { action: 'allow' }, '/action', /"allow" is no action of the phase/],
  [CUSTOM, { action: 'rewrite' }, '/action', /no action of the phase/],
  [CUSTOM, { action: 1 }, '/action', /one of/],
  [CUSTOM, { action: 'block', expression: undefined }, '/expression', /1 to 4096/],
  [CUSTOM, { action: 'block', expression: '' }, '/expression', /1 to 4096/],
  [CUSTOM, { action: 'block', expression: 'x'.repeat(4097) }, '/expression', /1 to 4096/],
  [CUSTOM, { action: 'block', expressions: 'true' }, '/expressions', /not supported/],
  [CUSTOM, { action: 'block', categories: ['x'] }, '/categories', /not supported/],
  [CUSTOM, { action: 'block', exposed_credential_check: {} }, '/exposed_credential_check', /not supported/],
  [CUSTOM, { action: 'block', enabled: 'yes' }, '/enabled', /true or false/],
  [CUSTOM, { action: 'block', ref: '' }, '/ref', /1 to 100/],
  [CUSTOM, { action: 'block', id: 'x' }, '/id', /32 hexadecimal/],
  [CUSTOM, { action: 'block', logging: { enabled: 1 } }, '/logging/enabled', /true or false/],
  [CUSTOM, { action: 'block', logging: {} }, '/logging/enabled', /true or false/],
  [
    CUSTOM,
    { action: 'execute', action_parameters: { id: ID }, logging: { enabled: true } },
    '/logging',
    /makes no events/,
  ],
  [
    'http_config_settings',
    { action: 'set_config', action_parameters: { ssl: 'full' }, logging: { enabled: true } },
    '/logging',
    /makes no events/,
  ],
  [CUSTOM, { action: 'block', ratelimit: limit }, '/ratelimit', /only the phase http_ratelimit/],
  [CUSTOM, { action: 'block', action_parameters: { id: ID } }, '/action_parameters/id', /only response/],
  [CUSTOM, { action: 'block', action_parameters: [] }, '/action_parameters', /an object/],
  [CUSTOM, { action: 'log', action_parameters: { x: 1 } }, '/action_parameters/x', /no members/],
  ...(
    [
      [{ status_code: 200 }, 'status_code', /400 to 499/],
      [{ status_code: 500 }, 'status_code', /400 to 499/],
      [{ status_code: '403' }, 'status_code', /400 to 499/],
      [{ content_type: 'image/png' }, 'content_type', /one of application\/json/],
      [{ content: '' }, 'content', /1 to 30720/],
      [{ content: long }, 'content', /1 to 30720/],
      [{ content: 'ä'.repeat(16 * 1024) }, 'content', /30720 bytes/],
      [{ header: 'x' }, 'header', /not supported/],
    ] as const
  ).map(
    ([wrong, member, message]) =>
      [
        CUSTOM,
        {
          action: 'block',
          action_parameters: {
            response: { status_code: 403, content_type: 'text/html', content: 'x', ...wrong },
          },
        },
        `/action_parameters/response/${member}`,
        message,
      ] as const satisfies (typeof BAD)[number],
  ),
  ...(
    [
      [undefined, '', /an object/],
      [{}, '', /must say what/],
      [{ ruleset: 'other' }, '/ruleset', /one of current/],
      [{ phases: ['http_request_transform'] }, '/phases/0', /one of http_ratelimit/],
      [{ phases: [] }, '/phases', /1 to 3/],
      [{ products: ['captcha'] }, '/products/0', /one of bic/],
      [{ rulesets: [RULE] }, '/rulesets/0', /no ruleset/],
      [{ rules: { [RULE]: [] } }, `/rules/${RULE}`, /no ruleset/],
      [{ rules: { [ID]: [ID] } }, `/rules/${ID}/0`, /no rule/],
      [{ ruleset: 'current', rulesets: [ID] }, '/rulesets', /together with ruleset/],
      [{ phases: ['http_ratelimit'], rulesets: [ID] }, '/rulesets', /together with phases/],
      [{ phase: 'current', ruleset: 'current' }, '/ruleset', /together with phase/],
      [{ ruleset: 'current', rules: { [ID]: [RULE] } }, '/rules', /together with ruleset/],
    ] as const
  ).map(
    ([action_parameters, member, message]) =>
      [CUSTOM, { action: 'skip', action_parameters }, `/action_parameters${member}`, message] as (typeof BAD)[number],
  ),
  ...(
    [
      [undefined, '', /missing/],
      [{ ...limit, characteristics: ['true'] }, '/characteristics/0', /./],
      [{ ...limit, characteristics: [] }, '/characteristics', /1 to 20/],
      [{ ...limit, characteristics: ['cf.colo.id', 'cf.colo.id'] }, '/characteristics/1', /twice/],
      [{ ...limit, characteristics: ['cf.colo.id', 'cf.unique_visitor_id'] }, '/characteristics/1', /no id/],
      [
        { ...limit, characteristics: ['cf.colo.id', 'http.request.headers["X-Key"]'] },
        '/characteristics/1',
        /lower case/,
      ],
      [{ ...limit, period: 61 }, '/period', /one of 10/],
      [{ ...limit, requests_per_period: 0 }, '/requests_per_period', /1 to/],
      [{ ...limit, requests_per_period: undefined }, '/requests_per_period', /missing/],
      [{ ...limit, mitigation_timeout: 86_401 }, '/mitigation_timeout', /0 to 86400/],
      [{ ...limit, requests_to_origin: 1 }, '/requests_to_origin', /true or false/],
      [{ ...limit, counting_expression: 'nonsense' }, '/counting_expression', /\^/],
      [{ ...limit, score_per_period: 5 }, '/score_per_period', /together/],
      [{ ...limit, score_response_header_name: 'x' }, '/score_per_period', /go together/],
      [{ ...limit, requests_per_period: undefined, score_per_period: 5 }, '/score_response_header_name', /go together/],
      [{ ...limit, window: 'sliding' }, '/window', /not supported/],
    ] as const
  ).map(
    ([ratelimit, member, message]) =>
      ['http_ratelimit', { action: 'block', ratelimit }, `/ratelimit${member}`, message] as (typeof BAD)[number],
  ),
  [
    'http_ratelimit',
    { action: 'skip', action_parameters: { ruleset: 'current' }, ratelimit: limit },
    '/ratelimit',
    /skip counts nothing/,
  ],
  ...(
    [
      [undefined, '', /an object/],
      [{ from_list: { name: 'x', key: 'y' } }, '/from_list', /not supported/],
      [{ from_value: {} }, '/from_value/target_url', /an object/],
      [{ from_value: { target_url: {} } }, '/from_value/target_url', /either value or expression/],
      [
        { from_value: { target_url: { value: '/a', expression: 'b' } } },
        '/from_value/target_url',
        /either value or expression/,
      ],
      [{ from_value: { target_url: { value: 'javascript:alert(1)' } } }, '/from_value/target_url/value', /http/],
      [{ from_value: { target_url: { value: '//evil.example' } } }, '/from_value/target_url/value', /http/],
      [{ from_value: { target_url: { value: 'https://a/\r\nX: y' } } }, '/from_value/target_url/value', /http/],
      [{ from_value: { target_url: { expression: '(' } } }, '/from_value/target_url/expression', /\^/],
      [{ from_value: { target_url: { value: '/' }, status_code: 304 } }, '/from_value/status_code', /one of 301/],
    ] as const
  ).map(
    ([action_parameters, member, message]) =>
      [
        'http_request_dynamic_redirect',
        { action: 'redirect', action_parameters },
        `/action_parameters${member}`,
        message,
      ] as (typeof BAD)[number],
  ),
  ...(
    [
      [{}, '/uri', /an object/],
      [{ uri: {} }, '/uri', /path or query/],
      [{ uri: { origin: true } }, '/uri/origin', /not supported/],
      [{ headers: {} }, '/headers', /only uri/],
      [{ uri: { path: { value: 'x' } } }, '/uri/path/value', /begins with \//],
      [{ uri: { path: { value: '/a?b' } } }, '/uri/path/value', /must be a path/],
      [{ uri: { path: { value: '/a b' } } }, '/uri/path/value', /must be a path/],
      [{ uri: { query: { value: 'a#b' } } }, '/uri/query/value', /must be a query/],
    ] as const
  ).map(
    ([action_parameters, member, message]) =>
      [
        'http_request_transform',
        { action: 'rewrite', action_parameters },
        `/action_parameters${member}`,
        message,
      ] as (typeof BAD)[number],
  ),
  ...(
    [
      [{ uri: {} }, '/uri', /only headers/],
      [{ headers: {} }, '/headers', /1 to 30/],
      [{ headers: { Host: { operation: 'set', value: 'x' } } }, '/headers/Host', /edge writes itself/],
      [{ headers: { 'content-length': { operation: 'remove' } } }, '/headers/content-length', /edge writes itself/],
      [{ headers: { 'CF-Ray': { operation: 'remove' } } }, '/headers/CF-Ray', /vouches/],
      [{ headers: { 'X-Forwarded-For': { operation: 'set', value: 'x' } } }, '/headers/X-Forwarded-For', /vouches/],
      [{ headers: { 'a b': { operation: 'remove' } } }, '/headers/a b', /name of a header/],
      [{ headers: { 'a/b': { operation: 'remove' } } }, '/headers/a~1b', /name of a header/],
      [{ headers: { a: { operation: 'append', value: 'x' } } }, '/headers/a/operation', /one of set/],
      [{ headers: { a: { operation: 'remove', value: 'x' } } }, '/headers/a/value', /only operation/],
      [{ headers: { a: { operation: 'set' } } }, '/headers/a', /either value or expression/],
      [{ headers: { a: { operation: 'set', value: 'a\r\nb: c' } } }, '/headers/a/value', /visible/],
      [{ headers: { a: { operation: 'remove' }, A: { operation: 'remove' } } }, '/headers/A', /twice/],
    ] as const
  ).map(
    ([action_parameters, member, message]) =>
      [
        'http_request_late_transform',
        { action: 'rewrite', action_parameters },
        `/action_parameters${member}`,
        message,
      ] as (typeof BAD)[number],
  ),
  [
    'http_response_headers_transform',
    { action: 'rewrite', action_parameters: { headers: { 'Content-Encoding': { operation: 'remove' } } } },
    '/action_parameters/headers/Content-Encoding',
    /edge writes itself/,
  ],
  ...(
    [
      [{}, '', /host_header, sni or origin/],
      [{ host_header: 'a b' }, '/host_header', /hostname/],
      [{ sni: 'a.example' }, '/sni', /an object/],
      [{ sni: { value: '192.0.2.1' } }, '/sni/value', /hostname/],
      [{ origin: {} }, '/origin', /host or port/],
      [{ origin: { host: 'a_b c' } }, '/origin/host', /hostname/],
      [{ origin: { port: 0 } }, '/origin/port', /1 to 65535/],
      [{ dns_record: 'x' }, '/dns_record', /not supported/],
    ] as const
  ).map(
    ([action_parameters, member, message]) =>
      [
        'http_request_origin',
        { action: 'route', action_parameters },
        `/action_parameters${member}`,
        message,
      ] as (typeof BAD)[number],
  ),
  ['http_config_settings', { action: 'set_config', action_parameters: {} }, '/action_parameters/ssl', /one of off/],
  [
    'http_config_settings',
    { action: 'set_config', action_parameters: { ssl: 'full', rocket_loader: true } },
    '/action_parameters/rocket_loader',
    /not supported: only ssl/,
  ],
  [
    'http_custom_errors',
    { action: 'serve_error', action_parameters: { asset_name: 'x' } },
    '/action_parameters/asset_name',
    /not supported/,
  ],
  [
    'http_log_custom_fields',
    { action: 'log_custom_field', action_parameters: { raw_response_fields: [{ name: 'x' }] } },
    '/action_parameters/raw_response_fields',
    /not supported: only cookie_fields/,
  ],
  [
    'http_log_custom_fields',
    { action: 'log_custom_field', action_parameters: { response_fields: [{ name: 'x', preserve_duplicates: true }] } },
    '/action_parameters/response_fields/0/preserve_duplicates',
    /not supported/,
  ],
];

for (const [phase, rule, pointer, message] of BAD) {
  test(`${phase}: ${JSON.stringify(rule).slice(0, 150)} is refused at ${pointer}`, () => {
    const error = refusal({ expression: 'true', ...rule }, context(phase));
    assert.equal(error.pointer, `/rules/3${pointer}`, error.message);
    assert.match(error.message, message);
    assert.equal(error.status, 400);
  });
}

test('a member that is null is one that is not given', () => {
  const nothing = { ref: null, description: null, ratelimit: null, action_parameters: null, categories: null };
  const checked = checkRule({ action: 'block', expression: 'true', ...nothing }, '', context(CUSTOM));
  assert.deepEqual(JSON.parse(JSON.stringify(checked)), { action: 'block', expression: 'true', enabled: true });
});

test('what is no object is no rule', () => {
  for (const value of [null, [], 'x', 1, true]) assert.equal(refusal(value, context(CUSTOM)).pointer, '/rules/3');
});

test('custom rulesets execute no other', () => {
  const rule = { action: 'execute', expression: 'true', action_parameters: { id: ID } };
  assert.match(refusal(rule, context(CUSTOM, { kind: 'custom' })).message, /cannot execute another/);
});

test('an expression that is none is shown with its line, its column and a caret', () => {
  const error = refusal({ action: 'block', expression: 'nonsense ==' }, context(CUSTOM));
  assert.deepEqual([error.kind, error.pointer], ['expression_invalid', '/rules/3/expression']);
  assert.match(error.message, /^rules\.3\.expression: 1:\d+: .+\n {2}nonsense ==\n {2} *\^+$/);
});

test('there are twelve phases, and no other names', () => {
  assert.equal(PHASE_ORDER.length, 12);
  for (const name of ['toString', '__proto__', 'http_request_cache_settings', 1, null]) assert.ok(!isPhase(name));
});
