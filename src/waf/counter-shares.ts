import type { RateAsk, RateGrant, RateReturn } from '../core/mod.ts';
import { type Counter, estimate, type MemoryCounters, overUntil } from './counters.ts';

interface Share {
  readonly window: number;
  /** How many the worker may let in by itself, at most: what it has let in of them is not known. */
  size: number;
}

interface Recall {
  readonly waiting: Set<object>;
  readonly done: Promise<void>;
  readonly end: () => void;
}

/**
 * The one place that counts for all workers of a machine, by shares: whoever asks gets what it asks for and half of what is
 * left, to let in by itself without asking. Nobody else is let in on a share, so that never more than the limit pass; and
 * before anybody is refused all shares are called back, so that never fewer do.
 */
export class CounterShares {
  readonly #counters: MemoryCounters;
  readonly #now: () => number;
  readonly #recall: (worker: object, key: string) => void;
  readonly #shares = new WeakMap<Counter, Map<object, Share>>();
  readonly #recalls = new Map<string, Recall>();
  readonly #gone = new WeakSet<object>();
  readonly #timeLimit: number;

  /**
   * `recall` asks a worker to give a share back. Workers are told apart by identity. `timeLimit`: milliseconds that a worker may take to
   * give it back.
   */
  constructor(
    counters: MemoryCounters,
    now: () => number,
    recall: (worker: object, key: string) => void,
    timeLimit = 250,
  ) {
    this.#counters = counters;
    this.#now = now;
    this.#recall = recall;
    this.#timeLimit = timeLimit;
  }

  /** Answers at once where it can, and else when the shares of others are back. */
  ask(worker: object, ask: RateAsk): RateGrant | Promise<RateGrant> {
    this.#add(ask);
    return this.#answer(worker, ask) ?? this.#answerLater(worker, ask);
  }

  /** Takes back what a worker used of a share, and the share. */
  giveBack(worker: object, { key, window, used }: RateReturn): void {
    const counter = this.#counters.find(key, this.#now());
    const shares = counter && this.#shares.get(counter);
    // No share: it was taken for used when the worker did not answer in time.
    if (shares?.delete(worker)) count(counter!, window, used);
    this.#returned(worker, key);
  }

  /** A worker is gone: what it used of its shares is not known, so all of them count as used. */
  gone(worker: object): void {
    this.#gone.add(worker);
    for (const key of [...this.#recalls.keys()]) this.#returned(worker, key);
  }

  #add({ key, period, adds }: RateAsk): void {
    if (adds === 0) return;
    const now = this.#now();
    const counter = this.#counters.find(key, now) ?? this.#counters.open(key, period, now);
    if (counter.heldUntil === 0) counter.current += adds;
  }

  /** Null where the shares of others have to come back first. */
  #answer(worker: object, { key, limit, period, timeout, requests, looks }: RateAsk): RateGrant | null {
    const now = this.#now();
    const counter = this.#counters.find(key, now) ?? this.#counters.open(key, period, now);
    if (counter.heldUntil > 0) return over(key, 0, counter.heldUntil);
    const lent = this.#lent(counter);
    // As many as may be let in one after the other: each as long as less than the limit was counted before it.
    const room = Math.ceil(limit - estimate(counter, now)) - lent;
    if (room < Math.max(requests, looks ? 1 : 0) && lent > 0) return null;
    const granted = Math.max(0, Math.min(requests, room));
    counter.current += granted;
    if (granted < requests || (looks && room <= granted)) {
      if (timeout > 0) this.#counters.hold(key, counter, now + timeout);
      return over(key, granted, timeout > 0 ? counter.heldUntil : overUntil(counter, limit));
    }
    const share = Math.max(0, Math.floor((room - granted) / 2));
    if (share > 0) this.#lend(counter, worker, share);
    return { key, granted, isOver: false, until: 0, share, window: counter.window };
  }

  async #answerLater(worker: object, ask: RateAsk): Promise<RateGrant> {
    for (;;) {
      await this.#recallAll(ask.key);
      const answer = this.#answer(worker, ask);
      if (answer !== null) return answer;
    }
  }

  /** What workers may have let in by themselves, or may yet, at most. */
  #lent(counter: Counter): number {
    const shares = this.#shares.get(counter);
    if (shares === undefined) return 0;
    let lent = 0;
    for (const [worker, { window, size }] of shares) {
      if (this.#gone.has(worker) || window < counter.window - 1) {
        shares.delete(worker);
        count(counter, window, size);
      } else lent += size;
    }
    return lent;
  }

  #lend(counter: Counter, worker: object, size: number): void {
    let shares = this.#shares.get(counter);
    if (shares === undefined) {
      shares = new Map();
      this.#shares.set(counter, shares);
    }
    const share = shares.get(worker);
    if (share?.window === counter.window) share.size += size;
    else {
      // Of a share that it does not know of, for the answer came too late.
      if (share !== undefined) count(counter, share.window, share.size);
      shares.set(worker, { window: counter.window, size });
    }
  }

  /** Resolves when all shares of a counter are back, or taken for used. */
  #recallAll(key: string): Promise<void> {
    const under = this.#recalls.get(key);
    if (under !== undefined) return under.done;
    const counter = this.#counters.find(key, this.#now());
    const shares = counter && this.#shares.get(counter);
    if (shares === undefined || shares.size === 0) return Promise.resolve();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const end = () => {
      clearTimeout(timer);
      this.#recalls.delete(key);
      for (const { window, size } of shares.values()) count(counter!, window, size);
      shares.clear();
      resolve();
    };
    const timer = setTimeout(end, this.#timeLimit);
    this.#recalls.set(key, { waiting: new Set(shares.keys()), done, end });
    for (const worker of [...shares.keys()]) this.#recall(worker, key);
    return done;
  }

  #returned(worker: object, key: string): void {
    const recall = this.#recalls.get(key);
    if (recall?.waiting.delete(worker) && recall.waiting.size === 0) recall.end();
  }
}

function over(key: string, granted: number, until: number): RateGrant {
  return { key, granted, isOver: true, until, share: 0, window: 0 };
}

/** Counts what was let in within `window`. */
function count(counter: Counter, window: number, used: number): void {
  if (window === counter.window) counter.current += used;
  else if (window === counter.window - 1) counter.previous += used;
}
