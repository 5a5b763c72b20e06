/** `regex_replace` and `wildcard_replace` (spec/waf.md 1.3). */

import { compileRegex, compileWildcard, RegexError, utf8Text, type Wildcard } from '../../match/mod.ts';
import { STRING } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, stringParameter } from './parameters.ts';
import { REDIRECTS, TRANSFORMS, URL_REWRITES } from './phases.ts';

const MAX_REFERENCES = 8;

/** A replacement: texts, and numbers of captures from 1 on. */
type Template = readonly (string | number)[];

/** `regex_replace(source, pattern, replacement)`: the first match alone. */
const regexReplace = define({
  name: 'regex_replace',
  parameters: [
    stringParameter('the source', 'any'),
    stringParameter('the pattern', 'literal'),
    stringParameter('the replacement', 'literal'),
  ],
  phases: [...TRANSFORMS, ...REDIRECTS],
  onlyInValues: true,
  onlyOnce: true,
  result: () => STRING,
  check: ([, pattern, replacement]) => {
    try {
      const { groups } = compileRegex(utf8Text(pattern!.literal as string));
      return templateProblem(replacement!.literal as string, groups);
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      return `Expected a regular expression, but ${error.message}.`;
    }
  },
  prepare: ([, pattern, replacement]) => {
    const regex = compileRegex(utf8Text(pattern!.literal as string));
    const template = templateOf(replacement!.literal as string);
    return (source) => {
      if (source === undefined) return undefined;
      const text = source as string;
      const match = regex.first(text);
      if (match === null) return text;
      const end = match.index + match.captures[0]!.length;
      return text.slice(0, match.index) + filled(template, match.captures.slice(1)) + text.slice(end);
    };
  },
});

/** `wildcard_replace(source, pattern, replacement[, flags])`: only where the whole source matches. */
const wildcardReplace = define({
  name: 'wildcard_replace',
  parameters: [
    stringParameter('the source', 'field'),
    stringParameter('the pattern', 'literal'),
    stringParameter('the replacement', 'literal'),
    stringParameter('the flags', 'literal', (literal) => (literal === 's' || literal === '' ? null : 'that is "s"')),
  ],
  optional: 1,
  phases: [...URL_REWRITES, ...REDIRECTS],
  onlyInValues: true,
  onlyOnce: true,
  result: () => STRING,
  check: ([, pattern, replacement]) => {
    const wildcard = compileWildcard(pattern!.literal as string, true);
    if (wildcard === 'escape') return 'Expected * or \\ behind a backslash of this wildcard.';
    if (wildcard === 'double star') return 'Expected no ** in this wildcard.';
    return templateProblem(replacement!.literal as string, starsOf(pattern!.literal as string));
  },
  prepare: ([, pattern, replacement, flags]) => {
    const wildcard = compileWildcard(pattern!.literal as string, flags?.literal === 's') as Wildcard;
    const template = templateOf(replacement!.literal as string);
    return (source) => {
      if (source === undefined) return undefined;
      const captures = wildcard.captures(source as string);
      return captures === null ? source : filled(template, captures);
    };
  },
});

function starsOf(pattern: string): number {
  return pattern.replace(/\\./g, '').split('*').length - 1;
}

/** Says what is wrong with a replacement. */
function templateProblem(text: string, captures: number): string | null {
  const rest = text.replace(/\$\$|\$\{[1-9]\d*\}/g, '');
  if (rest.includes('$')) return 'Expected a number in braces or another $ behind a $ of the replacement.';
  const numbers = templateOf(text).filter((part) => typeof part === 'number');
  if (numbers.length > MAX_REFERENCES) return `Expected at most ${MAX_REFERENCES} references in the replacement.`;
  const wrong = numbers.find((number) => number > captures);
  return wrong === undefined ? null : `Expected no \${${wrong}}: the pattern captures ${captures}.`;
}

function templateOf(text: string): Template {
  const parts: (string | number)[] = [];
  let from = 0;
  for (const match of text.matchAll(/\$\$|\$\{([1-9]\d*)\}/g)) {
    parts.push(text.slice(from, match.index), match[1] === undefined ? '$' : Number(match[1]));
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

function filled(template: Template, captures: readonly string[]): string {
  return template.map((part) => (typeof part === 'number' ? (captures[part - 1] ?? '') : part)).join('');
}

export const REPLACE_FUNCTIONS: readonly RuleFunction[] = [regexReplace, wildcardReplace];
