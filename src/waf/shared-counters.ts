import type { RateAsk, RateCount, RateGrant, RateReturn } from '../core/mod.ts';
import { type CounterAnswer, type CounterStore, OVER, WITHIN } from './counters.ts';

/** Sends questions and what comes back of shares to the place that counts; false where there is nobody to ask. */
export type AskCounters = (asks: readonly RateAsk[], returns: readonly RateReturn[]) => boolean;

/** What this worker may say of a counter without asking. */
interface Share {
  readonly limit: number;
  readonly window: number;
  /** How many it may still let in. */
  left: number;
  used: number;
  /** Until when the counter is over its limit at least, milliseconds since the epoch. */
  readonly overUntil: number;
}

/** A question about one counter, and who came after it was sent. */
interface Question {
  isSent: boolean;
  readonly counts: Waiting[];
  readonly later: Waiting[];
}

interface Waiting {
  readonly count: RateCount;
  readonly resolve: (answer: CounterAnswer) => void;
}

/**
 * Counters that all workers of a machine share (`CounterShares`): limits are exact whichever worker a visitor meets. Most questions
 * are answered here, out of this worker's share of a limit, or while it is known to be exceeded; the others of one turn of the event
 * loop go together. Where nobody answers (the control plane is away), this worker counts for itself until somebody does.
 */
export class SharedCounters implements CounterStore {
  readonly #ask: AskCounters;
  readonly #own: { take(count: RateCount): CounterAnswer };
  readonly #now: () => number;
  readonly #timeLimit: number;
  readonly #capacity: number;
  readonly #shares = new Map<string, Share>();
  readonly #questions = new Map<string, Question>();
  #next: string[] = [];
  #returns: RateReturn[] = [];

  /** `timeLimit`: milliseconds that an answer may take; `capacity`: how many shares are kept. */
  constructor(
    ask: AskCounters,
    own: { take(count: RateCount): CounterAnswer },
    now: () => number,
    timeLimit = 1_000,
    capacity = 50_000,
  ) {
    this.#ask = ask;
    this.#own = own;
    this.#now = now;
    this.#timeLimit = timeLimit;
    this.#capacity = capacity;
  }

  take(count: RateCount): CounterAnswer | Promise<CounterAnswer> {
    return this.#takeHere(count) ?? new Promise((resolve) => this.#takeThere({ count, resolve }));
  }

  /** The answers to questions. */
  answered(grants: readonly RateGrant[]): void {
    for (const grant of grants) this.#answered(grant);
  }

  /** Shares are called back. */
  recalled(keys: readonly string[]): void {
    for (const key of keys) this.#returns.push(this.#end(key) ?? { key, window: 0, used: 0 });
    this.#send([]);
  }

  /** Gives all shares back: nothing is taken any more. */
  returnAll(): void {
    this.recalled([...this.#shares.keys()]);
  }

  /** Nobody answers any more: what waits for an answer is counted here. What is yet to be sent finds out by itself. */
  lost(): void {
    for (const [key, { isSent }] of [...this.#questions]) if (isSent) this.#countHere(key);
  }

  #takeHere({ key, limit, period, reads, adds }: RateCount): CounterAnswer | null {
    const share = this.#shares.get(key);
    if (share === undefined || share.limit !== limit) return null;
    const now = this.#now();
    if (now < share.overUntil) return reads ? OVER : null;
    if (share.left < Math.max(adds, 1) || share.window !== Math.floor(now / period)) return null;
    share.left -= adds;
    share.used += adds;
    return WITHIN;
  }

  #takeThere(waiting: Waiting): void {
    const { key } = waiting.count;
    const question = this.#questions.get(key);
    if (question === undefined) {
      this.#questions.set(key, { isSent: false, counts: [waiting], later: [] });
      if (this.#next.length === 0) setImmediate(() => this.#flush());
      this.#next.push(key);
    } else (question.isSent ? question.later : question.counts).push(waiting);
  }

  #flush(): void {
    const questions = this.#next.map((key) => [key, this.#questions.get(key)!] as const);
    this.#next = [];
    const asks = questions.map(([key, question]) => this.#askFor(key, question));
    const giveUp = () => {
      for (const [key, question] of questions) if (this.#questions.get(key) === question) this.#countHere(key);
    };
    if (this.#send(asks)) setTimeout(giveUp, this.#timeLimit).unref();
    else giveUp();
  }

  /** What is left of the share goes back with the question. */
  #askFor(key: string, question: Question): RateAsk {
    const returned = this.#end(key);
    if (returned !== null) this.#returns.push(returned);
    question.isSent = true;
    const { limit, period, timeout } = question.counts.at(-1)!.count;
    let [requests, looks, adds] = [0, false, 0];
    for (const { count } of question.counts) {
      if (count.reads && count.adds === 1) requests++;
      else {
        looks ||= count.reads;
        adds += count.adds;
      }
    }
    return { key, limit, period, timeout, requests, looks, adds };
  }

  #send(asks: readonly RateAsk[]): boolean {
    const returns = this.#returns;
    this.#returns = [];
    return this.#ask(asks, returns);
  }

  #answered({ key, granted, isOver, until, share, window }: RateGrant): void {
    const question = this.#questions.get(key);
    // Answered too late: what it grants counts as let in.
    if (question === undefined) return;
    this.#questions.delete(key);
    const { limit } = question.counts.at(-1)!.count;
    if (isOver || share > 0) this.#keep(key, { limit, window, left: share, used: 0, overUntil: until });
    let left = granted;
    for (const { count, resolve } of question.counts) {
      if (!count.reads) resolve(WITHIN);
      else if (count.adds === 1) resolve(left-- > 0 ? WITHIN : OVER);
      else resolve(isOver ? OVER : WITHIN);
    }
    for (const waiting of question.later) {
      const answer = this.#takeHere(waiting.count);
      if (answer === null) this.#takeThere(waiting);
      else waiting.resolve(answer);
    }
  }

  #keep(key: string, share: Share): void {
    if (this.#shares.size >= this.#capacity) {
      const [oldest] = this.#shares.keys();
      const returned = this.#end(oldest!);
      if (returned !== null) this.#returns.push(returned);
    }
    this.#shares.set(key, share);
  }

  /** Ends a share. Null where there was nothing to give back. */
  #end(key: string): RateReturn | null {
    const share = this.#shares.get(key);
    if (share === undefined) return null;
    this.#shares.delete(key);
    return share.left + share.used === 0 ? null : { key, window: share.window, used: share.used };
  }

  #countHere(key: string): void {
    const { counts, later } = this.#questions.get(key)!;
    this.#questions.delete(key);
    for (const { count, resolve } of [...counts, ...later]) resolve(this.#own.take(count));
  }
}
