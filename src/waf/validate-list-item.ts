import { canonicalHostname } from '../core/mod.ts';
import { canonicalRange } from './validate-address.ts';
import { at, invalid, readFlag, readMembers, readText, readWhole } from './validate-input.ts';

/** A member of a list: what it is, in the one spelling by which it is found. */
export interface ListItem {
  /** An address or CIDR range, a hostname or `*.parent`, or a number. */
  readonly value: string;
  /** With `*.parent` only: whether the parent itself is left out. */
  readonly excludesApex: boolean | null;
  readonly comment: string;
}

/** Reads a member of a list of that kind. Throws `rule_invalid`. */
export function readListItem(value: unknown, pointer: string, kind: 'ip' | 'hostname' | 'asn'): ListItem {
  const { [kind]: item, comment } = readMembers(value, pointer, [kind, 'comment']);
  const where = at(pointer, kind);
  return {
    ...READERS[kind](item, where),
    comment: comment === undefined ? '' : readText(comment, at(pointer, 'comment'), 0, 500),
  };
}

type Read = (value: unknown, pointer: string) => Omit<ListItem, 'comment'>;

const READERS: Readonly<Record<'ip' | 'hostname' | 'asn', Read>> = {
  ip: (value, pointer) => {
    const range = typeof value === 'string' ? canonicalRange(value) : null;
    if (range === null) {
      throw invalid(pointer, 'must be an address or CIDR range of IPv4 or IPv6, without bits behind the prefix.');
    }
    return { value: range, excludesApex: null };
  },
  asn: (value, pointer) => ({ value: String(readWhole(value, pointer, 0, 4_294_967_295)), excludesApex: null }),
  hostname: (value, pointer) => {
    const { url_hostname: text, exclude_exact_hostname: excludes } = readMembers(value, pointer, [
      'url_hostname',
      'exclude_exact_hostname',
    ]);
    const where = at(pointer, 'url_hostname');
    const given = readText(text, where, 1, 253);
    const isWildcard = given.startsWith('*.');
    const name = canonicalHostname(isWildcard ? given.slice(2) : given);
    if (name === null) throw invalid(where, 'must be a hostname, or *. and a hostname.');
    const flag = at(pointer, 'exclude_exact_hostname');
    if (!isWildcard && excludes !== undefined) throw invalid(flag, 'can only be given with a wildcard (*.).');
    return isWildcard
      ? { value: `*.${name}`, excludesApex: excludes === undefined ? true : readFlag(excludes, flag) }
      : { value: name, excludesApex: null };
  },
};
