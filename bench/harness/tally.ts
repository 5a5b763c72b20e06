/** What the load of a soak consists of; `change` is one through the API. */
export const KINDS = ['keep-alive', 'new connection', 'HTTP/2', 'upload', 'download', 'WebSocket', 'change'] as const;

/** One of `KINDS`. */
export type Kind = (typeof KINDS)[number];

const SHOWN = 20;

/** Counts requests and what went wrong. */
export class Tally {
  readonly requests: Record<Kind, number> = counts();
  readonly failures: Record<Kind, number> = counts();
  /** Requests sent again because their connection had been closed while it was idle (RFC 9112 section 9.3.1). */
  retries = 0;
  readonly #onFailure: (text: string) => void;

  constructor(onFailure: (text: string) => void) {
    this.#onFailure = onFailure;
  }

  get failed(): number {
    return Object.values(this.failures).reduce((sum, count) => sum + count, 0);
  }

  /** Counts one request that went well if `work` resolves, one that failed if it throws. */
  async count(kind: Kind, work: () => Promise<void>): Promise<void> {
    this.requests[kind]++;
    try {
      await work();
    } catch (error) {
      this.failures[kind]++;
      if (this.failed <= SHOWN) this.#onFailure(`${kind}: ${(error as Error).message.slice(0, 1000)}`);
    }
  }
}

function counts(): Record<Kind, number> {
  return Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
}
