import { Failed, hasOddBytes, listTokens, parseContentLength, readFieldLines, withoutFields } from './field-lines.ts';
import { RESPONSE_FIELDS } from './field-name.ts';
import { Refusal } from './refusal.ts';

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
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/** Parses a response head: the bytes before the empty line, as latin1 text (RFC 9112 sections 4, 5 and 6). */
export function parseResponseHead(text: string): ResponseHead | Refusal {
  if (hasOddBytes(text)) return new Refusal(502, 'a control character, or a bare CR or LF, in the header');
  let lineEnd = text.indexOf('\r\n');
  if (lineEnd < 0) lineEnd = text.length;
  const line = STATUS_LINE.exec(text.slice(0, lineEnd));
  if (line === null) return new Refusal(502, 'a malformed status line');
  const head = new ResponseHead();
  head.minor = line[1] === '1' ? 1 : 0;
  head.status = Number(line[2]);
  head.reason = line[3] ?? '';
  let transferEncoding: string | null = null;
  let connection: string | null = null;
  let upgrade: string | null = null;
  const fields = readFieldLines(text, lineEnd + 2, RESPONSE_FIELDS, (role, value) => {
    switch (role) {
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
        upgrade = value;
        return undefined;
      case 'content-encoding':
        head.contentEncoding = head.contentEncoding === null ? value : `${head.contentEncoding}, ${value}`;
        return undefined;
      case 'date':
        head.hasDate = true;
        head.fields += `Date: ${value}\r\n`;
        return undefined;
      default:
        return undefined;
    }
  });
  if (fields instanceof Failed) return new Refusal(502, fields.reason);
  head.fields += fields;
  if (transferEncoding !== null) {
    if (head.minor === 0) return new Refusal(502, 'Transfer-Encoding in an HTTP/1.0 response');
    if (head.contentLength >= 0) return new Refusal(502, 'both Content-Length and Transfer-Encoding');
    if ((transferEncoding as string).toLowerCase() !== 'chunked')
      return new Refusal(502, 'a transfer coding other than chunked');
    head.chunked = true;
  }
  head.close = head.minor === 0;
  if (connection !== null) applyConnection(head, connection, upgrade);
  return head;
}

function applyConnection(head: ResponseHead, connection: string, upgrade: string | null): void {
  const listed = new Set<string>();
  for (const token of listTokens(connection)) {
    if (token === 'close') head.close = true;
    else if (token === 'keep-alive') head.close = false;
    else if (token === 'upgrade') head.upgrade = upgrade;
    else listed.add(token);
  }
  if (listed.size > 0) head.fields = withoutFields(head.fields, listed);
}
