import { randomInt } from 'node:crypto';

/** Whole numbers below `limit`, the same ones for the same seed. */
export type Draw = (limit: number) => number;

/** The seed in the variable COUNTERSIGN_TEST_SEED, else a new one. Print it: with it a failure comes again. */
export function chooseSeed(): number {
  return Number(process.env.COUNTERSIGN_TEST_SEED ?? randomInt(2 ** 32));
}

/** Mulberry32: small, and random enough to choose when things go wrong. */
export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
