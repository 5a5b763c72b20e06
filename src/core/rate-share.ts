/** What a worker asks the place that counts for all workers, about one counter (spec/waf.md 1.6). Plain data. */
export interface RateAsk {
  readonly key: string;
  readonly limit: number;
  /** Milliseconds. */
  readonly period: number;
  /** Milliseconds that whoever went over the limit is held back. */
  readonly timeout: number;
  /** Requests that wait to be let in, each counting one. */
  readonly requests: number;
  /** Whether requests wait that only look. */
  readonly looks: boolean;
  /** What is counted whatever the answer is. */
  readonly adds: number;
}

/** The answer: nobody else is let in on what it grants. Plain data. */
export interface RateGrant {
  readonly key: string;
  /** How many of the requests are let in. */
  readonly granted: number;
  /** Whether the counter is over its limit. */
  readonly isOver: boolean;
  /** Where it is over: until when it is so at least, milliseconds since the epoch. */
  readonly until: number;
  /** How many more the worker may let in by itself, within `window`. */
  readonly share: number;
  /** The window that the share belongs to: its begin divided by the period. */
  readonly window: number;
}

/** What a worker used of its share of a counter, which ends with that. Plain data. */
export interface RateReturn {
  readonly key: string;
  readonly window: number;
  readonly used: number;
}
