/** Source of the time. Passed in wherever time matters, so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch, with a fraction down to microseconds. */
  now(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  // Date.now() has whole milliseconds; the API's upload times have microseconds (spec/origin-pulls.md 1.3).
  now: () => performance.timeOrigin + performance.now(),
};
