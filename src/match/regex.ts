import { RE2JS } from 're2js';
import { lowerAscii, utf8Bytes, utf8Text } from './bytes.ts';
import { RegexError, translateRegex } from './regex-syntax.ts';
import { remembered } from './remembered.ts';

/** A regular expression over bytes as latin1 text, in time linear in the value (spec/waf.md 2.2). */
export interface Regex {
  test(value: string): boolean;
  /** Every value that matches holds one of these; null where nothing is known. In lower case where `foldsCase`. */
  readonly needed: readonly string[] | null;
  readonly foldsCase: boolean;
  /** How many groups capture. */
  readonly groups: number;
  /** The first match, with what its groups captured (empty where one did not); null where there is none. */
  first(value: string): { readonly index: number; readonly captures: readonly string[] } | null;
}

const MAX_KEPT = 2000;

/** Patterns compiled before, the last used last: a change of one rule compiles all rules of its zone again. */
const kept = new Map<string, Regex>();

/** Compiles a pattern of the Rust flavour. Throws `RegexError`. */
export function compileRegex(pattern: string): Regex {
  const regex = kept.get(pattern) ?? newRegex(pattern);
  kept.delete(pattern);
  kept.set(pattern, regex);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
  return regex;
}

function newRegex(pattern: string): Regex {
  const { pattern: translated, isUnicode, needed, foldsCase } = translateRegex(pattern);
  const engine = compile(translated);
  const read = isUnicode ? utf8Text : (value: string) => value;
  const write = isUnicode ? utf8Bytes : (text: string) => text;
  return {
    test: testOf(engine, isUnicode, needed, foldsCase),
    needed,
    foldsCase,
    groups: engine.groupCount(),
    first: (value) => {
      const text = read(value);
      const match = engine.exec(text);
      if (match === null) return null;
      const { index } = match as unknown as { index: number };
      return {
        index: write(text.slice(0, index)).length,
        captures: match.map((capture: string | null | undefined) => write(capture ?? '')),
      };
    },
  };
}

/** A search for the texts of which each match must hold one comes first: it costs a fraction of the engine. */
function testOf(
  engine: RE2JS,
  isUnicode: boolean,
  needed: readonly string[] | null,
  foldsCase: boolean,
): (value: string) => boolean {
  if (isUnicode) return (value) => engine.test(utf8Text(value));
  if (needed === null) return (value) => engine.test(value);
  if (needed.length === 1) {
    const only = needed[0]!;
    if (foldsCase) return (value) => lowered(value).includes(only) && engine.test(value);
    return (value) => value.includes(only) && engine.test(value);
  }
  return (value) => {
    const text = foldsCase ? lowered(value) : value;
    for (const one of needed) if (text.includes(one)) return engine.test(value);
    return false;
  };
}

const lowered = remembered(lowerAscii);

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error);
    throw new RegexError(reason, 0);
  }
}
