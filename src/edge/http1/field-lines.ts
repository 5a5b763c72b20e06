import { type FieldNames, type FieldRole, TOKEN } from './field-name.ts';
import type { HeadText } from './head-text.ts';
import { stands } from './stands.ts';

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
export function lineEnd({ text, bytes, base }: HeadText, at: number): number {
  const last = base + text.length;
  let end = base + at;
  while (end < last && (CLASSES[bytes[end]!]! & LINE) !== 0) end++;
  if (end < last && (end + 1 === last || bytes[end] !== CR || bytes[end + 1] !== LF)) return -1;
  return end - base;
}

/**
 * Takes one field that has a role of its own into a head; its value stands in `text` from `from` to `to`. A text returned refuses the
 * message for that reason.
 */
export type FieldSink<Head> = (
  head: Head,
  role: FieldRole,
  text: string,
  from: number,
  to: number,
) => string | undefined;

/**
 * Reads the field lines of a head from `start` (the first character after the CRLF of its first line), gives those
 * with a role of their own to `sink` together with `head`, and returns those that go on, written anew as `name: value` and CRLF.
 * Returns a `Failed` where a line is not a field (RFC 9112 section 5): no colon, a space before
 * it, a name that is no token, a folded line, an odd byte.
 */
export function readFieldLines<Head>(
  source: HeadText,
  start: number,
  names: FieldNames,
  sink: FieldSink<Head>,
  head: Head,
): string | Failed {
  const { text, bytes, base } = source;
  const last = base + text.length;
  let out = '';
  // Lines that go on as they are go on together.
  let kept = start;
  let at = start;
  while (at < text.length) {
    let nameEnd = base + at;
    let hash = 0;
    for (; nameEnd < last; nameEnd++) {
      const byte = bytes[nameEnd]!;
      if ((CLASSES[byte]! & NAME) === 0) break;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    const colon = nameEnd - base;
    const end = lineEnd(source, colon);
    if (end < 0) return new Failed(ODD_BYTE);
    if (colon === at || end === colon || bytes[nameEnd] !== COLON) {
      const hasColon = text.slice(at, end).includes(':');
      return new Failed(hasColon ? 'a header name that is not a token' : 'a header line without a colon');
    }
    const { role, passes } = names.find(source, at, colon, hash);
    const from = skipSpace(source, colon + 1, end);
    const to = skipSpaceBefore(source, end, from);
    const next = end + 2;
    // One space after the colon and none at the end: the line can be taken as it is.
    if (!passes || to !== end || from !== colon + 2 || bytes[nameEnd + 1] !== SPACE) {
      out += text.slice(kept, at);
      kept = next;
      if (passes) out += `${text.slice(at, colon)}: ${text.slice(from, to)}\r\n`;
    }
    if (role !== 'pass' && role !== 'drop') {
      const problem = sink(head, role, text, from, to);
      if (problem !== undefined) return new Failed(problem);
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

/** Where the first character at `from` or behind it is that is no space or tab; `to` where there is none. */
function skipSpace({ bytes, base }: HeadText, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(bytes[base + at]!)) at++;
  return at;
}

/** Where the last character before `to` that is no space or tab ends; `from` where there is none. */
function skipSpaceBefore({ bytes, base }: HeadText, to: number, from: number): number {
  let at = to;
  while (at > from && isSpace(bytes[base + at - 1]!)) at--;
  return at;
}

/** Whether a byte is a space or a tab. */
export function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

const USUAL_VALUES = ['keep-alive', 'close', 'Upgrade', 'Keep-Alive', 'upgrade'];
const USUAL_LISTS: ReadonlyMap<string, readonly string[]> = new Map(
  USUAL_VALUES.map((value) => [value, [value.toLowerCase()]]),
);

/** The value of a `Connection` field that stands in `text` from `from` to `to`, behind those that came before. */
export function addConnection(before: string | null, text: string, from: number, to: number): string {
  for (const value of USUAL_VALUES) if (before === null && stands(value, text, from, to)) return value;
  const value = text.slice(from, to);
  return before === null ? value : `${before},${value}`;
}

/** A member of a list behind those that came before. */
export function addToList(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}

/** The members of a comma list, in lower case, without the space and tab around them (RFC 9110 section 5.6.1). */
export function listTokens(value: string): readonly string[] {
  const usual = USUAL_LISTS.get(value);
  if (usual !== undefined) return usual;
  const tokens: string[] = [];
  for (const part of value.toLowerCase().split(',')) {
    const token = withoutSpaceAround(part);
    if (token !== '') tokens.push(token);
  }
  return tokens;
}

/** Not by a regular expression: one would try a long run of spaces once from each of them. */
function withoutSpaceAround(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** Removes from serialised field lines those whose name `Connection` listed (RFC 9110 section 7.6.1). */
export function withoutFields(lines: string, names: ReadonlySet<string>): string {
  return lines
    .split('\r\n')
    .filter((line) => line !== '' && !names.has(line.slice(0, line.indexOf(':')).toLowerCase()))
    .map((line) => `${line}\r\n`)
    .join('');
}

/** The value of a Content-Length field that stands in `text` from `from` to `to`, or -1 where it is not 1 to 15 digits (RFC 9110 section 8.6). */
export function parseContentLength(text: string, from: number, to: number): number {
  if (to === from || to - from > 15) return -1;
  let length = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
