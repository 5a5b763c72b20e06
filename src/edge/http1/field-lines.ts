import type { FieldNames, FieldRole } from './field-name.ts';

const ODD_BYTE = /[^\t\r\n\x20-\x7e\x80-\xff]/;
const BARE_LINE_END = /\r(?!\n)|(?:^|[^\r])\n/;

/** True where a head holds a byte that no field value may hold, or a CR or LF that is not part of a CRLF. */
export function hasOddBytes(head: string): boolean {
  return ODD_BYTE.test(head) || BARE_LINE_END.test(head);
}

/** Takes one field that has a role of its own into a head. A text returned refuses the message for that reason. */
export type FieldSink<Head> = (head: Head, role: FieldRole, value: string) => string | undefined;

/**
 * Reads the field lines of a head's text from `start` (the first character after the CRLF of its first line), gives those
 * with a role of their own to `sink` together with `head`, and returns the rest, written anew as `name: value` and CRLF.
 * Returns a `Failed` where a line is not a field (RFC 9112 section 5): no colon, a space before
 * it, a name that is no token, a folded line.
 */
export function readFieldLines<Head>(
  text: string,
  start: number,
  names: FieldNames,
  sink: FieldSink<Head>,
  head: Head,
): string | Failed {
  let out = '';
  for (let at = start; at < text.length; ) {
    let end = text.indexOf('\r\n', at);
    if (end < 0) end = text.length;
    const colon = text.indexOf(':', at);
    if (colon < 0 || colon >= end) return new Failed('a header line without a colon');
    const name = names.get(text.slice(at, colon));
    if (name === null) return new Failed('a header name that is not a token');
    if (name.role === 'pass') {
      out += isCanonical(text, colon, end)
        ? text.slice(at, end + 2)
        : `${text.slice(at, colon)}: ${trim(text, colon + 1, end)}\r\n`;
    } else if (name.role !== 'drop') {
      const problem = sink(head, name.role, trim(text, colon + 1, end));
      if (problem !== undefined) return new Failed(problem);
    }
    at = end + 2;
  }
  return out;
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

/** One space after the colon and none at the end: the line can be taken as it is, CRLF included. */
function isCanonical(head: string, colon: number, end: number): boolean {
  if (end === head.length || head.charCodeAt(colon + 1) !== SPACE) return false;
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

/** The members of a comma list, in lower case, without the space and tab around them (RFC 9110 section 5.6.1). */
export function listTokens(value: string): string[] {
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
  return /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
