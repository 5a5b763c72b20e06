import type { PhaseName, RuleContext } from '../../src/waf/mod.ts';

/** A ruleset that sample rules name, and the one rule in it. */
export const SAMPLE_RULESET = 'a'.repeat(32);
export const SAMPLE_RULE = 'b'.repeat(32);

/** A rate limit that is as short as it can be. */
export const SAMPLE_LIMIT = { characteristics: ['cf.colo.id'], period: 60, requests_per_period: 10 };

/** Where sample rules stand. */
export function sampleContext(phase: PhaseName, more: Partial<RuleContext> = {}): RuleContext {
  return {
    phase,
    kind: 'zone',
    hasGeo: false,
    lists: (name) => (name === 'sample' ? { listKind: 'ip', items: [] } : undefined),
    rulesets: (id) => (id === SAMPLE_RULESET ? { kind: 'custom', phase, ruleIds: new Set([SAMPLE_RULE]) } : undefined),
    ...more,
  };
}

/** One whole action of each kind, where it belongs. */
export const RULE_SAMPLES: readonly [phase: PhaseName, action: string, parameters?: unknown, more?: object][] = [
  ['http_request_firewall_custom', 'block'],
  ['http_request_firewall_custom', 'block', {}],
  [
    'http_request_firewall_custom',
    'block',
    { response: { status_code: 418, content_type: 'text/plain', content: 'no' } },
  ],
  ['http_request_firewall_custom', 'managed_challenge'],
  ['http_request_firewall_custom', 'js_challenge', {}],
  ['http_request_firewall_custom', 'challenge'],
  ['http_request_firewall_custom', 'log', undefined, { logging: { enabled: false } }],
  ['http_request_firewall_custom', 'skip', { ruleset: 'current' }, { logging: { enabled: true } }],
  ['http_request_firewall_custom', 'skip', { ruleset: 'current', phases: ['http_ratelimit', 'http_request_sbfm'] }],
  ['http_request_firewall_custom', 'skip', { phase: 'current', products: ['waf', 'bic', 'uaBlock', 'zoneLockdown'] }],
  ['http_request_firewall_custom', 'skip', { rulesets: [SAMPLE_RULESET], rules: { [SAMPLE_RULESET]: [SAMPLE_RULE] } }],
  ['http_request_firewall_custom', 'execute', { id: SAMPLE_RULESET }],
  ['http_request_firewall_custom', 'execute', { id: SAMPLE_RULESET, overrides: { enabled: false, action: 'log' } }],
  ['http_ratelimit', 'block', undefined, { ratelimit: SAMPLE_LIMIT }],
  [
    'http_ratelimit',
    'log',
    undefined,
    { ratelimit: { ...SAMPLE_LIMIT, mitigation_timeout: 0, counting_expression: '' } },
  ],
  [
    'http_ratelimit',
    'managed_challenge',
    undefined,
    {
      ratelimit: {
        characteristics: ['cf.colo.id'],
        period: 3600,
        score_per_period: 1_000_000,
        score_response_header_name: 'X-Score',
        mitigation_timeout: 86_400,
        counting_expression: 'true',
        requests_to_origin: true,
      },
    },
  ],
  ['http_ratelimit', 'skip', { ruleset: 'current' }],
  ['http_request_firewall_managed', 'skip', { ruleset: 'current' }],
  ['http_request_dynamic_redirect', 'redirect', { from_value: { target_url: { value: 'https://a.example/x?y' } } }],
  [
    'http_request_dynamic_redirect',
    'redirect',
    { from_value: { target_url: { value: '/elsewhere' }, status_code: 308, preserve_query_string: true } },
  ],
  ['http_request_sanitize', 'rewrite', { uri: { path: { value: '/x' } } }],
  ['http_request_transform', 'rewrite', { uri: { path: { value: '/a%20b' }, query: { value: '' } } }],
  [
    'http_request_late_transform',
    'rewrite',
    { headers: { 'X-One': { operation: 'set', value: 'a b' }, 'x-two': { operation: 'remove' } } },
  ],
  ['http_response_headers_transform', 'rewrite', { headers: { 'Set-Cookie': { operation: 'add', value: 'a=b' } } }],
  ['http_request_origin', 'route', { host_header: 'a.example' }],
  ['http_request_origin', 'route', { sni: { value: 'a.example' }, origin: { host: '192.0.2.1', port: 8443 } }],
  ['http_config_settings', 'set_config', { ssl: 'strict' }],
  ['http_custom_errors', 'serve_error', { content: '<p>', content_type: 'text/html', status_code: 503 }],
  ['http_custom_errors', 'serve_error', { content: 'x' }],
  ['http_log_custom_fields', 'log_custom_field', { cookie_fields: [{ name: 'a' }], response_fields: [] }],
];

/** A copy in which one member, found by going `way` from member to member, is another value. */
export function replaced(whole: unknown, way: readonly number[], value: unknown): unknown {
  const [step, ...rest] = way;
  if (step === undefined || typeof whole !== 'object' || whole === null) return value;
  const keys = Object.keys(whole);
  if (keys.length === 0) return value;
  const key = keys[step % keys.length]!;
  const inner = replaced((whole as Record<string, unknown>)[key], rest, value);
  return Array.isArray(whole) ? whole.toSpliced(Number(key), 1, inner) : { ...whole, [key]: inner };
}
