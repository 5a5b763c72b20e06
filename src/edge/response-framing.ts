import type { BodyFraming } from './http1/message-reader.ts';
import type { ResponseHead } from './http1/response-head.ts';
import type { TextSink } from './outbox.ts';

const NO_BODY: BodyFraming = { kind: 'none' };
const CHUNKED: BodyFraming = { kind: 'chunked' };
const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' };
const OK_LINE = 'HTTP/1.1 200 OK\r\n';

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
export function writeResponseHead(out: TextSink, head: ResponseHead, facts: ResponseHeadFacts): void {
  out.addText(statusLine(head));
  out.addText(head.fields);
  out.addText('Server: countersign\r\nCF-Ray: ');
  out.addText(facts.rayId);
  if (!head.hasDate) out.addText(`\r\nDate: ${facts.date}`);
  if (head.contentEncoding !== null && facts.keepsContentEncoding)
    out.addText(`\r\nContent-Encoding: ${head.contentEncoding}`);
  if (facts.chunked) {
    out.addText('\r\nTransfer-Encoding: chunked');
  } else if (facts.contentLength >= 0) {
    out.addText('\r\nContent-Length: ');
    out.addText(String(facts.contentLength));
  }
  out.addText(headEnd(facts));
}

function statusLine({ status, reason }: ResponseHead): string {
  return status === 200 && reason === 'OK' ? OK_LINE : `HTTP/1.1 ${status} ${reason}\r\n`;
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
  return `${out}Content-Length: ${facts.contentLength}${headEnd(facts)}`;
}

/** The end of the last field's line, what is said of the connection, and the head's end. */
function headEnd({ close, keepAlive10 }: Pick<ResponseHeadFacts, 'close' | 'keepAlive10'>): string {
  if (close) return '\r\nConnection: close\r\n\r\n';
  return keepAlive10 ? '\r\nConnection: keep-alive\r\n\r\n' : '\r\n\r\n';
}

/** Serialises a 1xx response head toward a visitor. */
export function writeInterimHead(head: ResponseHead): string {
  return `${statusLine(head)}${head.fields}\r\n`;
}
