/** Fields of the response's head, and of what it took (spec/waf.md 1.4). */

import type { Phase } from '../phases.ts';
import { integer, pairs, string } from './define.ts';
import type { Field } from './field.ts';

const RESPONSE = { need: 'response' } as const;
const ERROR_PHASES: readonly Phase[] = ['http_response_headers_transform', 'http_custom_errors'];
const ERRORS = { need: 'response', phases: ERROR_PHASES } as const;

export const RESPONSE_FIELDS: readonly Field[] = [
  integer('http.response.code', ({ response }) => response?.status, RESPONSE),
  ...pairs('http.response.headers', (view) => view.responseHeaders ?? undefined, RESPONSE),
  ...pairs('raw.http.response.headers', (view) => view.rawResponseHeaders ?? undefined, RESPONSE),
  string(
    'http.response.content_type.media_type',
    (view) => {
      const value = view.responseHeaders?.map.get('content-type')?.[0];
      return value?.replace(/;.*/s, '').trim().toLowerCase();
    },
    RESPONSE,
  ),
  integer('cf.response.1xxx_code', ({ response }) => response?.errorCode, ERRORS),
  string('cf.response.error_type', ({ response }) => response?.errorType, ERRORS),
  integer('cf.timings.edge_msec', ({ facts }) => Math.round(facts.timings.edge), RESPONSE),
  integer('cf.timings.origin_ttfb_msec', ({ facts }) => Math.round(facts.timings.originFirstByte), RESPONSE),
];
