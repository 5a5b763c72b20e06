import type { HeaderField } from '../rules/mod.ts';
import type { CompiledAction } from './action.ts';
import { cut } from './events.ts';
import { fieldOf, hasField } from './header-fields.ts';

/** What log lines of this request have besides the usual. */
export interface CustomFields {
  readonly RequestHeaders: Record<string, string>;
  readonly ResponseHeaders: Record<string, string>;
  readonly Cookies: Record<string, string>;
}

/** What the action takes of a request, and of its response where that is there, besides what was taken before. */
export function takeCustomFields(
  { request, response, cookies }: Extract<CompiledAction, { kind: 'log_custom_field' }>,
  headers: readonly HeaderField[],
  responseHeaders: readonly HeaderField[],
  before: CustomFields | null,
): CustomFields {
  const taken = before ?? { RequestHeaders: {}, ResponseHeaders: {}, Cookies: {} };
  for (const name of request) if (hasField(headers, name)) taken.RequestHeaders[name] = cut(fieldOf(headers, name));
  for (const name of response) {
    if (hasField(responseHeaders, name)) taken.ResponseHeaders[name] = cut(fieldOf(responseHeaders, name));
  }
  const sent = new Map(
    fieldOf(headers, 'cookie')
      .split(';')
      .map((part) => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1).trim()] as const),
  );
  for (const name of cookies) if (sent.has(name)) taken.Cookies[name] = cut(sent.get(name)!);
  return taken;
}
