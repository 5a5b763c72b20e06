import type { Buffer } from 'node:buffer';
import type { FindPlace, Place } from '../platform/mod.ts';
import type { BodyFacts, EvaluatedFacts, HeaderField, ResponseFacts } from '../waf/mod.ts';
import { normalisePath } from '../waf/mod.ts';
import type { Exchange } from './exchange.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-head.ts';

/** Bytes of a body that rules get to see. */
export const MAX_INSPECTED = 128 * 1024;

/** What rules see of an exchange. Made only where a zone has rules; what costs something is worked out when asked for. */
export class ExchangeFacts implements EvaluatedFacts {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly rawTarget: string;
  path: string;
  query: string;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';
  readonly areHeadersTruncated = false;
  readonly visitorAddress: string;
  readonly visitorCertificate = null;
  readonly rayId: string;
  readonly time: number;
  readonly body: BodyFacts | null;
  response: ResponseFacts | null = null;
  readonly #exchange: Exchange;
  readonly #randomBytes: (count: number) => Uint8Array;
  readonly #now: () => number;
  readonly #findPlace: FindPlace | null;
  readonly #sentFields: () => readonly HeaderField[];
  #headers: readonly HeaderField[] | null = null;
  #randomSeed: string | null = null;
  #geo: Place | null | undefined;

  constructor(
    exchange: Exchange,
    body: BodyFacts | null,
    randomBytes: (count: number) => Uint8Array,
    now: () => number,
    findPlace: FindPlace | null,
  ) {
    const { head, target, visitor } = exchange;
    const mark = target.path.indexOf('?');
    this.#exchange = exchange;
    this.#randomBytes = randomBytes;
    this.#now = now;
    this.#findPlace = findPlace;
    // Rules that change the header must not change what other rules see.
    const { fields } = head;
    this.#sentFields = () => sentFields(head, fields);
    this.method = head.method;
    this.scheme = visitor.scheme;
    this.host = target.hostname;
    this.rawTarget = target.path;
    this.path = normalisePath(mark < 0 ? target.path : target.path.slice(0, mark));
    this.query = mark < 0 ? '' : target.path.slice(mark + 1);
    this.version = visitor.httpVersion as 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';
    this.visitorAddress = visitor.address;
    this.rayId = exchange.rayId;
    this.time = exchange.startedAt;
    this.body = body;
  }

  get headers(): readonly HeaderField[] {
    this.#headers ??= this.#sentFields();
    return this.#headers;
  }

  get serverAddress(): string {
    return this.#exchange.visitor.localAddress;
  }

  get serverPort(): number {
    return this.#exchange.visitor.localPort;
  }

  get tls(): { readonly version: string; readonly cipher: string } | null {
    const { scheme, protocol, cipher } = this.#exchange.visitor;
    return scheme === 'http' ? null : { version: protocol, cipher };
  }

  get geo(): Place | null {
    if (this.#geo === undefined) this.#geo = this.#findPlace?.(this.visitorAddress) ?? null;
    return this.#geo;
  }

  get randomSeed(): string {
    this.#randomSeed ??= String.fromCharCode(...this.#randomBytes(16));
    return this.#randomSeed;
  }

  get timings(): { readonly edge: number; readonly originFirstByte: number } {
    const { sentAt, startedAt } = this.#exchange;
    const now = this.#now();
    const origin = sentAt === 0 ? 0 : now - sentAt;
    return { edge: now - startedAt - origin, originFirstByte: origin };
  }
}

/** What rules see of a body that was read so far. */
export function bodyFacts(received: Buffer, contentLength: number, isWhole: boolean): BodyFacts {
  return {
    raw: received.toString('latin1', 0, MAX_INSPECTED),
    size: contentLength >= 0 ? contentLength : received.length,
    isTruncated: !isWhole || received.length > MAX_INSPECTED,
  };
}

/** What rules see of a response's head. */
export function responseFacts(head: ResponseHead): ResponseFacts {
  const headers = fieldLines(head.fields);
  if (head.contentLength >= 0) headers.push(['Content-Length', String(head.contentLength)]);
  if (head.contentEncoding !== null) headers.push(['Content-Encoding', head.contentEncoding]);
  return { status: head.status, headers, rawHeaders: headers, errorType: '', errorCode: 0 };
}

/** All fields of a request as it came: also those that no origin gets. */
function sentFields(head: RequestHead, fields: string): readonly HeaderField[] {
  if (head.source !== '') return fieldLines(head.source.slice(head.source.indexOf('\r\n') + 2));
  const sent: HeaderField[] = head.host === null ? [] : [['host', head.host]];
  sent.push(...fieldLines(fields), ...fieldLines(head.dropped));
  if (head.acceptEncoding !== null) sent.push(['accept-encoding', head.acceptEncoding]);
  if (head.contentLength >= 0) sent.push(['content-length', String(head.contentLength)]);
  if (head.forwardedFor !== null) sent.push(['x-forwarded-for', head.forwardedFor]);
  if (head.cdnLoop !== null) sent.push(['cdn-loop', head.cdnLoop]);
  if (head.expect !== null) sent.push(['expect', head.expect]);
  return sent;
}

function fieldLines(text: string): HeaderField[] {
  const fields: HeaderField[] = [];
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return fields;
}
