import {
  addConnection,
  addToList,
  Failed,
  lineEnd,
  listTokens,
  ODD_BYTE,
  parseContentLength,
  readFieldLines,
  withoutFields,
} from './field-lines.ts';
import { type FieldRole, RESPONSE_FIELDS } from './field-name.ts';
import type { HeadText } from './head-text.ts';
import { Refusal } from './refusal.ts';
import { standsInBytes } from './stands.ts';

/** A parsed response head. Texts are latin1: one character a byte. */
export class ResponseHead {
  status = 0;
  reason = '';
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minor = 1;
  /** The fields that go on to the visitor unchanged, serialised. */
  fields = '';
  /** -1 where there is none. */
  contentLength = -1;
  chunked = false;
  /** True where the origin will close the connection after this response. */
  close = false;
  /** The `Upgrade` field, where `Connection` lists `upgrade` too; null otherwise. */
  upgrade: string | null = null;
  contentEncoding: string | null = null;
  hasDate = false;
  /** These fields as sent, several joined by commas; null where there are none. */
  transferEncoding: string | null = null;
  connection: string | null = null;
  offeredUpgrade: string | null = null;
}

const VERSION = 'HTTP/1.';
const OK = 'OK';
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;

/** Parses a response head: what stands before the empty line (RFC 9112 sections 4, 5 and 6). */
export function parseResponseHead(source: HeadText): ResponseHead | Refusal {
  const end = lineEnd(source, 0);
  if (end < 0) return new Refusal(502, ODD_BYTE);
  const head = new ResponseHead();
  if (!readStatusLine(head, source, end)) return new Refusal(502, 'a malformed status line');
  const fields = readFieldLines(source, end + 2, RESPONSE_FIELDS, takeResponseField, head);
  if (fields instanceof Failed) return new Refusal(502, fields.reason);
  head.fields += fields;
  if (head.transferEncoding !== null) {
    if (head.minor === 0) return new Refusal(502, 'Transfer-Encoding in an HTTP/1.0 response');
    if (head.contentLength >= 0) return new Refusal(502, 'both Content-Length and Transfer-Encoding');
    if (head.transferEncoding.toLowerCase() !== 'chunked')
      return new Refusal(502, 'a transfer coding other than chunked');
    head.chunked = true;
  }
  head.close = head.minor === 0;
  if (head.connection !== null) applyConnection(head, head.connection);
  return head;
}

/** Reads `HTTP-version SP status-code [SP reason-phrase]` (RFC 9112 section 4) of a line without odd bytes. */
function readStatusLine(head: ResponseHead, { text, bytes, base }: HeadText, end: number): boolean {
  if (end < 12 || !standsInBytes(VERSION, bytes, base, base + VERSION.length)) return false;
  head.minor = bytes[base + 7]! - ZERO;
  if ((head.minor !== 0 && head.minor !== 1) || bytes[base + 8] !== SPACE) return false;
  for (let at = base + 9; at < base + 12; at++) {
    const code = bytes[at]!;
    if (code < ZERO || code > NINE) return false;
    head.status = head.status * 10 + code - ZERO;
  }
  if (end > 12 && bytes[base + 12] !== SPACE) return false;
  head.reason = standsInBytes(OK, bytes, base + 13, base + end) ? OK : text.slice(13, end);
  return head.status >= 100;
}

/**
 * Takes a field that has a role of its own into a response's head; its value stands in `text` from `from` to `to`. A text returned
 * refuses the response for that reason.
 */
export function takeResponseField(
  head: ResponseHead,
  role: FieldRole,
  text: string,
  from: number,
  to: number,
): string | undefined {
  switch (role) {
    case 'content-length':
      if (head.contentLength >= 0) return 'more than one Content-Length';
      head.contentLength = parseContentLength(text, from, to);
      return head.contentLength < 0 ? 'a malformed Content-Length' : undefined;
    case 'transfer-encoding':
      if (head.transferEncoding !== null) return 'more than one Transfer-Encoding';
      head.transferEncoding = text.slice(from, to);
      return undefined;
    case 'connection':
      head.connection = addConnection(head.connection, text, from, to);
      return undefined;
    case 'upgrade':
      head.offeredUpgrade = text.slice(from, to);
      return undefined;
    case 'content-encoding':
      head.contentEncoding = addToList(head.contentEncoding, text.slice(from, to));
      return undefined;
    case 'date':
      head.hasDate = true;
      return undefined;
    default:
      return undefined;
  }
}

function applyConnection(head: ResponseHead, connection: string): void {
  const listed: string[] = [];
  for (const token of listTokens(connection)) {
    if (token === 'close') head.close = true;
    else if (token === 'keep-alive') head.close = false;
    else if (token === 'upgrade') head.upgrade = head.offeredUpgrade;
    else listed.push(token);
  }
  if (listed.length > 0) head.fields = withoutFields(head.fields, new Set(listed));
}
