import {
  addConnection,
  addToList,
  Failed,
  isSpace,
  lineEnd,
  listTokens,
  ODD_BYTE,
  parseContentLength,
  readFieldLines,
  withoutFields,
} from './field-lines.ts';
import { type FieldRole, REQUEST_FIELDS } from './field-name.ts';
import type { HeadText } from './head-text.ts';
import { RecentTexts } from './recent-texts.ts';
import { Refusal } from './refusal.ts';
import { standsInBytes } from './stands.ts';

/** Longest request target, in bytes (spec/origin-pulls.md 4.2). */
const MAX_TARGET = 16 * 1024;

/** A parsed request head. Texts are latin1: one character a byte. */
export class RequestHead {
  method = '';
  /** As sent: origin-form, absolute-form or `*`. */
  target = '';
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minor = 1;
  host: string | null = null;
  /** The fields that go on to the origin unchanged, serialised. */
  fields = '';
  /** -1 where there is none. */
  contentLength = -1;
  chunked = false;
  close = false;
  keepAlive = false;
  /** The `Upgrade` field, where `Connection` lists `upgrade` too; null otherwise. */
  upgrade: string | null = null;
  /** True for a WebSocket over HTTP/2 (RFC 8441): the upgrade has no key of the visitor's. */
  isExtendedConnect = false;
  expectContinue = false;
  accept = '';
  acceptEncoding: string | null = null;
  contentType = '';
  forwardedFor: string | null = null;
  forwardedForCount = 0;
  hasConnectingIp = false;
  cdnLoop: string | null = null;
  /** Goes on as it came, too; empty where there are several, of which none counts. */
  traceparent: string | null = null;
  /** Goes on as it came, too (RFC 9218 section 5). */
  priority: string | null = null;
  /** These fields as sent, several joined by commas; null where there are none. */
  transferEncoding: string | null = null;
  connection: string | null = null;
  offeredUpgrade: string | null = null;
  expect: string | null = null;
  /** Over HTTP/1: the whole head as it came, which rules look at. Over HTTP/2 empty. */
  source = '';
  /** Over HTTP/2: the fields that no origin gets, serialised. */
  dropped = '';

  /** True for a gRPC call (not for gRPC-Web, which any HTTP will do for). */
  get isGrpc(): boolean {
    return this.contentType !== '' && /^application\/grpc(?:[+;]|$)/i.test(this.contentType);
  }

  /** True where a body follows (a body of no bytes counts as none). */
  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }
}

const USUAL_METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;
/** Before the digit. */
const VERSION = ' HTTP/1.';
const SPACE = 0x20;
const ZERO = 0x30;
const UNKNOWN_VERSION = / HTTP\/(?!1\.[01]$)\d(?:\.\d)?$/;

/** Parses a request head: what stands before the empty line (RFC 9112 sections 3, 5 and 6). */
export function parseRequestHead(source: HeadText): RequestHead | Refusal {
  const end = lineEnd(source, 0);
  if (end < 0) return new Refusal(400, ODD_BYTE);
  const head = new RequestHead();
  head.source = source.text;
  const problem = readRequestLine(head, source, end);
  return problem ?? readRequestFields(head, source, end + 2);
}

/** Reads `method SP request-target SP HTTP-version` (RFC 9112 section 3) of a line without odd bytes. */
function readRequestLine(head: RequestHead, { text, bytes, base }: HeadText, end: number): Refusal | null {
  const last = base + end;
  let methodEnd = base;
  while (methodEnd < last && bytes[methodEnd] !== SPACE) methodEnd++;
  const targetEnd = last - VERSION.length - 1;
  const usual = usualMethod(bytes, base, methodEnd);
  head.method = usual ?? text.slice(0, methodEnd - base);
  head.target = text.slice(methodEnd + 1 - base, targetEnd - base);
  const minor = bytes[last - 1]! - ZERO;
  const isKnown = standsInBytes(VERSION, bytes, targetEnd, last - 1) && (minor === 0 || minor === 1);
  if (!isKnown && UNKNOWN_VERSION.test(text.slice(0, end)))
    return new Refusal(505, 'the HTTP version is not 1.0 or 1.1');
  const isWhole = isKnown && methodEnd + 1 < targetEnd && !hasSpace(bytes, methodEnd + 1, targetEnd);
  if (!isWhole || (usual === null && !METHOD.test(head.method))) return new Refusal(400, 'a malformed request line');
  head.minor = minor;
  return targetEnd - methodEnd - 1 > MAX_TARGET ? new Refusal(414, 'the URL is longer than 16 KB') : null;
}

