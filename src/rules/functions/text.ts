/** Functions of strings: byte by byte (spec/waf.md 1.3). */

import { lowerAscii, remembered, upperAscii } from '../../match/mod.ts';
import { BOOLEAN, INTEGER, isSameType, STRING, type Value, type ValueType } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, integerParameter, stringParameter } from './parameters.ts';

/** `lower(String)` and `upper(String)`: ASCII letters only. */
const lower = oneString('lower', remembered(lowerAscii));
const upper = oneString('upper', remembered(upperAscii));

/** `len(String | Array)`: bytes, or elements. */
const len = define({
  name: 'len',
  parameters: [
    {
      name: 'the value',
      kind: 'any',
      accepts: ({ kind }) => kind === 'String' || kind === 'Array',
      expected: 'a String or an Array',
    },
  ],
  result: () => INTEGER,
  prepare: () => (value) => (value === undefined ? undefined : (value as string | readonly Value[]).length),
});

/** `concat(String | Array, ...)`: all of one type; what is missing counts as empty. */
const concat = define({
  name: 'concat',
  parameters: [
    {
      name: 'a value',
      kind: 'any',
      accepts: ({ kind }) => kind === 'String' || kind === 'Array',
      expected: 'a String or an Array',
    },
  ],
  isVariadic: true,
  result: ([first]) => first!.type,
  check: (given) =>
    given.every(({ type }) => isSameType(type, given[0]!.type)) ? null : 'Expected one type for all values of concat.',
  prepare: ([first]) => (first!.type.kind === 'String' ? joinTexts : joinArrays),
});

function joinTexts(first: Value | undefined, rest: readonly (Value | undefined)[]): Value {
  let text = (first as string | undefined) ?? '';
  for (const one of rest) text += (one as string | undefined) ?? '';
  return text;
}

function joinArrays(first: Value | undefined, rest: readonly (Value | undefined)[]): Value {
  return [first, ...rest].flatMap((one) => (one as readonly Value[] | undefined) ?? []);
}

/** `starts_with(String, String)` and `ends_with(String, String)`. */
const startsWith = twoStrings('starts_with', (text, part) => text.startsWith(part));
const endsWith = twoStrings('ends_with', (text, part) => text.endsWith(part));

/** `substring(String, start[, end])`: negative positions count from the end. */
const substring = define({
  name: 'substring',
  parameters: [
    stringParameter('the source', 'field'),
    integerParameter('the start', 'any'),
    integerParameter('the end', 'any'),
  ],
  optional: 1,
  result: () => STRING,
  prepare:
    (given) =>
    (source, [start, end]) => {
      if (source === undefined || start === undefined || (given.length === 3 && end === undefined)) return undefined;
      return (source as string).slice(start as number, end as number | undefined);
    },
});

/** `remove_bytes(String, String)`: without every byte that the second one lists. */
const removeBytes = define({
  name: 'remove_bytes',
  parameters: [stringParameter('the source', 'field'), stringParameter('the bytes', 'literal')],
  result: () => STRING,
  prepare: ([, bytes]) => {
    const removed = new Set(bytes!.literal as string);
    return (source) => {
      if (source === undefined) return undefined;
      let kept = '';
      for (const byte of source as string) if (!removed.has(byte)) kept += byte;
      return kept;
    };
  },
});

function oneString(name: string, apply: (text: string) => string): RuleFunction {
  return define({
    name,
    parameters: [stringParameter('the source', 'any')],
    result: () => STRING,
    prepare: () => (text) => (text === undefined ? undefined : apply(text as string)),
  });
}

function twoStrings(name: string, apply: (text: string, part: string) => boolean): RuleFunction {
  return define({
    name,
    parameters: [stringParameter('the source', 'field'), stringParameter('the part', 'any')],
    result: (): ValueType => BOOLEAN,
    prepare: () => (text, rest) =>
      text === undefined || rest[0] === undefined ? undefined : apply(text as string, rest[0] as string),
  });
}

export const TEXT_FUNCTIONS: readonly RuleFunction[] = [
  lower,
  upper,
  len,
  concat,
  startsWith,
  endsWith,
  substring,
  removeBytes,
];
