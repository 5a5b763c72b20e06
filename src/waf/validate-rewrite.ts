import { type ExpressionScope, readValueExpression } from './validate-expression.ts';
import { at, invalid, type JsonObject, readChoice, readMembers, readObject, readText } from './validate-input.ts';

/** Most headers that one rule rewrites. */
const MAX_HEADERS = 30;

/** RFC 9110 section 5.1. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

/** RFC 9110 section 5.5, in ASCII. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/** Headers that frame a message or belong to one connection (RFC 9110 section 7.6.1): the edge writes them itself. */
const FRAMING =
  /^(?:connection|content-length|host|keep-alive|te|trailer|transfer-encoding|upgrade|expect|http2-settings|proxy-.*)$/;

/** Headers that tell origins who the visitor is (spec/origin-pulls.md 4.1): rules must not lie. */
const VISITOR = /^(?:cf-.*|x-cf-.*|x-forwarded-for|x-forwarded-proto|x-real-ip|true-client-ip|cdn-loop)$/;

/** Parameters of `rewrite` where it changes path and query. */
export function readUriRewrite(value: unknown, pointer: string, scope: ExpressionScope): JsonObject {
  const { uri } = readMembers(value, pointer, ['uri']);
  const where = at(pointer, 'uri');
  const { path, query } = readMembers(uri, where, ['path', 'query']);
  if (path === undefined && query === undefined) throw invalid(where, 'must have path or query.');
  return {
    uri: {
      ...(path === undefined ? {} : { path: readValue(path, at(where, 'path'), scope, readPath) }),
      ...(query === undefined ? {} : { query: readValue(query, at(where, 'query'), scope, readQuery) }),
    },
  };
}

/** Parameters of `rewrite` where it changes headers, of the request or of the response. */
export function readHeaderRewrite(
  value: unknown,
  pointer: string,
  scope: ExpressionScope,
  side: 'request' | 'response',
): JsonObject {
  const { headers } = readMembers(value, pointer, ['headers']);
  const where = at(pointer, 'headers');
  const entries = Object.entries(readObject(headers, where));
  if (entries.length === 0 || entries.length > MAX_HEADERS)
    throw invalid(where, `must name 1 to ${MAX_HEADERS} headers.`);
  const seen = new Set<string>();
  const read = entries.map(([name, header]) => {
    const place = at(where, name);
    checkHeaderName(name, place, side);
    if (seen.has(name.toLowerCase())) throw invalid(place, 'is there twice: header names have no case.');
    seen.add(name.toLowerCase());
    return [name, readHeader(header, place, scope)] as const;
  });
  return { headers: Object.fromEntries(read) };
}

function checkHeaderName(name: string, pointer: string, side: 'request' | 'response'): void {
  const lower = name.toLowerCase();
  if (!HEADER_NAME.test(name)) throw invalid(pointer, 'is not the name of a header.');
  if (FRAMING.test(lower) || (side === 'response' && lower === 'content-encoding')) {
    throw invalid(pointer, 'is a header that the edge writes itself: no rule can change it.');
  }
  if (side === 'request' ? VISITOR.test(lower) : /^(?:x-)?cf-/.test(lower)) {
    throw invalid(pointer, 'is a header that the edge vouches for: no rule can change it.');
  }
}

function readHeader(value: unknown, pointer: string, scope: ExpressionScope): JsonObject {
  const { operation: wanted } = readObject(value, pointer);
  const operation = readChoice(wanted, at(pointer, 'operation'), ['set', 'add', 'remove']);
  if (operation === 'remove') {
    readMembers(value, pointer, ['operation']);
    return { operation };
  }
  const { operation: _, ...rest } = readMembers(value, pointer, ['operation', 'value', 'expression']);
  return { operation, ...readValue(rest, pointer, scope, readHeaderValue) };
}

/** Exactly one of `value` and `expression`. */
export function readValue(
  value: unknown,
  pointer: string,
  scope: ExpressionScope,
  readStatic: (value: unknown, pointer: string) => string,
): JsonObject {
  const members = readMembers(value, pointer, ['value', 'expression']);
  if ((members.value === undefined) === (members.expression === undefined)) {
    throw invalid(pointer, 'must have either value or expression.');
  }
  return members.value === undefined
    ? { expression: readValueExpression(members.expression, at(pointer, 'expression'), scope, 'String') }
    : { value: readStatic(members.value, at(pointer, 'value')) };
}

function readPath(value: unknown, pointer: string): string {
  const path = readText(value, pointer, 1, 4096);
  if (/^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/.test(path)) return path;
  throw invalid(pointer, 'must be a path: it begins with / and has neither ?, # nor blanks; encode other characters.');
}

function readQuery(value: unknown, pointer: string): string {
  const query = readText(value, pointer, 0, 4096);
  if (/^[\x21\x22\x24-\x7e]*$/.test(query)) return query;
  throw invalid(pointer, 'must be a query without #, blanks and control characters; encode them.');
}

function readHeaderValue(value: unknown, pointer: string): string {
  const text = readText(value, pointer, 1, 4096);
  if (HEADER_VALUE.test(text)) return text;
  throw invalid(pointer, 'must be a header value: visible ASCII characters, with blanks only between them.');
}
