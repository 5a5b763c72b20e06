/** Sets of phases that functions are limited to (spec/waf.md 1.3). */

import type { Phase } from '../phases.ts';

/** Transform rules: URL rewrites, and headers of requests and responses. */
export const TRANSFORMS: readonly Phase[] = [
  'http_request_transform',
  'http_request_late_transform',
  'http_response_headers_transform',
];

export const URL_REWRITES: readonly Phase[] = ['http_request_transform'];

export const HEADER_TRANSFORMS: readonly Phase[] = ['http_request_late_transform', 'http_response_headers_transform'];

export const RESPONSE_HEADERS: readonly Phase[] = ['http_response_headers_transform'];

export const CUSTOM_RULES: readonly Phase[] = ['http_request_firewall_custom'];

export const RATE_LIMITS: readonly Phase[] = ['http_ratelimit'];

export const CUSTOM_ERRORS: readonly Phase[] = ['http_custom_errors'];

export const REDIRECTS: readonly Phase[] = ['http_request_dynamic_redirect'];
