/** Methods that are counted by name; any other is `_OTHER`. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT', '_OTHER'] as const;
/** `none` where the visitor was gone before an answer began. */
const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const PROTOCOLS = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2'] as const;
/** Whose client certificate a connection to an origin was ready to present. */
const CERTIFICATE_LEVELS = ['none', 'global', 'zone', 'hostname'] as const;
/** How a TLS handshake with an origin went. */
const HANDSHAKE_OUTCOMES = ['ok', 'client_cert_refused', 'untrusted', 'expired', 'name', 'timeout', 'reset'] as const;
/** Upper bounds of the duration histogram's buckets, in seconds; what takes longer is in none of them. */
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 125] as const;

/** One of `CERTIFICATE_LEVELS`. */
export type CertificateLevel = (typeof CERTIFICATE_LEVELS)[number];
/** One of `HANDSHAKE_OUTCOMES`. */
export type HandshakeOutcome = (typeof HANDSHAKE_OUTCOMES)[number];

const METHOD_INDEX: ReadonlyMap<string, number> = new Map(METHODS.map((name, i) => [name, i]));
const OTHER_METHOD = METHODS.length - 1;

// Where each kind of count begins in the one array that holds them all.
const REQUESTS = 0;
const DURATION = REQUESTS + METHODS.length * STATUS_CLASSES.length * PROTOCOLS.length;
const DURATION_SUM = DURATION + DURATION_BOUNDS.length + 1;
const HANDSHAKES = DURATION_SUM + 1;
const REUSED = HANDSHAKES + CERTIFICATE_LEVELS.length * HANDSHAKE_OUTCOMES.length;
const LOG_DROPPED = REUSED + CERTIFICATE_LEVELS.length;
const TOTALS = LOG_DROPPED + 1;
const IN_FLIGHT = 0;
const CONNECTIONS = 1;
const GAUGES = CONNECTIONS + CERTIFICATE_LEVELS.length;

/** What one worker reports: what came to its totals since its last report, and its gauges as they are. */
export interface CounterReport {
  readonly added: readonly number[];
  readonly gauges: readonly number[];
}

/** The place of a level in the arrays: kept by a pool, so that counting needs no look-up. */
export function levelIndex(level: CertificateLevel): number {
  return CERTIFICATE_LEVELS.indexOf(level);
}

/**
 * What one worker counts. Counting adds to a number in an array and makes nothing: it happens for each request. Only
 * `metrics.ts` gives the numbers names.
 */
export class EdgeCounters {
  readonly #totals = new Float64Array(TOTALS);
  readonly #reported = new Float64Array(TOTALS);
  readonly #gauges = new Float64Array(GAUGES);

  /** A request began. */
  requestBegan(): void {
    this.#gauges[IN_FLIGHT]!++;
  }

  /** A request is over: `status` 0 for no answer, `milliseconds` since it began. */
  requestOver(method: string, status: number, protocol: string, milliseconds: number): void {
    this.#gauges[IN_FLIGHT]!--;
    const methodAt = METHOD_INDEX.get(method) ?? OTHER_METHOD;
    const classAt = Math.min(5, Math.floor(status / 100));
    const protocolAt = protocol === 'HTTP/1.1' ? 1 : protocol === 'HTTP/1.0' ? 0 : 2;
    this.#totals[REQUESTS + (methodAt * STATUS_CLASSES.length + classAt) * PROTOCOLS.length + protocolAt]!++;
    const seconds = milliseconds / 1000;
    let bucket = 0;
    while (bucket < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[bucket]!) bucket++;
    this.#totals[DURATION + bucket]!++;
    this.#totals[DURATION_SUM]! += seconds;
  }

  /** A TLS handshake with an origin was decided. */
  handshake(level: number, outcome: HandshakeOutcome): void {
    this.#totals[HANDSHAKES + level * HANDSHAKE_OUTCOMES.length + HANDSHAKE_OUTCOMES.indexOf(outcome)]!++;
  }

  /** A connection to an origin was opened. */
  connectionOpened(level: number): void {
    this.#gauges[CONNECTIONS + level]!++;
  }

  connectionClosed(level: number): void {
    this.#gauges[CONNECTIONS + level]!--;
  }

  /** A connection to an origin took a further request. */
  connectionReused(level: number): void {
    this.#totals[REUSED + level]!++;
  }

  /** A line of the access log had to be left out. */
  logDropped(): void {
    this.#totals[LOG_DROPPED]!++;
  }

  /** What came since the last report; from here on it counts as reported. */
  report(): CounterReport {
    const added = Array.from(this.#totals, (total, i) => total - this.#reported[i]!);
    this.#reported.set(this.#totals);
    return { added, gauges: [...this.#gauges] };
  }
}

/** The counts of all workers that there are and were: totals never go down, gauges are those of the living. */
export class CounterTotals {
  readonly #totals = new Float64Array(TOTALS);
  readonly #gauges = new Map<object, readonly number[]>();

  /** Adds a worker's report. One of another program version, whose numbers mean something else, is left out. */
  add(worker: object, { added, gauges }: CounterReport): void {
    if (added.length !== TOTALS || gauges.length !== GAUGES) return;
    for (let i = 0; i < TOTALS; i++) this.#totals[i]! += added[i]!;
    this.#gauges.set(worker, gauges);
  }

  /** A worker is gone, and its connections with it. */
  remove(worker: object): void {
    this.#gauges.delete(worker);
  }

  /** Requests that are over, where there were any. */
  *requests(): Iterable<{ method: string; statusClass: string; protocol: string; count: number }> {
    for (const [m, method] of METHODS.entries()) {
      for (const [c, statusClass] of STATUS_CLASSES.entries()) {
        for (const [p, protocol] of PROTOCOLS.entries()) {
          const count = this.#totals[REQUESTS + (m * STATUS_CLASSES.length + c) * PROTOCOLS.length + p]!;
          if (count > 0) yield { method, statusClass, protocol, count };
        }
      }
    }
  }

  /** Durations of requests: by upper bound in seconds, how many took no longer. */
  durations(): { buckets: { bound: number; count: number }[]; sum: number } {
    let count = 0;
    const bounds = [...DURATION_BOUNDS, Number.POSITIVE_INFINITY];
    const buckets = bounds.map((bound, i) => {
      count += this.#totals[DURATION + i]!;
      return { bound, count };
    });
    return { buckets, sum: this.#totals[DURATION_SUM]! };
  }

  /** Handshakes with origins, where there were any. */
  *handshakes(): Iterable<{ level: CertificateLevel; outcome: HandshakeOutcome; count: number }> {
    for (const [l, level] of CERTIFICATE_LEVELS.entries()) {
      for (const [o, outcome] of HANDSHAKE_OUTCOMES.entries()) {
        const count = this.#totals[HANDSHAKES + l * HANDSHAKE_OUTCOMES.length + o]!;
        if (count > 0) yield { level, outcome, count };
      }
    }
  }

  /** Connections to origins: open now, and further requests that they took. */
  connections(): { level: CertificateLevel; open: number; reused: number }[] {
    return CERTIFICATE_LEVELS.map((level, i) => ({
      level,
      open: this.#gauge(CONNECTIONS + i),
      reused: this.#totals[REUSED + i]!,
    }));
  }

  get inFlight(): number {
    return this.#gauge(IN_FLIGHT);
  }

  get logDropped(): number {
    return this.#totals[LOG_DROPPED]!;
  }

  #gauge(at: number): number {
    return [...this.#gauges.values()].reduce((sum, gauges) => sum + gauges[at]!, 0);
  }
}
