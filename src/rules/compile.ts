/** Turns a parsed expression into closures: what is known of the expression is worked out here, once. */

import type { Argument, Call, Combined, Comparison, Index, Logical, Operand } from './expression.ts';
import { asGiven, hasEach } from './functions/check-call.ts';
import { predicateOf } from './predicate.ts';
import type { RequestView } from './request-view.ts';
import type { Value } from './types.ts';

export type Evaluate = (view: RequestView) => Value | undefined;
export type Decide = (view: RequestView) => boolean;
type DecideEach = (view: RequestView) => readonly boolean[];

/** Compiles an expression of the type Boolean. */
export function compileDecision(logical: Logical): Decide {
  switch (logical.kind) {
    case 'constant':
      return logical.value ? () => true : () => false;
    case 'not': {
      const item = compileDecision(logical.item);
      return (view) => !item(view);
    }
    case 'combined':
      return combined(
        logical.operator,
        logical.items.map((item) => compileDecision(item)),
      );
    case 'comparison':
      return comparison(logical);
  }
}

/** Compiles a value: a literal, what is taken out of a field or call, or an expression. */
export function compileArgument(argument: Argument): Evaluate {
  if (argument.kind === 'literal') {
    const { value } = argument;
    return () => value;
  }
  if (argument.kind === 'operand') return argument.hasEach ? compileEach(argument) : compileOperand(argument);
  return argument.isArray ? compileArray(argument) : compileDecision(argument);
}

function combined(operator: Combined['operator'], items: readonly Decide[]): Decide {
  const [a, b] = items as [Decide, Decide];
  if (operator === 'xor') return (view) => items.reduce((odd, item) => odd !== item(view), false);
  if (operator === 'and') {
    if (items.length === 2) return (view) => a(view) && b(view);
    return (view) => {
      for (const item of items) if (!item(view)) return false;
      return true;
    };
  }
  if (items.length === 2) return (view) => a(view) || b(view);
  return (view) => {
    for (const item of items) if (item(view)) return true;
    return false;
  };
}

/** A missing value makes every comparison false, `ne` too (spec/waf.md 1.2, trap 11). */
function comparison({ left, test }: Comparison): Decide {
  const quick = anyOrAll(left);
  if (quick !== null) return quick;
  const value = compileOperand(left);
  if (test.kind === 'is true') return (view) => value(view) === true;
  const holds = predicateOf(test);
  return (view) => {
    const found = value(view);
    return found !== undefined && holds(found);
  };
}

/** `any(x[*] op y)` and `all(...)` stop at the first element that decides, without an array of answers. */
function anyOrAll({ base, indexes }: Operand): Decide | null {
  if (base.kind !== 'call' || indexes.length > 0) return null;
  const { name } = base.function;
  const [argument] = base.arguments;
  if ((name !== 'any' && name !== 'all') || argument?.kind !== 'comparison' || !argument.left.hasEach) return null;
  const holds = argument.test.kind === 'is true' ? (value: Value) => value === true : predicateOf(argument.test);
  const elements = compileEach(argument.left);
  const wanted = name === 'any';
  return (view) => {
    const list = elements(view);
    if (list !== undefined) for (const element of list) if (holds(element) === wanted) return wanted;
    return !wanted;
  };
}

/** Compiles an expression of the type Array<Boolean>. */
function compileArray(logical: Logical): DecideEach {
  switch (logical.kind) {
    case 'constant':
      return () => [];
    case 'not': {
      const item = compileArray(logical.item);
      return (view) => item(view).map((one) => !one);
    }
    case 'combined':
      return combinedArrays(logical.operator, logical.items.map(compileArray));
    case 'comparison': {
      const { left, test } = logical;
      const elements = left.hasEach ? compileEach(left) : (compileOperand(left) as ReturnType<typeof compileEach>);
      if (test.kind === 'is true') return (view) => (elements(view) ?? []) as readonly boolean[];
      const holds = predicateOf(test);
      return (view) => (elements(view) ?? []).map(holds);
    }
  }
}

