import {
  Failed,
  lineEnd,
  listTokens,
  ODD_BYTE,
  parseContentLength,
  readFieldLines,
  withoutFields,
} from './field-lines.ts';
import { type FieldRole, REQUEST_FIELDS } from './field-name.ts';
import { Refusal } from './refusal.ts';

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
const ZERO = 0x30;
const UNKNOWN_VERSION = / HTTP\/(?!1\.[01]$)\d(?:\.\d)?$/;

/** Parses a request head: the bytes before the empty line, as latin1 text (RFC 9112 sections 3, 5 and 6). */
export function parseRequestHead(text: string): RequestHead | Refusal {
  const end = lineEnd(text, 0);
  if (end < 0) return new Refusal(400, ODD_BYTE);
  const head = new RequestHead();
  head.source = text;
  const problem = readRequestLine(head, text, end);
  return problem ?? readRequestFields(head, text, end + 2);
}

/** Reads `method SP request-target SP HTTP-version` (RFC 9112 section 3) of a text without odd bytes. */
function readRequestLine(head: RequestHead, text: string, end: number): Refusal | null {
  const methodEnd = text.indexOf(' ');
  const targetEnd = end - ' HTTP/1.x'.length;
  const usual = usualMethod(text, methodEnd);
  head.method = usual ?? text.slice(0, Math.max(0, methodEnd));
  head.target = text.slice(methodEnd + 1, targetEnd);
  const minor = text.charCodeAt(end - 1) - ZERO;
  const isKnown = text.startsWith(' HTTP/1.', targetEnd) && (minor === 0 || minor === 1);
  if (!isKnown && UNKNOWN_VERSION.test(text.slice(0, end)))
    return new Refusal(505, 'the HTTP version is not 1.0 or 1.1');
  const isWhole = isKnown && methodEnd < targetEnd && head.target !== '' && !hasSpace(head.target);
  if (!isWhole || (usual === null && !METHOD.test(head.method))) return new Refusal(400, 'a malformed request line');
  head.minor = minor;
  return head.target.length > MAX_TARGET ? new Refusal(414, 'the URL is longer than 16 KB') : null;
}

/** The one of the usual methods that stands before `end`; nothing is cut out of the text for it. */
function usualMethod(text: string, end: number): string | null {
  for (const method of USUAL_METHODS) if (method.length === end && text.startsWith(method)) return method;
  return null;
}

function hasSpace(target: string): boolean {
  return target.includes(' ') || target.includes('\t');
}

function readRequestFields(head: RequestHead, text: string, start: number): RequestHead | Refusal {
  const fields = readFieldLines(text, start, REQUEST_FIELDS, takeRequestField, head);
  if (fields instanceof Failed) return new Refusal(400, fields.reason);
  head.fields += fields;
  if (head.transferEncoding !== null) {
    const problem = checkTransferEncoding(head, head.transferEncoding);
    if (problem !== null) return problem;
  }
  if (head.connection !== null) applyConnection(head, head.connection);
  return checkExpect(head) ?? head;
}

/** Takes a field that has a role of its own into a request's head. A text returned refuses the request for that reason. */
export function takeRequestField(head: RequestHead, role: FieldRole, value: string): string | undefined {
  switch (role) {
    case 'host':
      if (head.host !== null) return 'more than one Host';
      head.host = value;
      return undefined;
    case 'content-length':
      if (head.contentLength >= 0) return 'more than one Content-Length';
      head.contentLength = parseContentLength(value);
      return head.contentLength < 0 ? 'a malformed Content-Length' : undefined;
    case 'transfer-encoding':
      if (head.transferEncoding !== null) return 'more than one Transfer-Encoding';
      head.transferEncoding = value;
      return undefined;
    case 'connection':
      head.connection = head.connection === null ? value : `${head.connection},${value}`;
      return undefined;
    case 'upgrade':
      if (head.offeredUpgrade !== null) return 'more than one Upgrade';
      head.offeredUpgrade = value;
      return undefined;
    case 'expect':
      head.expect = head.expect === null ? value : `${head.expect},${value}`;
      return undefined;
    case 'accept':
      head.accept = value;
      head.fields += `Accept: ${value}\r\n`;
      return undefined;
    case 'content-type':
      head.contentType = value;
      head.fields += `Content-Type: ${value}\r\n`;
      return undefined;
    case 'accept-encoding':
      head.acceptEncoding = head.acceptEncoding === null ? value : `${head.acceptEncoding}, ${value}`;
      return undefined;
    case 'x-forwarded-for':
      head.forwardedForCount++;
      head.forwardedFor = value;
      return undefined;
    case 'cf-connecting-ip':
      head.hasConnectingIp = true;
      return undefined;
    case 'cdn-loop':
      head.cdnLoop = head.cdnLoop === null ? value : `${head.cdnLoop}, ${value}`;
      return undefined;
    case 'priority':
      head.priority = value;
      head.fields += `priority: ${value}\r\n`;
      return undefined;
    case 'traceparent':
      head.traceparent = head.traceparent === null ? value : '';
      head.fields += `traceparent: ${value}\r\n`;
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
