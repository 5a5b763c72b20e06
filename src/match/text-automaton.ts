/** Finds many texts in one pass over a value (Aho and Corasick), however many there are. */

/** Says which texts a value holds: their places in the list that the automaton was made of, each once, in no order. */
export type FindTexts = (value: string) => readonly number[];

const NONE: readonly number[] = [];

/** Makes an automaton for texts that are not empty; all latin1. */
export function textAutomaton(texts: readonly string[]): FindTexts {
  const classes = classesOf(texts);
  const width = Math.max(...classes) + 1;
  const { next, found } = tableOf(texts, classes, width);
  return (value) => {
    let state = 0;
    let hits: Set<number> | null = null;
    for (let i = 0; i < value.length; i++) {
      state = next[state * width + classes[value.charCodeAt(i) & 255]!]!;
      const here = found[state];
      if (here !== undefined) for (const text of here) hits = (hits ?? new Set<number>()).add(text);
    }
    return hits === null ? NONE : [...hits];
  };
}

/** Bytes that no text holds are all alike: class 0. */
function classesOf(texts: readonly string[]): Uint8Array {
  const classes = new Uint8Array(256);
  let count = 0;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) {
      const byte = text.charCodeAt(i) & 255;
      if (classes[byte] === 0 && count < 255) classes[byte] = ++count;
    }
  }
  return classes;
}

function tableOf(
  texts: readonly string[],
  classes: Uint8Array,
  width: number,
): { next: Int32Array; found: readonly (readonly number[] | undefined)[] } {
  const most = texts.reduce((sum, { length }) => sum + length, 1);
  const next = new Int32Array(most * width);
  const found: (number[] | undefined)[] = [undefined];
  let count = 1;
  for (const [index, text] of texts.entries()) {
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      const edge = state * width + classes[text.charCodeAt(i) & 255]!;
      if (next[edge] === 0) {
        next[edge] = count++;
        found.push(undefined);
      }
      state = next[edge]!;
    }
    found[state] = [...(found[state] ?? []), index];
  }
  link(next, found, width);
  return { next, found };
}

/** Breadth first: where a state has no edge, it takes that of the longest end of its text which is a state too. */
function link(next: Int32Array, found: (readonly number[] | undefined)[], width: number): void {
  const fallback = new Int32Array(found.length);
  const queue: number[] = [];
  for (let c = 0; c < width; c++) if (next[c] !== 0) queue.push(next[c]!);
  for (let at = 0; at < queue.length; at++) {
    const state = queue[at]!;
    const shorter = fallback[state]!;
    if (found[shorter] !== undefined) found[state] = [...(found[state] ?? []), ...found[shorter]!];
    for (let c = 0; c < width; c++) {
      const edge = state * width + c;
      const other = next[shorter * width + c]!;
      if (next[edge] === 0) next[edge] = other;
      else {
        fallback[next[edge]!] = other;
        queue.push(next[edge]!);
      }
    }
  }
}
