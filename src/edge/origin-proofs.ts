import { type Enforcement, hostPort, type OriginProof } from '../core/mod.ts';

/** An address that the edge presented a client certificate to. */
export interface ProofTarget {
  readonly zoneId: string;
  /** The visitor's hostname. */
  readonly hostname: string;
  /** The server name of the handshake. */
  readonly serverName: string;
  readonly address: string;
  readonly port: number;
}

/** Connects once without a certificate, and says what the origin made of it. Never rejects. */
export type ProveOrigin = (target: ProofTarget) => Promise<Enforcement>;

/** When origins are tried, in milliseconds. */
export interface ProofTimes {
  /** Until an address is tried again, where it enforces. */
  readonly again: number;
  /** The same, where it does not yet. */
  readonly soon: number;
  /** From one attempt to the next, whatever the address. */
  readonly pause: number;
}

const PROOF_TIMES: ProofTimes = { again: 3_600_000, soon: 600_000, pause: 1_000 };

const MAX_ADDRESSES = 10_000;
/** A wildcard has as many names as visitors make up. */
const MAX_WAITING = 1_000;

/**
 * Whether origins demand what is presented to them: a client is not told whether its certificate was asked for. So an address that was
 * presented one is tried now and then without, by a connection of the edge's own: one at a time, and each address once an hour.
 */
export class OriginProofs {
  readonly #prove: ProveOrigin;
  readonly #now: () => number;
  readonly #times: ProofTimes;
  /** When an address is tried again. */
  readonly #due = new Map<string, number>();
  readonly #waiting: ProofTarget[] = [];
  #found: OriginProof[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(prove: ProveOrigin, now: () => number, times: ProofTimes = PROOF_TIMES) {
    this.#prove = prove;
    this.#now = now;
    this.#times = times;
  }

  /** A certificate was presented to an address, and the handshake came to its end. */
  presented(target: ProofTarget): void {
    if (this.#isStopped) return;
    const key = keyOf(target.zoneId, target.hostname, hostPort(target.address, target.port));
    const due = this.#due.get(key);
    if (due !== undefined && due > this.#now()) return;
    // Whoever is left out comes again with its next connection.
    if (this.#waiting.length >= MAX_WAITING) return;
    if (this.#due.size >= MAX_ADDRESSES) this.#due.delete(this.#due.keys().next().value!);
    this.#due.delete(key);
    this.#due.set(key, this.#now() + this.#times.soon);
    this.#waiting.push(target);
    this.#timer ??= setTimeout(() => this.#tryNext(), this.#times.pause).unref();
  }

  /** Another worker tried an address: this one need not. */
  heard(proofs: readonly OriginProof[]): void {
    for (const { zoneId, hostname, address, enforcement, at } of proofs)
      this.#due.set(keyOf(zoneId, hostname, address), at + this.#wait(enforcement));
  }

  /** What was found since the last call. */
  take(): readonly OriginProof[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }

  /** How many addresses wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Tries nothing any more. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #tryNext(): Promise<void> {
    const target = this.#waiting.shift();
    if (target !== undefined) {
      const { zoneId, hostname } = target;
      const address = hostPort(target.address, target.port);
      const enforcement = await this.#prove(target);
      const at = this.#now();
      this.#due.set(keyOf(zoneId, hostname, address), at + this.#wait(enforcement));
      this.#found.push({ zoneId, hostname, address, enforcement, at });
    }
    const isMore = this.#waiting.length > 0 && !this.#isStopped;
    this.#timer = isMore ? setTimeout(() => this.#tryNext(), this.#times.pause).unref() : null;
  }

  #wait(enforcement: Enforcement): number {
    return enforcement === 'enforced' ? this.#times.again : this.#times.soon;
  }
}

function keyOf(zoneId: string, hostname: string, address: string): string {
  return `${zoneId} ${hostname} ${address}`;
}
