/** Something with a deadline. */
export interface Timed {
  /** On the clock of `Deadlines.now`; Infinity for none. */
  deadline: number;
  onDeadline(): void;
}

/**
 * One timer for all connections of a worker. Setting a deadline is an assignment: no timer is made or cleared on the
 * request path. Deadlines are kept to within `interval` milliseconds.
 */
export class Deadlines {
  readonly #timed = new Set<Timed>();
  readonly #clock: () => number;
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds, as of the last tick. */
  now: number;

  constructor(clock: () => number, interval: number) {
    this.#clock = clock;
    this.now = clock();
    this.#timer = setInterval(() => this.#tick(), interval);
    this.#timer.unref();
  }

  add(timed: Timed): void {
    this.#timed.add(timed);
  }

  remove(timed: Timed): void {
    this.#timed.delete(timed);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.now = this.#clock();
    for (const timed of this.#timed) {
      if (timed.deadline <= this.now) {
        timed.deadline = Number.POSITIVE_INFINITY;
        timed.onDeadline();
      }
    }
  }
}
