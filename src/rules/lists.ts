import { type Address, type AddressRange, addressSet, lowerAscii, parseAddressRange, utf8Bytes } from '../match/mod.ts';
import type { Test } from './expression.ts';
import { typeName, type Value, type ValueType } from './types.ts';

/** A list that expressions name as `$name` (spec/origin-pulls.md 7.4): the snapshot's list entries are such. */
export interface RuleList {
  readonly listKind: 'ip' | 'hostname' | 'asn';
  /** Addresses and CIDR ranges, hostnames (`*.` at the start of one covers what is below), or numbers. */
  readonly items: readonly string[];
}

const TYPES = { ip: 'IP address', hostname: 'String', asn: 'Integer' } as const;
const LISTS = { ip: 'a list of IP addresses', hostname: 'a list of hostnames', asn: 'a list of numbers' } as const;

/** Many rules may name one list: its table is made once. */
const tables = new WeakMap<RuleList, (value: Value) => boolean>();

/** The test for a list, or a sentence where it is not for values of that type. */
export function listTest(name: string, list: RuleList | undefined, type: ValueType): Test | string {
  if (list === undefined) {
    return name.startsWith('cf.')
      ? `There is no list $${name}: managed lists are not part of this system.`
      : `There is no list $${name}.`;
  }
  if (type.kind !== TYPES[list.listKind])
    return `Expected a list for the type ${typeName(type)}: $${name} is ${LISTS[list.listKind]}.`;
  let has = tables.get(list);
  if (has === undefined) {
    has = tableOf(list);
    tables.set(list, has);
  }
  return { kind: 'in list', name, has };
}

function tableOf({ listKind, items }: RuleList): (value: Value) => boolean {
  if (listKind === 'hostname') return hostnameTable(items);
  if (listKind === 'asn') {
    const numbers = new Set<Value>(items.map(Number));
    return (value) => numbers.has(value);
  }
  const ranges = items.map(parseAddressRange).filter((range): range is AddressRange => typeof range !== 'string');
  const set = addressSet(ranges);
  return (value) => set.has(value as Address);
}

/** `*.example.com` covers every name below example.com, not that name itself. */
function hostnameTable(items: readonly string[]): (value: Value) => boolean {
  const names = new Set(items.filter((item) => !item.startsWith('*.')).map((item) => lowerAscii(utf8Bytes(item))));
  const parents = new Set(
    items.filter((item) => item.startsWith('*.')).map((item) => lowerAscii(utf8Bytes(item.slice(1)))),
  );
  return (value) => {
    const name = lowerAscii(value as string);
    if (names.has(name)) return true;
    if (parents.size === 0) return false;
    for (let dot = name.indexOf('.', 1); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      if (parents.has(name.slice(dot))) return true;
    }
    return false;
  };
}
