/** Functions of URLs (spec/waf.md 1.3). */

import { hexDigit, remembered, utf8Bytes } from '../../match/mod.ts';
import { STRING, type Value } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, stringParameter } from './parameters.ts';
import { TRANSFORMS } from './phases.ts';

/** `url_decode(String[, options])`: `r` until nothing is left to decode, `u` for `%uXXXX` too. */
const urlDecode = define({
  name: 'url_decode',
  parameters: [
    stringParameter('the source', 'field'),
    stringParameter('the options', 'literal', (literal) =>
      /^[ru]*$/.test(literal as string) ? null : 'made of r and u',
    ),
  ],
  optional: 1,
  result: () => STRING,
  prepare: ([, options]) => {
    const flags = (options?.literal ?? '') as string;
    const decode = DECODERS[`${flags.includes('r')}${flags.includes('u')}`];
    return (source) => (source === undefined ? undefined : decode(source as string));
  },
});

/** By whether to decode until nothing is left, and whether `%uXXXX` counts. */
const DECODERS = {
  falsefalse: remembered((text) => decodeUrl(text, false)),
  falsetrue: remembered((text) => decodeUrl(text, true)),
  truefalse: remembered((text) => decodeUrlFully(text, false)),
  truetrue: remembered((text) => decodeUrlFully(text, true)),
} as const;

/** Decodes `%HH` and `+` once; what is not well-formed stays. */
export function decodeUrl(text: string, isUnicode: boolean): string {
  if (!/[%+]/.test(text)) return text;
  let decoded = '';
  for (let at = 0; at < text.length; ) {
    const c = text[at]!;
    const found = c === '%' ? escapeAt(text, at, isUnicode) : null;
    decoded += found?.bytes ?? (c === '+' ? ' ' : c);
    at += found?.length ?? 1;
  }
  return decoded;
}

/**
 * Decodes until nothing is left to decode, in time linear in the text: what was decoded is looked at again together with what
 * stands before it, instead of the whole text.
 */
export function decodeUrlFully(text: string, isUnicode: boolean): string {
  if (!/[%+]/.test(text)) return text;
  const out: string[] = [];
  const pending: string[] = [];
  for (const c of text) {
    pending.push(c);
    while (pending.length > 0) {
      const next = pending.pop()!;
      out.push(next === '+' ? ' ' : next);
      const bytes = escapeAtEnd(out, isUnicode);
      if (bytes !== null) for (let i = bytes.length - 1; i >= 0; i--) pending.push(bytes[i]!);
    }
  }
  return out.join('');
}

/** Takes the escape that `out` ends in away, and gives what it stands for. */
function escapeAtEnd(out: string[], isUnicode: boolean): string | null {
  for (const length of isUnicode ? [3, 6] : [3]) {
    if (out[out.length - length] !== '%') continue;
    const found = escapeAt(out.slice(-length).join(''), 0, isUnicode);
    if (found?.length !== length) continue;
    out.length -= length;
    return found.bytes;
  }
  return null;
}

function escapeAt(text: string, at: number, isUnicode: boolean): { bytes: string; length: number } | null {
  const high = hexDigit(text.charCodeAt(at + 1));
  const low = hexDigit(text.charCodeAt(at + 2));
  if (high >= 0 && low >= 0) return { bytes: String.fromCharCode(high * 16 + low), length: 3 };
  if (!isUnicode || (text[at + 1] !== 'u' && text[at + 1] !== 'U')) return null;
  const digits = text.slice(at + 2, at + 6);
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) return null;
  const code = Number.parseInt(digits, 16);
  // Half of a pair is no character.
  return code >= 0xd800 && code <= 0xdfff ? null : { bytes: utf8Bytes(String.fromCharCode(code)), length: 6 };
}

const QUERIES = ['http.request.uri.query', 'raw.http.request.uri.query'];

/** `remove_query_args(query, name, ...)`: without these parameters, the others as they were. */
const removeQueryArgs = define({
  name: 'remove_query_args',
  parameters: [stringParameter('the query', 'field'), stringParameter('a name', 'literal')],
  isVariadic: true,
  phases: TRANSFORMS,
  onlyInValues: true,
  result: () => STRING,
  check: ([query]) =>
    QUERIES.includes(query!.field ?? '') ? null : `Expected ${QUERIES.join(' or ')} for remove_query_args.`,
  prepare: ([, ...names]) => {
    const removed = new Set(names.map(({ literal }) => literal as Value));
    return (query) =>
      query === undefined
        ? undefined
        : (query as string)
            .split('&')
            .filter((part) => !removed.has(part.split('=', 1)[0]!))
            .join('&');
  },
});

export const URL_FUNCTIONS: readonly RuleFunction[] = [urlDecode, removeQueryArgs];
