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
  /** What a rule did to the request last (an action's name of the API); empty where none did. */
  readonly SecurityAction: string;
  readonly SecurityRuleID: string;
  /** What rules of the phase `http_log_custom_fields` asked for. */
  readonly RequestHeaders?: Readonly<Record<string, string>>;
  readonly ResponseHeaders?: Readonly<Record<string, string>>;
  readonly Cookies?: Readonly<Record<string, string>>;

  /** The certificate that the edge was ready to present. An origin that does not ask gets none. */
  readonly OriginClientCertLevel: 'hostname' | 'zone' | 'global' | 'none';
  readonly OriginClientCertID: string;
  /** Why the origin pull failed: a key of `ORIGIN_FAILURES`, or empty. */
  readonly OriginFailure: string;
  /** Of the visitor's `traceparent` (W3C Trace Context), which goes to the origin as it came; empty without a valid one. */
  readonly TraceID: string;
}

/** Takes the text of whole lines, and calls `taken` when it can take more; at once, or later. */
export type LineSink = (lines: string, taken: () => void) => void;

const FLUSH_AT = 64 * 1024;
const FLUSH_AFTER = 200;
const MAX_WAITING = 8 * 1024 * 1024;

/**
 * Writes access records as JSON lines, several a write. Where the sink does not keep up, lines wait up to a limit and are
 * dropped and counted beyond it: a slow disk or reader must not hold a request.
 */
export class AccessLog {
  readonly #sink: LineSink;
  readonly #onDrop: () => void;
  readonly #maxWaiting: number;
  #lines = '';
  #timer: NodeJS.Timeout | null = null;
  #isBusy = false;
  #whenIdle: (() => void)[] = [];

  constructor(sink: LineSink, onDrop: () => void = () => undefined, maxWaiting = MAX_WAITING) {
    this.#sink = sink;
    this.#onDrop = onDrop;
    this.#maxWaiting = maxWaiting;
  }

  write(record: AccessRecord): void {
    if (this.#lines.length >= this.#maxWaiting) {
      this.#onDrop();
      return;
    }
    this.#lines += `${JSON.stringify(record)}\n`;
    if (this.#lines.length >= FLUSH_AT) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER);
  }

  /** Hands over what is collected, as soon as the sink takes it. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isBusy) return;
    const lines = this.#lines;
    this.#lines = '';
    if (lines === '') {
      for (const resolve of this.#whenIdle.splice(0)) resolve();
      return;
    }
    this.#isBusy = true;
    this.#sink(lines, () => {
      this.#isBusy = false;
      if (this.#lines.length >= FLUSH_AT || this.#whenIdle.length > 0) this.flush();
    });
  }

  /** Resolves when everything is handed over, at the latest after `limit` milliseconds. */
  async end(limit: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limit);
      this.#whenIdle.push(resolve);
      this.flush();
    });
    clearTimeout(timer);
  }
}
