import type { RateCount } from '../core/mod.ts';

/** What a counter says. */
export interface CounterAnswer {
  readonly isOver: boolean;
}

/**
 * Where rate limits count. One that all edges share answers later; one in this process at once, so that nobody waits.
 * A store that cannot be asked rejects.
 */
export interface CounterStore {
  take(request: RateCount): CounterAnswer | Promise<CounterAnswer>;
}

export const OVER: CounterAnswer = { isOver: true };
export const WITHIN: CounterAnswer = { isOver: false };

/** How many counters are looked at to find one to forget. */
const SAMPLE = 16;

/** A sliding window of two fixed ones. */
export interface Counter {
  /** Which window `current` belongs to: its begin divided by the period. */
  window: number;
  /** Milliseconds. */
  readonly period: number;
  current: number;
  /** What the window before had. */
  previous: number;
  /** Until when requests are held back, milliseconds since the epoch; 0 for not at all. */
  heldUntil: number;
}

/**
 * Counters in memory, at most `capacity`. What was counted within the last period is estimated from two windows: the
 * current one, and the part of the one before that the period still reaches into. Where there is no room, what matters
 * least is forgotten: windows that are over, then low counts, and counters that hold somebody back only where there are
 * no others.
 */
export class MemoryCounters implements CounterStore {
  readonly #now: () => number;
  readonly #capacity: number;
  readonly #counters = new Map<string, Counter>();
  /** Those that hold somebody back. */
  readonly #holding = new Map<string, Counter>();
  /** Walks over `#counters` again and again. */
  #walk: Iterator<[string, Counter]> | null = null;

  constructor(now: () => number, capacity = 200_000) {
    this.#now = now;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#counters.size + this.#holding.size;
  }

  take({ key, limit, period, timeout, reads, adds }: RateCount): CounterAnswer {
    const now = this.#now();
    const counter = this.find(key, now);
    if (counter === undefined) {
      if (adds > 0) this.open(key, period, now).current = adds;
      return WITHIN;
    }
    if (counter.heldUntil > 0) return reads ? OVER : WITHIN;
    if (reads && estimate(counter, now) >= limit) {
      if (timeout > 0) this.hold(key, counter, now + timeout);
      return OVER;
    }
    counter.current += adds;
    return WITHIN;
  }

  /** The counter of `key` as of `now`; where its `heldUntil` is not 0, it holds somebody back. */
  find(key: string, now: number): Counter | undefined {
    const holding = this.#holding.get(key);
    if (holding !== undefined) {
      if (now < holding.heldUntil) return holding;
      this.#holding.delete(key);
      holding.heldUntil = 0;
      this.#counters.set(key, holding);
    }
    const counter = this.#counters.get(key);
    if (counter !== undefined) advance(counter, now);
    return counter;
  }

  /** A new counter in place of none. */
  open(key: string, period: number, now: number): Counter {
    const counter = { window: Math.floor(now / period), period, current: 0, previous: 0, heldUntil: 0 };
    if (this.size >= this.#capacity) this.#forget();
    this.#counters.set(key, counter);
    return counter;
  }

  /** Holds back whoever comes with `key`. */
  hold(key: string, counter: Counter, until: number): void {
    counter.heldUntil = until;
    this.#counters.delete(key);
    this.#holding.set(key, counter);
  }

  #forget(): void {
    const now = this.#now();
    let least: string | null = null;
    let leastCount = Number.POSITIVE_INFINITY;
    for (let i = 0; i < SAMPLE; i++) {
      const next = this.#next();
      if (next === null) break;
      const [key, counter] = next;
      advance(counter, now);
      const count = estimate(counter, now);
      if (count < leastCount) {
        least = key;
        leastCount = count;
      }
    }
    if (least !== null) this.#counters.delete(least);
    else this.#forgetHolding();
  }

  /** The oldest of those that hold somebody back: it comes first. */
  #forgetHolding(): void {
    const oldest = this.#holding.keys().next();
    if (oldest.done !== true) this.#holding.delete(oldest.value);
  }

  #next(): [string, Counter] | null {
    const next = this.#walk?.next();
    if (next !== undefined && next.done !== true) return next.value;
    this.#walk = this.#counters.entries();
    const first = this.#walk.next();
    return first.done === true ? null : first.value;
  }
}

function advance(counter: Counter, now: number): void {
  const window = Math.floor(now / counter.period);
  if (window === counter.window) return;
  counter.previous = window === counter.window + 1 ? counter.current : 0;
  counter.current = 0;
  counter.window = window;
}

/** What was counted within the last period. */
export function estimate({ window, period, current, previous }: Counter, now: number): number {
  return current + previous * (window + 1 - now / period);
}

/** Until when a counter that is over `limit` stays so if nothing is added: milliseconds since the epoch, rounded down. */
export function overUntil({ window, period, current, previous }: Counter, limit: number): number {
  return current < limit
    ? Math.floor(period * (window + 1 - (limit - current) / previous))
    : Math.floor(period * (window + 2 - limit / current));
}
