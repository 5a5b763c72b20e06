import { type Address, addressBits, formatAddress, networkOf, parsePeer } from '../match/mod.ts';

/** The one spelling of an IP address; null for anything else. An IPv4 address mapped into IPv6 is an IPv4 address. */
export function canonicalAddress(text: string): string | null {
  const address = parsePeer(text);
  return address === null ? null : formatAddress(address);
}

/**
 * The one spelling of an address or CIDR range; null for anything else, and where bits behind the prefix are set (spec/waf.md 1.2,
 * trap 7).
 */
export function canonicalRange(text: string): string | null {
  const parts = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text);
  const address = parts === null ? null : parsePeer(parts[1]!);
  if (address === null) return null;
  if (parts![2] === undefined) return formatAddress(address);
  // A range of IPv6 that is mapped IPv4 counts its bits from the front of the longer address.
  const bits = Number(parts![2]) - (address.family === 4 && text.includes(':') ? 96 : 0);
  if (bits < 0 || bits > addressBits(address.family) || !isNetwork(address, bits)) return null;
  return `${formatAddress(address)}/${bits}`;
}

function isNetwork(address: Address, bits: number): boolean {
  return formatAddress(networkOf(address, bits)) === formatAddress(address);
}
