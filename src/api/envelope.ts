import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { API_WARNINGS, type ApiError, type ApiWarningName, formatSeconds } from '../core/mod.ts';
import type { CursorInfo } from './cursor.ts';
import type { Call } from './types.ts';

/** Paging facts of a list, all five always (spec/api.md 3). */
export interface ResultInfo {
  readonly page: number;
  readonly per_page: number;
  readonly count: number;
  readonly total_count: number;
  readonly total_pages: number;
}

/** One member of `messages`. */
export interface Message {
  readonly code: number;
  readonly message: string;
  readonly type: null;
}

/** A warning as a member of `messages`. */
export function toMessage(name: ApiWarningName): Message {
  return { ...API_WARNINGS[name], type: null };
}

/** The success envelope. */
export function success(
  call: Call,
  result: unknown,
  info?: ResultInfo | CursorInfo,
  messages: readonly Message[] = [],
): Response {
  return call.json({
    result,
    success: true,
    errors: [],
    messages,
    ...(info === undefined ? {} : { result_info: info }),
  });
}

/** The failure envelope. The AOP service leaves `result` out (spec/origin-pulls.md 1.7); elsewhere it is null. */
export function failure(call: Call, error: ApiError): Response {
  const errors = [
    {
      code: error.code,
      message: error.message,
      ...(error.pointer === undefined ? {} : { source: { pointer: error.pointer } }),
      ...(error.chain.length === 0 ? {} : { error_chain: error.chain }),
    },
  ];
  // An unroutable path is told in two codes, side by side.
  if (error.kind === 'no_route' || error.kind === 'zone_not_found')
    errors.push({ code: 7000, message: 'No route for that URI' });
  // The rest of an oversize body is not read: the connection cannot carry another request.
  if (error.kind === 'body_too_large') call.header('Connection', 'close');
  const body = { success: false, errors, messages: [] };
  const isAop = call.req.path.includes('/origin_tls_client_auth');
  return call.json(isAop ? body : { ...body, result: null }, error.status as ContentfulStatusCode);
}

/** RFC 3339 with up to microseconds, trailing zeros dropped (spec/origin-pulls.md 1.3). */
export function formatMicroseconds(microseconds: number): string {
  const seconds = formatSeconds(microseconds / 1000);
  const fraction = String(microseconds % 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return fraction === '' ? seconds : `${seconds.slice(0, -1)}.${fraction}Z`;
}
