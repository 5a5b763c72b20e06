import type { Comparison, Logical, Operand, Test } from './expression.ts';
import type { Field } from './fields/field.ts';

/** What must be for an expression to be true: this field, which is a string, is one of these texts, or holds one. */
export interface Guard {
  readonly field: Field;
  /** `holds folded`: its value in lower case holds one. */
  readonly kind: 'is' | 'holds' | 'holds folded';
  readonly texts: readonly string[];
}

/**
 * The guards of an expression: it is true only where one of them holds. They come from comparisons that every `and` above them
 * needs; null where nothing is that sure. Of several such sets the one that lets the fewest values pass.
 */
export function guardsOf(logical: Logical): readonly Guard[] | null {
  if (logical.kind === 'comparison') {
    const guard = comparisonGuard(logical);
    return guard === null ? null : [guard];
  }
  if (logical.kind !== 'combined' || logical.operator === 'xor') return null;
  const sets = logical.items.map(guardsOf);
  return logical.operator === 'and' ? sets.reduce(stricter) : unionOf(sets);
}

type Guards = readonly Guard[] | null;

function stricter(a: Guards, b: Guards): Guards {
  if (a === null || b === null) return a ?? b;
  const [looksUpA, looksUpB] = [a, b].map((set) => set.every(({ kind }) => kind === 'is'));
  if (looksUpA !== looksUpB) return looksUpA ? a : b;
  return textCount(b) < textCount(a) ? b : a;
}

function textCount(guards: readonly Guard[]): number {
  return guards.reduce((sum, { texts }) => sum + texts.length, 0);
}

/** An `or` is guarded where all its parts are. */
function unionOf(sets: readonly Guards[]): Guards {
  const known = sets.filter((set) => set !== null);
  return known.length === sets.length ? known.flat() : null;
}

/** Functions that hold only where the field holds the text that they are given. */
const HOLDING: ReadonlySet<string> = new Set(['starts_with', 'ends_with']);

function comparisonGuard({ left, test }: Comparison): Guard | null {
  const plain = plainField(left);
  if (plain !== null) return fieldGuard(plain, test);
  const { base, indexes } = left;
  if (base.kind !== 'call' || indexes.length > 0) return null;
  const [argument, text] = base.arguments;
  const field = argument?.kind === 'operand' ? plainField(argument) : null;
  if (field === null) return null;
  // lower(field) contains "text", lower(field) matches "text.*"
  if (base.function.name === 'lower' && test.kind === 'contains') return holding(field, 'holds folded', [test.text]);
  if (base.function.name === 'lower' && test.kind === 'matches')
    return holding(field, 'holds folded', test.regex.needed ?? []);
  if (HOLDING.has(base.function.name) && test.kind === 'is true' && text?.kind === 'literal')
    return holding(field, 'holds', [text.value as string]);
  return null;
}

function fieldGuard(field: Field, test: Test): Guard | null {
  switch (test.kind) {
    case 'in strings':
      return { field, kind: 'is', texts: test.texts };
    case 'order':
      return test.order === 'eq' ? { field, kind: 'is', texts: [test.value as string] } : null;
    case 'contains':
      return holding(field, 'holds', [test.text]);
    case 'matches':
      return holding(field, test.regex.foldsCase ? 'holds folded' : 'holds', test.regex.needed ?? []);
    default:
      return null;
  }
}

function holding(field: Field, kind: 'holds' | 'holds folded', texts: readonly string[]): Guard | null {
  return texts.length === 0 || texts.includes('') ? null : { field, kind, texts };
}

/** The field that an operand is, where it is a string that is always known. */
function plainField({ base, indexes, type }: Operand): Field | null {
  if (base.kind !== 'field' || indexes.length > 0 || type.kind !== 'String') return null;
  return base.field.need === 'body' || base.field.need === 'response' ? null : base.field;
}