/** Element by element, as far as the shorter one goes (spec/waf.md 1.2, trap 9). */
function combinedArrays(operator: Combined['operator'], items: readonly DecideEach[]): DecideEach {
  const join = (a: boolean, b: boolean) => (operator === 'and' ? a && b : operator === 'or' ? a || b : a !== b);
  return (view) =>
    items
      .map((item) => item(view))
      .reduce((left, right) => left.slice(0, right.length).map((one, index) => join(one, right[index]!)));
}

/** What is taken out of a field or call, without `[*]`. */
function compileOperand({ base, indexes }: Operand): Evaluate {
  const whole = base.kind === 'field' ? base.field.read : compileCall(base);
  const [first, second] = indexes;
  if (first === undefined) return whole;
  if (first.kind === 'key' && indexes.length <= 2) {
    const { key } = first;
    if (second === undefined) return (view) => (whole(view) as ReadonlyMap<string, Value> | undefined)?.get(key);
    if (second.kind === 'position') {
      const { position } = second;
      return (view) => (whole(view) as ReadonlyMap<string, readonly Value[]> | undefined)?.get(key)?.[position];
    }
  }
  return (view) => {
    let value = whole(view);
    for (const index of indexes) value = value === undefined ? undefined : taken(value, index);
    return value;
  };
}

function taken(value: Value, index: Index): Value | undefined {
  if (index.kind === 'key') return (value as ReadonlyMap<string, Value>).get(index.key);
  return index.kind === 'position' ? (value as readonly Value[])[index.position] : value;
}

/** What `[*]` goes over: several flatten (spec/waf.md 1.2, trap 10). Undefined where what it stands behind is missing. */
function compileEach(operand: Operand): (view: RequestView) => readonly Value[] | undefined {
  const at = operand.indexes.findIndex(({ kind }) => kind === 'each');
  const whole = compileOperand({ ...operand, indexes: operand.indexes.slice(0, at), hasEach: false });
  const rest = operand.indexes.slice(at + 1);
  return (view) => {
    const value = whole(view);
    if (value === undefined) return undefined;
    const elements = elementsOf(value);
    return rest.length === 0 ? elements : flattened(elements, rest);
  };
}

function elementsOf(value: Value): readonly Value[] {
  return value instanceof Map ? [...value.values()] : (value as readonly Value[]);
}

/** Elements that lack what is taken out of them are left out. */
function flattened(elements: readonly Value[], indexes: readonly Index[]): readonly Value[] {
  let current = elements;
  for (const index of indexes) {
    current = current.flatMap((value) => {
      if (index.kind === 'each') return elementsOf(value) as Value[];
      const found = taken(value, index);
      // One level deeper, as flatMap would take an array apart.
      return found === undefined ? [] : [found];
    });
  }
  return current;
}

function compileCall({ function: definition, arguments: given }: Call): Evaluate {
  const apply = definition.prepare(given.map(asGiven));
  const [first, ...others] = given;
  if (first === undefined) return () => apply(undefined, []);
  const rest = compileRest(others);
  const value = compileArgument(first);
  if (!hasEach(first)) return (view) => apply(value(view), rest(view));
  // With [*] the function is called for each element, and those without a result are left out.
  return (view) => {
    const list = value(view) as readonly Value[] | undefined;
    if (list === undefined) return undefined;
    const results: Value[] = [];
    for (const element of list) {
      const result = apply(element, rest(view));
      if (result !== undefined) results.push(result);
    }
    return results;
  };
}

/** The arguments behind the first one: made once where all are literals. */
function compileRest(given: readonly Argument[]): (view: RequestView) => readonly (Value | undefined)[] {
  if (given.every(({ kind }) => kind === 'literal')) {
    const literals = given.map((one) => (one as { value: Value }).value);
    return () => literals;
  }
  const values = given.map(compileArgument);
  return (view) => values.map((value) => value(view));
}
