/** What a rule may do (spec/origin-pulls.md 7.2). */
export type Action =
  | 'block'
  | 'challenge'
  | 'js_challenge'
  | 'managed_challenge'
  | 'log'
  | 'skip'
  | 'execute'
  | 'rewrite'
  | 'redirect'
  | 'route'
  | 'set_config'
  | 'serve_error'
  | 'log_custom_field';

/** One station of a request or of its response (spec/origin-pulls.md 7.1). */
export interface Phase {
  /** Before the origin is asked, or once there is a response. */
  readonly side: 'request' | 'response';
  /** What its rules may do. */
  readonly actions: readonly Action[];
  /** What a `rewrite` of this phase changes; null where there is none. */
  readonly rewrites: 'uri' | 'headers' | null;
}

const MITIGATIONS = ['block', 'challenge', 'js_challenge', 'managed_challenge', 'log'] as const;

/** Every phase that the edge runs, in the order in which it runs them: each at account level, then at zone level. */
export const PHASES = {
  http_request_dynamic_redirect: { side: 'request', actions: ['redirect', 'execute'], rewrites: null },
  http_request_sanitize: { side: 'request', actions: ['rewrite', 'execute'], rewrites: 'uri' },
  http_request_transform: { side: 'request', actions: ['rewrite', 'execute'], rewrites: 'uri' },
  http_config_settings: { side: 'request', actions: ['set_config', 'execute'], rewrites: null },
  http_request_origin: { side: 'request', actions: ['route', 'execute'], rewrites: null },
  http_request_firewall_custom: { side: 'request', actions: [...MITIGATIONS, 'skip', 'execute'], rewrites: null },
  http_ratelimit: { side: 'request', actions: [...MITIGATIONS, 'skip', 'execute'], rewrites: null },
  http_request_firewall_managed: { side: 'request', actions: ['skip', 'execute'], rewrites: null },
  http_request_late_transform: { side: 'request', actions: ['rewrite', 'execute'], rewrites: 'headers' },
  http_custom_errors: { side: 'response', actions: ['serve_error', 'execute'], rewrites: null },
  http_response_headers_transform: { side: 'response', actions: ['rewrite', 'execute'], rewrites: 'headers' },
  http_log_custom_fields: { side: 'response', actions: ['log_custom_field', 'execute'], rewrites: null },
} as const satisfies Readonly<Record<string, Phase>>;

/** A key of `PHASES`. */
export type PhaseName = keyof typeof PHASES;

/** Whether the edge runs a phase of this name. */
export function isPhase(name: unknown): name is PhaseName {
  return typeof name === 'string' && Object.hasOwn(PHASES, name);
}

/** The phases in the order in which they run. */
export const PHASE_ORDER: readonly PhaseName[] = Object.keys(PHASES) as PhaseName[];

/** Phases that a `skip` rule may name (spec/origin-pulls.md 7.2). Bots have no phase here: there is nothing left to skip. */
export const SKIPPABLE_PHASES = ['http_ratelimit', 'http_request_sbfm', 'http_request_firewall_managed'] as const;

/** Products outside the phases that a `skip` rule may name (spec/origin-pulls.md 7.2). */
export const SKIPPABLE_PRODUCTS = [
  'bic',
  'hot',
  'rateLimit',
  'securityLevel',
  'uaBlock',
  'waf',
  'zoneLockdown',
] as const;
