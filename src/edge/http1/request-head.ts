import { Failed, hasOddBytes, listTokens, parseContentLength, readFieldLines, withoutFields } from './field-lines.ts';
import { REQUEST_FIELDS } from './field-name.ts';
import { Refusal } from './refusal.ts';

/** Longest request target, in bytes (spec/origin-pulls.md 4.2). */
export const MAX_TARGET = 16 * 1024;

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
  expectContinue = false;
  accept = '';
  acceptEncoding: string | null = null;
  forwardedFor: string | null = null;
  forwardedForCount = 0;
  hasConnectingIp = false;
  cdnLoop: string | null = null;

  /** True where a body follows (a body of no bytes counts as none). */
  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }
}

const USUAL_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;
const UNKNOWN_VERSION = / HTTP\/(?!1\.[01]$)\d(?:\.\d)?$/;

/** Parses a request head: the bytes before the empty line, as latin1 text (RFC 9112 sections 3, 5 and 6). */
export function parseRequestHead(text: string): RequestHead | Refusal {
  if (hasOddBytes(text)) return new Refusal(400, 'a control character, or a bare CR or LF, in the header');
  let lineEnd = text.indexOf('\r\n');
  if (lineEnd < 0) lineEnd = text.length;
  const head = new RequestHead();
  const problem = readRequestLine(head, text, lineEnd);
  return problem ?? readRequestFields(head, text, lineEnd + 2);
}

/** Reads `method SP request-target SP HTTP-version` (RFC 9112 section 3) of a text without odd bytes. */
function readRequestLine(head: RequestHead, text: string, lineEnd: number): Refusal | null {
  const methodEnd = text.indexOf(' ');
  const targetEnd = lineEnd - ' HTTP/1.x'.length;
  head.method = text.slice(0, Math.max(0, methodEnd));
  head.target = text.slice(methodEnd + 1, targetEnd);
  const isKnown = text.startsWith(' HTTP/1.', targetEnd) && /[01]/.test(text[lineEnd - 1]!);
  if (!isKnown && UNKNOWN_VERSION.test(text.slice(0, lineEnd)))
    return new Refusal(505, 'the HTTP version is not 1.0 or 1.1');
  const isWhole = isKnown && methodEnd < targetEnd && head.target !== '' && !/[ \t]/.test(head.target);
  if (!isWhole || !(USUAL_METHODS.has(head.method) || METHOD.test(head.method)))
    return new Refusal(400, 'a malformed request line');
  head.minor = text[lineEnd - 1] === '1' ? 1 : 0;
  return head.target.length > MAX_TARGET ? new Refusal(414, 'the URL is longer than 16 KB') : null;
}

function readRequestFields(head: RequestHead, text: string, start: number): RequestHead | Refusal {
  let hosts = 0;
  let transferEncoding: string | null = null;
  let upgrade: string | null = null;
  let connection: string | null = null;
  let expect: string | null = null;
  const fields = readFieldLines(text, start, REQUEST_FIELDS, (role, value) => {
    switch (role) {
      case 'host':
        head.host = value;
        return ++hosts > 1 ? 'more than one Host' : undefined;
      case 'content-length':
        if (head.contentLength >= 0) return 'more than one Content-Length';
        head.contentLength = parseContentLength(value);
        return head.contentLength < 0 ? 'a malformed Content-Length' : undefined;
      case 'transfer-encoding':
        if (transferEncoding !== null) return 'more than one Transfer-Encoding';
        transferEncoding = value;
        return undefined;
      case 'connection':
        connection = connection === null ? value : `${connection},${value}`;
        return undefined;
      case 'upgrade':
        if (upgrade !== null) return 'more than one Upgrade';
        upgrade = value;
        return undefined;
      case 'expect':
        expect = expect === null ? value : `${expect},${value}`;
        return undefined;
      case 'accept':
        head.accept = value;
        head.fields += `Accept: ${value}\r\n`;
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
      default:
        return undefined;
    }
  });
  if (fields instanceof Failed) return new Refusal(400, fields.reason);
  head.fields += fields;
  if (transferEncoding !== null) {
    const problem = checkTransferEncoding(head, transferEncoding);
    if (problem !== null) return problem;
  }
  if (connection !== null) applyConnection(head, connection, upgrade);
  if (expect !== null) {
    if ((expect as string).toLowerCase() !== '100-continue')
      return new Refusal(417, 'an expectation other than 100-continue');
    head.expectContinue = head.minor === 1;
  }
  return head;
}

function checkTransferEncoding(head: RequestHead, value: string): Refusal | null {
  if (head.minor === 0) return new Refusal(400, 'Transfer-Encoding in an HTTP/1.0 request');
  if (head.contentLength >= 0) return new Refusal(400, 'both Content-Length and Transfer-Encoding');
  if (value.toLowerCase() !== 'chunked') return new Refusal(501, 'a transfer coding other than chunked');
  head.chunked = true;
  return null;
}

function applyConnection(head: RequestHead, connection: string, upgrade: string | null): void {
  const listed = new Set<string>();
  for (const token of listTokens(connection)) {
    if (token === 'close') head.close = true;
    else if (token === 'keep-alive') head.keepAlive = true;
    else if (token === 'upgrade') head.upgrade = upgrade;
    else listed.add(token);
  }
  if (listed.size > 0) head.fields = withoutFields(head.fields, listed);
}
