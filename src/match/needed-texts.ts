/** Texts of which a match must hold one; null where nothing is known. */
export type Texts = readonly string[] | null;

const MAX_TEXTS = 24;
const MAX_TEXT = 64;

/** Both lists in one; null where one is unknown or they are too many. */
export function united(lists: readonly Texts[]): Texts {
  const all: string[] = [];
  for (const list of lists) {
    if (list === null) return null;
    all.push(...list);
  }
  return all.length > MAX_TEXTS ? null : all;
}

/** Every text of one followed by every text of the other; null where they are too many or too long. */
export function product(before: readonly string[], after: readonly string[]): Texts {
  if (before.length * after.length > MAX_TEXTS) return null;
  const texts = before.flatMap((start) => after.map((end) => start + end));
  return texts.some(({ length }) => length > MAX_TEXT) ? null : texts;
}

/** The list that says more: whose shortest text is longest. */
export function better(a: Texts, b: Texts): Texts {
  if (a === null || b === null) return a ?? b;
  const shortest = (list: readonly string[]) => Math.min(...list.map(({ length }) => length));
  return shortest(b) > shortest(a) ? b : a;
}
