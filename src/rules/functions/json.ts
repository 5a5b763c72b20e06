/** `lookup_json_string` and `lookup_json_integer` (spec/waf.md 1.3). */

import { utf8Bytes, utf8Text } from '../../match/mod.ts';
import { INTEGER, STRING, type Value } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, stringParameter } from './parameters.ts';

const key = {
  name: 'a key',
  kind: 'any',
  accepts: ({ kind }: { kind: string }) => kind === 'String' || kind === 'Integer',
  expected: 'a name (String) or position (Integer)',
} as const;

const lookupString = lookup('lookup_json_string', STRING, (found) =>
  typeof found === 'string' ? utf8Bytes(found) : undefined,
);

/** Only what is written as an integer counts: 42.0 does not. */
const lookupInteger = lookup('lookup_json_integer', INTEGER, (found) =>
  typeof found === 'number' && Number.isSafeInteger(found) ? found : undefined,
);

function lookup(name: string, type: typeof STRING, take: (found: unknown) => Value | undefined): RuleFunction {
  return define({
    name,
    parameters: [stringParameter('the document', 'field'), key],
    isVariadic: true,
    result: () => type,
    prepare: () => (document, keys) => {
      if (document === undefined) return undefined;
      let found = parsed(document as string);
      for (const one of keys) {
        if (one === undefined) return undefined;
        found = member(found, one);
      }
      return take(found);
    },
  });
}

function member(document: unknown, name: Value): unknown {
  if (typeof name === 'number') return Array.isArray(document) ? document[name] : undefined;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return undefined;
  const text = utf8Text(name as string);
  return Object.hasOwn(document, text) ? (document as Record<string, unknown>)[text] : undefined;
}

/** Several rules ask about one body: the last document is kept. */
let lastText: string | null = null;
let lastDocument: unknown;

/** The document; undefined where the text is none. Numbers that are not written as integers become null. */
function parsed(text: string): unknown {
  if (text !== lastText) {
    lastDocument = parse(text);
    lastText = text;
  }
  return lastDocument;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(utf8Text(text), onlyIntegers);
  } catch {
    // Not JSON, or nested too deep to be read.
    return undefined;
  }
}

function onlyIntegers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && !/^-?\d+$/.test(context?.source ?? '') ? null : value;
}

export const JSON_FUNCTIONS: readonly RuleFunction[] = [lookupString, lookupInteger];
