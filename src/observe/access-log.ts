/**
 * One line of the access log: names as in Logpush's `http_requests` where one exists, and our own below the blank
 * line (design/product.md). Times are RFC 3339.
 */
export interface AccessRecord {
  readonly RayID: string;
  readonly ZoneName: string;
  readonly ClientIP: string;
  readonly ClientRequestHost: string;
  readonly ClientRequestMethod: string;
  readonly ClientRequestURI: string;
  readonly ClientRequestProtocol: string;
  readonly ClientRequestScheme: string;
  readonly ClientSSLProtocol: string;
  readonly EdgeStartTimestamp: string;
  readonly EdgeEndTimestamp: string;
  readonly EdgeResponseStatus: number;
  /** Body bytes sent to the visitor. */
  readonly EdgeResponseBytes: number;
  readonly OriginIP: string;
  /** 0 where no response head came. */
  readonly OriginResponseStatus: number;
  /** `none` where the origin was reached over plain http, or not at all. */
  readonly OriginSSLProtocol: string;

  /** The certificate that the edge was ready to present. An origin that does not ask gets none. */
  readonly OriginClientCertLevel: 'hostname' | 'zone' | 'global' | 'none';
  readonly OriginClientCertID: string;
  /** Why the origin pull failed: a key of `ORIGIN_FAILURES`, or empty. */
  readonly OriginFailure: string;
}

/** Takes the text of whole lines; may be called again before the last text is on disk. */
export type LineSink = (lines: string) => void;

const FLUSH_AT = 64 * 1024;
const FLUSH_AFTER = 200;

/** Writes access records as JSON lines, several a write. */
export class AccessLog {
  readonly #sink: LineSink;
  #lines = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  write(record: AccessRecord): void {
    this.#lines += `${JSON.stringify(record)}\n`;
    if (this.#lines.length >= FLUSH_AT) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER);
  }

  /** Hands over what is collected. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#sink(lines);
  }
}