/** The one of the usual methods that stands there; nothing is cut out of the text for it. */
function usualMethod(bytes: Uint8Array, from: number, to: number): string | null {
  for (const method of USUAL_METHODS) if (standsInBytes(method, bytes, from, to)) return method;
  return null;
}

function hasSpace(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (isSpace(bytes[at]!)) return true;
  return false;
}

function readRequestFields(head: RequestHead, source: HeadText, start: number): RequestHead | Refusal {
  const fields = readFieldLines(source, start, REQUEST_FIELDS, takeRequestField, head);
  if (fields instanceof Failed) return new Refusal(400, fields.reason);
  head.fields += fields;
  if (head.transferEncoding !== null) {
    const problem = checkTransferEncoding(head, head.transferEncoding);
    if (problem !== null) return problem;
  }
  if (head.connection !== null) applyConnection(head, head.connection);
  return checkExpect(head) ?? head;
}

const hosts = new RecentTexts();

/**
 * Takes a field that has a role of its own into a request's head; its value stands in `text` from `from` to `to`. A text returned
 * refuses the request for that reason.
 */
export function takeRequestField(
  head: RequestHead,
  role: FieldRole,
  text: string,
  from: number,
  to: number,
): string | undefined {
  switch (role) {
    case 'host':
      if (head.host !== null) return 'more than one Host';
      head.host = hosts.find(text, from, to);
      return undefined;
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
      if (head.offeredUpgrade !== null) return 'more than one Upgrade';
      head.offeredUpgrade = text.slice(from, to);
      return undefined;
    case 'expect':
      head.expect = addToList(head.expect, text.slice(from, to));
      return undefined;
    case 'accept':
      head.accept = text.slice(from, to);
      return undefined;
    case 'content-type':
      head.contentType = text.slice(from, to);
      return undefined;
    case 'accept-encoding':
      head.acceptEncoding = addToList(head.acceptEncoding, text.slice(from, to));
      return undefined;
    case 'x-forwarded-for':
      head.forwardedForCount++;
      head.forwardedFor = text.slice(from, to);
      return undefined;
    case 'cf-connecting-ip':
      head.hasConnectingIp = true;
      return undefined;
    case 'cdn-loop':
      head.cdnLoop = addToList(head.cdnLoop, text.slice(from, to));
      return undefined;
    case 'priority':
      head.priority = text.slice(from, to);
      return undefined;
    case 'traceparent':
      head.traceparent = head.traceparent === null ? text.slice(from, to) : '';
      return undefined;
    default:
      return undefined;
  }
}

/** Reads the `Expect` field (RFC 9110 section 10.1.1). */
export function checkExpect(head: RequestHead): Refusal | null {
  if (head.expect === null) return null;
  if (head.expect.toLowerCase() !== '100-continue') return new Refusal(417, 'an expectation other than 100-continue');
  head.expectContinue = head.minor === 1;
  return null;
}

function checkTransferEncoding(head: RequestHead, value: string): Refusal | null {
  if (head.minor === 0) return new Refusal(400, 'Transfer-Encoding in an HTTP/1.0 request');
  if (head.contentLength >= 0) return new Refusal(400, 'both Content-Length and Transfer-Encoding');
  if (value.toLowerCase() !== 'chunked') return new Refusal(501, 'a transfer coding other than chunked');
  head.chunked = true;
  return null;
}

function applyConnection(head: RequestHead, connection: string): void {
  const listed: string[] = [];
  for (const token of listTokens(connection)) {
    if (token === 'close') head.close = true;
    else if (token === 'keep-alive') head.keepAlive = true;
    else if (token === 'upgrade') head.upgrade = head.offeredUpgrade;
    else listed.push(token);
  }
  if (listed.length > 0) head.fields = withoutFields(head.fields, new Set(listed));
}
