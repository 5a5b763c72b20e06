import { type Address, addressSet, compareAddresses } from '../match/mod.ts';
import type { Order, Test } from './expression.ts';
import type { Value } from './types.ts';

/** Says whether a value passes a test. */
export type Predicate = (value: Value) => boolean;

/** Compiles a test: sets become hash tables or sorted ranges (spec/waf.md 4.2). */
export function predicateOf(test: Test): Predicate {
  switch (test.kind) {
    case 'is true':
      return (value) => value === true;
    case 'order':
      return typeof test.value === 'object' ? addressOrder(test.order, test.value) : plainOrder(test.order, test.value);
    case 'bits':
      return bits(test.mask);
    case 'contains': {
      const { text } = test;
      return (value) => (value as string).includes(text);
    }
    case 'matches': {
      const { regex } = test;
      return (value) => regex.test(value as string);
    }
    case 'wildcard': {
      const { wildcard } = test;
      return (value) => wildcard.test(value as string);
    }
    case 'in strings': {
      const texts = new Set<Value>(test.texts);
      return (value) => texts.has(value);
    }
    case 'in integers':
      return inIntegers(test.ranges);
    case 'in addresses': {
      const set = addressSet(test.ranges);
      return (value) => set.has(value as Address);
    }
    case 'in list':
      return test.has;
  }
}

/** Strings order by their bytes, which as latin1 are their characters. */
function plainOrder(order: Order, right: string | number): Predicate {
  switch (order) {
    case 'eq':
      return (value) => value === right;
    case 'ne':
      return (value) => value !== right;
    case 'ge':
      return (value) => (value as typeof right) >= right;
    case 'le':
      return (value) => (value as typeof right) <= right;
    case 'gt':
      return (value) => (value as typeof right) > right;
    case 'lt':
      return (value) => (value as typeof right) < right;
  }
}

/** Addresses of two families are never in an order; only `ne` is true of them (spec/waf.md 1.2, trap 7). */
function addressOrder(order: Order, right: Address): Predicate {
  const holds = { eq: [0], ne: [-1, 1], ge: [0, 1], le: [0, -1], gt: [1], lt: [-1] }[order];
  return (value) => {
    const left = value as Address;
    if (left.family !== right.family) return order === 'ne';
    return holds.includes(Math.sign(compareAddresses(left, right)));
  };
}

const HALF = 2 ** 32;

/** True where a bit is set in both; 64-bit integers, of which numbers hold 53 bits and a sign. */
function bits(mask: number): Predicate {
  const isSmall = mask >= 0 && mask < HALF / 2;
  const big = BigInt(mask);
  return (value) => {
    const number = value as number;
    if (isSmall && number >= 0 && number < HALF / 2) return (number & mask) !== 0;
    return (BigInt(number) & big) !== 0n;
  };
}

function inIntegers(ranges: readonly (readonly [first: number, last: number])[]): Predicate {
  const single = new Set<Value>(ranges.filter(([first, last]) => first === last).map(([first]) => first));
  const wide = ranges.filter(([first, last]) => first !== last).sort(([a], [b]) => a - b);
  if (wide.length === 0) return (value) => single.has(value);
  const starts = Float64Array.from(wide, ([first]) => first);
  const ends = Float64Array.from(wide, ([, last]) => last);
  // The furthest end so far, so that ranges may overlap.
  for (let i = 1; i < ends.length; i++) ends[i] = Math.max(ends[i]!, ends[i - 1]!);
  return (value) => {
    if (single.has(value)) return true;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= (value as number)) low = middle + 1;
      else high = middle;
    }
    return low > 0 && ends[low - 1]! >= (value as number);
  };
}
