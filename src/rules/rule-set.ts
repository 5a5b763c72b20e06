import { lowerAscii, textAutomaton } from '../match/mod.ts';
import type { Field } from './fields/field.ts';
import type { Filter } from './filter.ts';
import type { Guard } from './guard.ts';
import type { RequestView } from './request-view.ts';

/** Filters in order, asked together: those that compare one field with fixed texts cost one look-up for all of them. */
export interface RuleSet {
  /** The position of the first filter from `from` on that matches; -1 where none does. */
  next(view: RequestView, from: number): number;
}

/** Positions of filters, in order. */
type Positions = readonly number[];

/** The filters that a field's value leaves possible. */
type Index = (view: RequestView) => Positions;

const NONE: Positions = [];

/** An index pays where it spares more than the look-up: from so many filters on. */
const LEAST = 4;

/** A value that holds a text holds its beginning: so much of each is looked for. */
const BEGINNING = 12;

/** The most characters that are looked for in one field: the table has some 100 bytes for each. */
const MOST_CHARACTERS = 32_768;

/** Makes a set; what the facts are is asked anew at each `next`, so a rule's action may change them. */
export function ruleSet(filters: readonly Filter[]): RuleSet {
  const { always, indexes } = indexed(filters);
  return {
    next: (view, from) => {
      const found = foundIn(indexes, view);
      let a = from === 0 ? 0 : firstFrom(always, from);
      let f = from === 0 ? 0 : firstFrom(found, from);
      while (a < always.length || f < found.length) {
        const isFound = f < found.length && !(always[a]! < found[f]!);
        const position = isFound ? found[f++]! : always[a++]!;
        if (filters[position]!.matches(view)) return position;
      }
      return -1;
    },
  };
}

/** What the indexes leave possible: mostly nothing. */
function foundIn(indexes: readonly Index[], view: RequestView): Positions {
  let found = NONE;
  for (const index of indexes) {
    const positions = index(view);
    if (positions.length === 0) continue;
    // A filter with several guards may be found more than once.
    found = found.length === 0 ? positions : [...new Set([...found, ...positions])].sort((a, b) => a - b);
  }
  return found;
}

/** A guard of the filter at a position. */
type Placed = readonly [position: number, guard: Guard];

/** An index for each field and way of guarding that enough filters have; filters without one for each of their guards are always asked. */
function indexed(filters: readonly Filter[]): { always: Positions; indexes: readonly Index[] } {
  const always = new Set<number>();
  const groups = new Map<string, Placed[]>();
  for (const [position, { guards }] of filters.entries()) {
    if (guards === null) always.add(position);
    for (const guard of guards ?? []) {
      const key = `${guard.kind} ${guard.field.name}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [[position, guard]]);
      else group.push([position, guard]);
    }
  }
  const indexes: Index[] = [];
  for (const group of groups.values()) {
    const index = group.length < LEAST ? null : indexOf(group);
    if (index === null) for (const [position] of group) always.add(position);
    else indexes.push(index);
  }
  return { always: [...always].sort((a, b) => a - b), indexes };
}

/** Null where the texts are too many. */
function indexOf(group: readonly Placed[]): Index | null {
  const { kind, field } = group[0]![1];
  const byText = positionsByText(group, kind === 'is' ? Number.POSITIVE_INFINITY : BEGINNING);
  if (kind === 'is') return valueIndex(field, byText);
  if (byText.size * BEGINNING > MOST_CHARACTERS) return null;
  return textIndex(field, kind === 'holds folded', byText);
}

function positionsByText(group: readonly Placed[], length: number): ReadonlyMap<string, Positions> {
  const byText = new Map<string, number[]>();
  for (const [position, { texts }] of group) {
    for (const text of new Set(texts.map((one) => one.slice(0, length)))) {
      const before = byText.get(text);
      if (before === undefined) byText.set(text, [position]);
      else if (before.at(-1) !== position) before.push(position);
    }
  }
  return byText;
}

function valueIndex(field: Field, byText: ReadonlyMap<string, Positions>): Index {
  return (view) => byText.get(textOf(field, view)) ?? NONE;
}

/** One pass over the value for all texts; the last value's answer is kept, as a set is asked once for each filter that matches. */
function textIndex(field: Field, isFolded: boolean, byText: ReadonlyMap<string, Positions>): Index {
  const lists = [...byText.values()];
  const find = textAutomaton([...byText.keys()]);
  const candidates = (value: string): Positions => {
    const found = find(isFolded ? lowerAscii(value) : value);
    if (found.length === 0) return NONE;
    return [...new Set(found.flatMap((text) => lists[text]!))].sort((a, b) => a - b);
  };
  let last = '';
  let answer = candidates(last);
  return (view) => {
    const value = textOf(field, view);
    if (value !== last) {
      answer = candidates(value);
      last = value;
    }
    return answer;
  };
}

function textOf(field: Field, view: RequestView): string {
  return (field.read(view) ?? '') as string;
}

/** The first place whose position is not below `from`. */
function firstFrom(positions: Positions, from: number): number {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (positions[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
