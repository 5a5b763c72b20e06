/** IP addresses as numbers: four words of 32 bits, so that nothing is allocated to compare two. */

/** An IP address, most significant word first; an IPv4 address is the last word, and the others are 0. */
export interface Address {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Reads an address; null for anything else, as an octet with a leading zero or a zone. */
export function parseAddress(text: string): Address | null {
  if (!text.includes(':')) {
    const word = parseIPv4(text);
    return word === null ? null : { family: 4, words: [0, 0, 0, word] };
  }
  const words = parseIPv6(text);
  return words === null ? null : { family: 6, words };
}

/** Reads a visitor's address: one that is IPv4 mapped into IPv6 is IPv4. */
export function parsePeer(text: string): Address | null {
  const address = parseAddress(text);
  if (address === null || address.family === 4) return address;
  const [a, b, c, d] = address.words;
  return a === 0 && b === 0 && c === 0xffff ? { family: 4, words: [0, 0, 0, d] } : address;
}

/** Writes an address: IPv6 as RFC 5952 says. */
export function formatAddress({ family, words }: Address): string {
  const [a, b, c, d] = words;
  if (family === 4) return dotted(d);
  if (a === 0 && b === 0 && c === 0xffff) return `::ffff:${dotted(d)}`;
  const hex = words.flatMap((word) => [word >>> 16, word & 0xffff]).map((group) => group.toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (hex[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length === 1) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

/** Negative where `a` is below `b`, 0 where they are the same. Both of one family. */
export function compareAddresses(a: Address, b: Address): number {
  const [a0, a1, a2, a3] = a.words;
  const [b0, b1, b2, b3] = b.words;
  return a0 - b0 || a1 - b1 || a2 - b2 || a3 - b3;
}

/** How many bits an address of a family has. */
export function addressBits(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** The first address of the network that has `bits` bits in common with `address`. */
export function networkOf(address: Address, bits: number): Address {
  return withHostBits(address, bits, (word, mask) => (word & mask) >>> 0);
}

/** The last address of that network. */
export function lastOf(address: Address, bits: number): Address {
  return withHostBits(address, bits, (word, mask) => (word | ~mask) >>> 0);
}

function withHostBits(address: Address, bits: number, apply: (word: number, mask: number) => number): Address {
  const { family, words } = address;
  const first = family === 4 ? 3 : 0;
  const word = (index: number) => {
    if (index < first) return 0;
    const kept = Math.max(0, Math.min(32, bits - 32 * (index - first)));
    return apply(words[index]!, kept === 0 ? 0 : -1 << (32 - kept));
  };
  return { family, words: [word(0), word(1), word(2), word(3)] };
}

function parseIPv4(text: string): number | null {
  const parts = IPV4.exec(text);
  if (parts === null) return null;
  let word = 0;
  for (const part of parts.slice(1)) {
    const octet = Number(part);
    if (octet > 255 || (part.length > 1 && part.startsWith('0'))) return null;
    word = word * 256 + octet;
  }
  return word;
}

function parseIPv6(text: string): [number, number, number, number] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const before = groupsOf(halves[0]!, halves.length === 1);
  const after = halves.length === 1 ? [] : groupsOf(halves[1]!, true);
  if (before === null || after === null) return null;
  const left = 8 - before.length - after.length;
  if (halves.length === 1 ? left !== 0 : left < 1) return null;
  const groups = [...before, ...Array<number>(left).fill(0), ...after];
  const word = (index: number) => groups[2 * index]! * 65536 + groups[2 * index + 1]!;
  return [word(0), word(1), word(2), word(3)];
}

/** The groups of one side of `::`; only the last side may end in an IPv4 address. */
function groupsOf(side: string, isLast: boolean): number[] | null {
  if (side === '') return [];
  const groups: number[] = [];
  const parts = side.split(':');
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const word = isLast && index === parts.length - 1 ? parseIPv4(part) : null;
      if (word === null) return null;
      groups.push(word >>> 16, word & 0xffff);
    }
  }
  return groups;
}

function dotted(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}
