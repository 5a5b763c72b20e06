import { type FieldNames, type FieldRole, TOKEN } from './field-name.ts';

/** What each byte may be part of: a name, which is a token, or a line of a head (RFC 9110 section 5.5). */
const NAME = 1;
const LINE = 2;
const CLASSES = new Uint8Array(256);
for (let code = 0; code < 256; code++) {
  const isToken = TOKEN.test(String.fromCharCode(code));
  const isLine = code === 0x09 || (code >= 0x20 && code !== 0x7f);
  CLASSES[code] = (isToken ? NAME : 0) | (isLine ? LINE : 0);
}
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const ZERO = 0x30;

/** Why a head with a byte that no line of a head may hold is refused. */
export const ODD_BYTE = 'a control character, or a bare CR or LF, in the header';

/**
 * Where the line from `at` on ends: at its CRLF, or at the end of the text. -1 where it holds a byte that no line may hold, or a CR
 * or LF that is not part of a CRLF.
 */
export function lineEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && (CLASSES[text.charCodeAt(end)]! & LINE) !== 0) end++;
  if (end === text.length) return end;
  return text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF ? end : -1;
}

/** Takes one field that has a role of its own into a head. A text returned refuses the message for that reason. */
export type FieldSink<Head> = (head: Head, role: FieldRole, value: string) => string | undefined;

/**
 * Reads the field lines of a head's text from `start` (the first character after the CRLF of its first line), gives those
 * with a role of their own to `sink` together with `head`, and returns the rest, written anew as `name: value` and CRLF.
 * Returns a `Failed` where a line is not a field (RFC 9112 section 5): no colon, a space before
 * it, a name that is no token, a folded line, an odd byte.
 */
export function readFieldLines<Head>(
  text: string,
  start: number,
  names: FieldNames,
  sink: FieldSink<Head>,
  head: Head,
): string | Failed {
  let out = '';
  // Lines that go on as they are go on together.
  let kept = start;
  let at = start;
  while (at < text.length) {
    let colon = at;
    let hash = 0;
    for (; colon < text.length; colon++) {
      const code = text.charCodeAt(colon);
      if ((CLASSES[code]! & NAME) === 0) break;
      hash = (Math.imul(hash, 31) + code) | 0;
    }
    const end = lineEnd(text, colon);
    if (end < 0) return new Failed(ODD_BYTE);
    if (colon === at || text.charCodeAt(colon) !== COLON) {
      const hasColon = text.slice(at, end).includes(':');
      return new Failed(hasColon ? 'a header name that is not a token' : 'a header line without a colon');
    }
    const { role } = names.find(text, at, colon, hash);
    const next = end + 2;
    if (role !== 'pass' || !isCanonical(text, colon, end)) {
      out += text.slice(kept, at);
      kept = next;
      if (role === 'pass') {
        out += `${text.slice(at, colon)}: ${trim(text, colon + 1, end)}\r\n`;
      } else if (role !== 'drop') {
        const problem = sink(head, role, trim(text, colon + 1, end));
        if (problem !== undefined) return new Failed(problem);
      }
    }
    at = next;
  }
  if (kept >= text.length) return out;
  // The last line has no CRLF of its own.
  return at > text.length ? `${out}${text.slice(kept)}\r\n` : out + text.slice(kept);
}

/** Why a head is refused. */
export class Failed {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

const SPACE = 0x20;
const TAB = 0x09;

/** One space after the colon and none at the end: the line can be taken as it is. */
function isCanonical(head: string, colon: number, end: number): boolean {
  if (head.charCodeAt(colon + 1) !== SPACE) return false;
  const first = head.charCodeAt(colon + 2);
  const last = head.charCodeAt(end - 1);
  return first !== SPACE && first !== TAB && last !== SPACE && last !== TAB;
}

function trim(head: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && (head.charCodeAt(start) === SPACE || head.charCodeAt(start) === TAB)) start++;
  while (end > start && (head.charCodeAt(end - 1) === SPACE || head.charCodeAt(end - 1) === TAB)) end--;
  return head.slice(start, end);
}

const USUAL_LISTS: ReadonlyMap<string, readonly string[]> = new Map(
  ['keep-alive', 'Keep-Alive', 'close', 'Upgrade', 'upgrade'].map((value) => [value, [value.toLowerCase()]]),
);

/** The members of a comma list, in lower case, without the space and tab around them (RFC 9110 section 5.6.1). */
export function listTokens(value: string): readonly string[] {
  const usual = USUAL_LISTS.get(value);
  if (usual !== undefined) return usual;
  const tokens: string[] = [];
  for (const part of value.toLowerCase().split(',')) {
    const token = trim(part, 0, part.length);
    if (token !== '') tokens.push(token);
  }
  return tokens;
}

/** Removes from serialised field lines those whose name `Connection` listed (RFC 9110 section 7.6.1). */
export function withoutFields(lines: string, names: ReadonlySet<string>): string {
  return lines
    .split('\r\n')
    .filter((line) => line !== '' && !names.has(line.slice(0, line.indexOf(':')).toLowerCase()))
    .map((line) => `${line}\r\n`)
    .join('');
}

/** The value of a Content-Length field, or -1 where it is not 1 to 15 digits (RFC 9110 section 8.6). */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > 15) return -1;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
