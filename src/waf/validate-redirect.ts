import type { ExpressionScope } from './validate-expression.ts';
import { at, given, invalid, type JsonObject, readChoice, readFlag, readMembers, readText } from './validate-input.ts';
import { readValue } from './validate-rewrite.ts';

/** Parameters of `redirect`: by value or expression. Redirect lists are not kept here. */
export function readRedirect(value: unknown, pointer: string, scope: ExpressionScope): JsonObject {
  const { from_value } = readMembers(value, pointer, ['from_value']);
  const where = at(pointer, 'from_value');
  const members = readMembers(from_value, where, ['target_url', 'status_code', 'preserve_query_string']);
  const { status_code: status, preserve_query_string: keep } = members;
  return {
    from_value: given({
      target_url: readValue(members.target_url, at(where, 'target_url'), scope, readUrl),
      status_code:
        status === undefined ? undefined : readChoice(status, at(where, 'status_code'), [301, 302, 303, 307, 308]),
      preserve_query_string: keep === undefined ? undefined : readFlag(keep, at(where, 'preserve_query_string')),
    }),
  };
}

function readUrl(value: unknown, pointer: string): string {
  const text = readText(value, pointer, 1, 4096);
  const isUrl = /^https?:\/\/[\x21-\x7e]+$/i.test(text) && URL.canParse(text);
  if (isUrl || /^\/(?!\/)[\x21-\x7e]*$/.test(text)) return text;
  throw invalid(pointer, 'must be an http or https URL, or a path that begins with one /; encode other characters.');
}
