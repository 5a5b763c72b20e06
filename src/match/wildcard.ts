import { lowerAscii } from './bytes.ts';

/** A pattern in which `*` stands for any bytes, against whole values (spec/waf.md 1.2, trap 6). */
export interface Wildcard {
  test(value: string): boolean;
  /** What each `*` stands for, each as short as it can be, from the first on; null where the value does not match. */
  captures(value: string): readonly string[] | null;
}

/** Why a text is no pattern: a backslash before something else than `*` or a backslash, or `**`. */
export type WildcardProblem = 'escape' | 'double star';

/** Compiles a pattern of latin1 text. Without `isStrict`, ASCII letters match in either case. */
export function compileWildcard(pattern: string, isStrict: boolean): Wildcard | WildcardProblem {
  const parts = partsOf(pattern);
  if (!Array.isArray(parts)) return parts;
  const segments = isStrict ? parts : parts.map(lowerAscii);
  const folded = isStrict ? (value: string) => value : lowerAscii;
  if (segments.length === 1) {
    const [whole] = segments;
    const test = (value: string) => value.length === whole!.length && folded(value) === whole;
    return { test, captures: (value) => (test(value) ? [] : null) };
  }
  const least = segments.reduce((sum, segment) => sum + segment.length, 0);
  const find = (value: string) => (value.length < least ? null : starEnds(folded(value), segments));
  return {
    test: (value) => find(value) !== null,
    captures: (value) => {
      const ends = find(value);
      if (ends === null) return null;
      let start = segments[0]!.length;
      return ends.map((end, index) => {
        const capture = value.slice(start, end);
        start = end + segments[index + 1]!.length;
        return capture;
      });
    },
  };
}

/** Where each star's text ends; null where the segments do not fit. */
function starEnds(value: string, segments: readonly string[]): number[] | null {
  const last = segments.length - 1;
  if (!value.startsWith(segments[0]!) || !value.endsWith(segments[last]!)) return null;
  const tail = value.length - segments[last]!.length;
  const ends: number[] = [];
  let from = segments[0]!.length;
  for (let index = 1; index < last; index++) {
    const at = value.indexOf(segments[index]!, from);
    if (at < 0) return null;
    ends.push(at);
    from = at + segments[index]!.length;
  }
  ends.push(tail);
  return from <= tail ? ends : null;
}

/** The texts between stars, without escapes. */
function partsOf(pattern: string): string[] | WildcardProblem {
  const parts = [''];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '*') {
      if (pattern[i + 1] === '*') return 'double star';
      parts.push('');
    } else if (c === '\\') {
      const escaped = pattern[++i];
      if (escaped !== '*' && escaped !== '\\') return 'escape';
      parts[parts.length - 1] += escaped;
    } else parts[parts.length - 1] += c;
  }
  return parts;
}
