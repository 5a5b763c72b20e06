import { type Address, addressBits, compareAddresses, lastOf, networkOf, parseAddress } from './address.ts';

/** From the first address to the last, both of one family. */
export interface AddressRange {
  readonly first: Address;
  readonly last: Address;
}

/** Addresses and ranges, asked in O(log n). */
export interface AddressSet {
  has(address: Address): boolean;
}

/** Why a text is no range. */
export type RangeProblem = 'address' | 'length' | 'host bits' | 'families' | 'order';

/** Reads an address, `address/length` or `address..address`. Host bits must be zero (spec/waf.md 1.2, trap 7). */
export function parseAddressRange(text: string): AddressRange | RangeProblem {
  const dots = text.indexOf('..');
  if (dots >= 0) {
    const first = parseAddress(text.slice(0, dots));
    const last = parseAddress(text.slice(dots + 2));
    if (first === null || last === null) return 'address';
    if (first.family !== last.family) return 'families';
    return compareAddresses(first, last) > 0 ? 'order' : { first, last };
  }
  const slash = text.indexOf('/');
  const first = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (first === null) return 'address';
  if (slash < 0) return { first, last: first };
  const digits = text.slice(slash + 1);
  const bits = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(bits <= addressBits(first.family))) return 'length';
  if (compareAddresses(first, networkOf(first, bits)) !== 0) return 'host bits';
  return { first, last: lastOf(first, bits) };
}

/** Makes a set: ranges that meet or overlap become one. */
export function addressSet(ranges: readonly AddressRange[]): AddressSet {
  const four = merged(ranges.filter(({ first }) => first.family === 4));
  const six = merged(ranges.filter(({ first }) => first.family === 6));
  const starts = Uint32Array.from(four, ({ first }) => first.words[3]);
  const ends = Uint32Array.from(four, ({ last }) => last.words[3]);
  return {
    has: (address) => (address.family === 4 ? hasWord(starts, ends, address.words[3]) : hasAddress(six, address)),
  };
}

function merged(ranges: readonly AddressRange[]): AddressRange[] {
  const result: AddressRange[] = [];
  for (const range of [...ranges].sort((a, b) => compareAddresses(a.first, b.first))) {
    const before = result.at(-1);
    if (before === undefined || compareAddresses(range.first, before.last) > 0) result.push(range);
    else if (compareAddresses(range.last, before.last) > 0)
      result[result.length - 1] = { first: before.first, last: range.last };
  }
  return result;
}

function hasWord(starts: Uint32Array, ends: Uint32Array, word: number): boolean {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= word) low = middle + 1;
    else high = middle;
  }
  return low > 0 && ends[low - 1]! >= word;
}

function hasAddress(ranges: readonly AddressRange[], address: Address): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAddresses(ranges[middle]!.first, address) <= 0) low = middle + 1;
    else high = middle;
  }
  return low > 0 && compareAddresses(ranges[low - 1]!.last, address) >= 0;
}
