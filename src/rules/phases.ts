/** The phases whose rules have expressions (spec/waf.md 1.5). */
export const PHASES = [
  'http_request_sanitize',
  'http_request_dynamic_redirect',
  'http_request_transform',
  'http_config_settings',
  'http_request_origin',
  'http_request_firewall_custom',
  'http_ratelimit',
  'http_request_firewall_managed',
  'http_request_sbfm',
  'http_request_redirect',
  'http_request_late_transform',
  'http_request_cache_settings',
  'http_custom_errors',
  'http_response_headers_transform',
  'http_response_compression',
  'http_response_firewall_managed',
  'http_log_custom_fields',
] as const;

export type Phase = (typeof PHASES)[number];

/** What is known when an expression is evaluated: the request alone, or the response's head too. */
export type Stage = 'request' | 'response';

const RESPONSE_PHASES: ReadonlySet<Phase> = new Set([
  'http_custom_errors',
  'http_response_headers_transform',
  'http_response_compression',
  'http_response_firewall_managed',
  'http_log_custom_fields',
]);

/** What is known in a phase. A counting expression of `http_ratelimit` may say `response` itself. */
export function stageOf(phase: Phase): Stage {
  return RESPONSE_PHASES.has(phase) ? 'response' : 'request';
}
