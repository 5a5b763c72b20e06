/** Functions of arrays and maps (spec/waf.md 1.3). */

import type { Phase } from '../phases.ts';
import { arrayOf, BOOLEAN, isSameType, STRING, STRINGS, type Value } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, integerParameter, isKind, stringParameter } from './parameters.ts';
import { CUSTOM_ERRORS, CUSTOM_RULES, RESPONSE_HEADERS, TRANSFORMS } from './phases.ts';

const booleans = {
  name: 'the array',
  kind: 'any',
  accepts: (type: Parameters<typeof isSameType>[0]) => isSameType(type, arrayOf(BOOLEAN)),
  expected: 'an Array<Boolean>',
} as const;

/** `any(Array<Boolean>)`: false for an array that is missing. */
const any = define({
  name: 'any',
  parameters: [booleans],
  result: () => BOOLEAN,
  prepare: () => (array) => array !== undefined && (array as readonly boolean[]).includes(true),
});

/** `all(Array<Boolean>)`: false for an array that is missing, true for an empty one (trap 12). */
const all = define({
  name: 'all',
  parameters: [booleans],
  result: () => BOOLEAN,
  prepare: () => (array) => array !== undefined && !(array as readonly boolean[]).includes(false),
});

/** `join(Array<String>, separator)`. */
const join = define({
  name: 'join',
  parameters: [
    {
      name: 'the items',
      kind: 'field',
      accepts: (type) => isSameType(type, STRINGS),
      expected: 'an Array<String>',
    },
    stringParameter('the separator', 'any'),
  ],
  phases: [...TRANSFORMS, ...CUSTOM_RULES, ...CUSTOM_ERRORS],
  result: () => STRING,
  prepare:
    () =>
    (items, [separator]) =>
      items === undefined || separator === undefined
        ? undefined
        : (items as readonly string[]).join(separator as string),
});

/** `split(String, separator, limit)`: the last element keeps the rest. */
const split = define({
  name: 'split',
  parameters: [
    stringParameter('the input', 'field'),
    stringParameter('the separator', 'literal', (literal) => (literal === '' ? 'that is not empty' : null)),
    integerParameter('the limit', 'literal', 1, 128),
  ],
  phases: [...RESPONSE_HEADERS, ...CUSTOM_ERRORS] satisfies readonly Phase[],
  result: () => STRINGS,
  prepare: ([, separator, limit]) => {
    const [by, most] = [separator!.literal as string, limit!.literal as number];
    return (input) => (input === undefined ? undefined : splitText(input as string, by, most));
  },
});

function splitText(text: string, separator: string, most: number): string[] {
  const parts: string[] = [];
  let from = 0;
  while (parts.length < most - 1) {
    const at = text.indexOf(separator, from);
    if (at < 0) break;
    parts.push(text.slice(from, at));
    from = at + separator.length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** `has_key(Map, String)`: missing where one of them is. */
const hasKey = define({
  name: 'has_key',
  parameters: [
    { name: 'the map', kind: 'field', accepts: isKind('Map'), expected: 'a Map' },
    stringParameter('the key', 'any'),
  ],
  result: () => BOOLEAN,
  prepare:
    () =>
    (map, [key]) =>
      map === undefined || key === undefined ? undefined : (map as ReadonlyMap<string, Value>).has(key as string),
});

/** `has_value(Array | Map, value)`: of the type of the elements, which have no members. */
const hasValue = define({
  name: 'has_value',
  parameters: [
    {
      name: 'the collection',
      kind: 'field',
      accepts: (type) =>
        (type.kind === 'Array' || type.kind === 'Map') && type.of.kind !== 'Array' && type.of.kind !== 'Map',
      expected: 'an Array or Map of simple values',
    },
    { name: 'the value', kind: 'any', accepts: () => true, expected: 'a value' },
  ],
  result: () => BOOLEAN,
  check: ([collection, value]) =>
    isSameType((collection!.type as { of: typeof STRING }).of, value!.type)
      ? null
      : 'Expected the type of the elements for the value of has_value.',
  prepare:
    () =>
    (collection, [value]) => {
      if (collection === undefined || value === undefined) return undefined;
      const values = collection instanceof Map ? [...collection.values()] : (collection as readonly Value[]);
      return values.some((one) => isSameValue(one, value));
    },
});

function isSameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !('family' in a) || !('family' in b)) return false;
  return a.family === b.family && a.words.every((word, index) => word === b.words[index]);
}

export const ARRAY_FUNCTIONS: readonly RuleFunction[] = [any, all, join, split, hasKey, hasValue];
