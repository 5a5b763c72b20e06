import { isIPv4, isIPv6 } from 'node:net';

/** Addresses with the same first bits, as an operator writes them: `10.0.0.0/8`. */
export interface AddressRange {
  readonly address: string;
  /** How many bits. */
  readonly prefix: number;
}

/** Reads `ADDRESS/BITS`, or one address; null for anything else. */
export function parseAddressRange(text: string): AddressRange | null {
  const parts = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text);
  if (parts === null) return null;
  const address = parts[1]!;
  const longest = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  const prefix = parts[2] === undefined ? longest : Number(parts[2]);
  return prefix <= longest ? { address, prefix } : null;
}
