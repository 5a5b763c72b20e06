import type { RateCount } from '../core/mod.ts';
import type { CounterAnswer, CounterStore } from './counters.ts';

/** Asks for several counters at a time: which questions, by their positions, are over their limit. Null where nobody answers. */
export type AskCounters = (counts: readonly RateCount[]) => Promise<readonly number[] | null>;

/**
 * Counters that all workers of a machine share: each question goes to the one place that counts, so that limits are exact whichever
 * worker a visitor meets. Questions of one turn of the event loop go together. Where nobody answers (the control plane is away),
 * this worker counts for itself until somebody does.
 */
export class SharedCounters implements CounterStore {
  readonly #ask: AskCounters;
  readonly #own: { take(count: RateCount): CounterAnswer };
  readonly #limit: number;
  #counts: RateCount[] = [];
  #answers: ((answer: CounterAnswer) => void)[] = [];

  /** `limit`: milliseconds that an answer may take. */
  constructor(ask: AskCounters, own: { take(count: RateCount): CounterAnswer }, limit = 1_000) {
    this.#ask = ask;
    this.#own = own;
    this.#limit = limit;
  }

  take(count: RateCount): Promise<CounterAnswer> {
    return new Promise((resolve) => {
      if (this.#counts.length === 0) setImmediate(() => this.#flush());
      this.#counts.push(count);
      this.#answers.push(resolve);
    });
  }

  #flush(): void {
    const counts = this.#counts;
    const answers = this.#answers;
    this.#counts = [];
    this.#answers = [];
    const answer = (over: readonly number[] | null) => {
      clearTimeout(timer);
      const isOver = new Set(over);
      for (const [i, resolve] of answers.splice(0).entries())
        resolve(over === null ? this.#own.take(counts[i]!) : { isOver: isOver.has(i) });
    };
    const timer = setTimeout(() => answer(null), this.#limit);
    this.#ask(counts).then(answer);
  }
}
