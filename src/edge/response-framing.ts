import type { BodyFraming } from './http1/message-reader.ts';
import type { ResponseHead } from './http1/response-head.ts';

const NO_BODY: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };

/** How the body of a final response ends (RFC 9112 section 6.3). */
export function bodyOf(head: ResponseHead, requestMethod: string): BodyFraming {
  if (requestMethod === 'HEAD' || head.status === 204 || head.status === 304) return NO_BODY;
  if (head.chunked) return CHUNKED;
  return head.contentLength >= 0 ? { kind: 'length', length: head.contentLength } : UNTIL_CLOSE;
}

/** What the edge decides about a response head. */
export interface ResponseHeadFacts {
  readonly rayId: string;
  /** -1 for none. */
  readonly contentLength: number;
  readonly chunked: boolean;
  readonly close: boolean;
  /** An HTTP/1.0 visitor that asked for a persistent connection gets to know that it has one. */
  readonly keepAlive10: boolean;
  /** For an origin that sent none (RFC 9110 section 6.6.1). */
  readonly date: string;
  readonly keepsContentEncoding: boolean;
}

/** Serialises a final response head toward a visitor. */
export function writeResponseHead(head: ResponseHead, facts: ResponseHeadFacts): string {
  let out = `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields}Server: countersign\r\nCF-Ray: ${facts.rayId}\r\n`;
  if (!head.hasDate) out += `Date: ${facts.date}\r\n`;
  if (head.contentEncoding !== null && facts.keepsContentEncoding)
    out += `Content-Encoding: ${head.contentEncoding}\r\n`;
  if (facts.chunked) out += 'Transfer-Encoding: chunked\r\n';
  else if (facts.contentLength >= 0) out += `Content-Length: ${facts.contentLength}\r\n`;
  if (facts.close) out += 'Connection: close\r\n';
  else if (facts.keepAlive10) out += 'Connection: keep-alive\r\n';
  return `${out}\r\n`;
}

/** Serialises the head of an answer from the edge itself. */
export function writeOwnHead(
  status: number,
  reason: string,
  fields: Readonly<Record<string, string>>,
  facts: Pick<ResponseHeadFacts, 'rayId' | 'date' | 'contentLength' | 'close' | 'keepAlive10'>,
): string {
  let out = `HTTP/1.1 ${status} ${reason}\r\nServer: countersign\r\nCF-Ray: ${facts.rayId}\r\nDate: ${facts.date}\r\n`;
  for (const [name, value] of Object.entries(fields)) out += `${name}: ${value}\r\n`;
  out += `Content-Length: ${facts.contentLength}\r\n`;
  if (facts.close) out += 'Connection: close\r\n';
  else if (facts.keepAlive10) out += 'Connection: keep-alive\r\n';
  return `${out}\r\n`;
}

/** Serialises a 1xx response head toward a visitor. */
export function writeInterimHead(head: ResponseHead): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields}\r\n`;
}
