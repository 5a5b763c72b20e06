/** One question to a counter: whether it is over its limit, and what to add where it is not (spec/waf.md 1.6). Plain data. */
export interface RateCount {
  readonly key: string;
  /** Over the limit means that so much, or more, was counted within the period. */
  readonly limit: number;
  /** Milliseconds. */
  readonly period: number;
  /** Milliseconds that whoever went over the limit is held back; 0 holds back only the excess. */
  readonly timeout: number;
  /** False to add without asking. */
  readonly reads: boolean;
  /** What is added, unless the counter is over its limit. */
  readonly adds: number;
}
