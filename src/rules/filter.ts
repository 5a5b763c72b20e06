import { compileArgument, compileDecision } from './compile.ts';
import type { Argument } from './expression.ts';
import { asGiven } from './functions/check-call.ts';
import { type Guard, guardsOf } from './guard.ts';
import { type CompileOptions, namesFor } from './names.ts';
import { parseFilter, parseValue } from './parse.ts';
import type { RequestView } from './request-view.ts';
import { RuleError } from './rule-error.ts';
import { type SimpleKind, typeName, type Value, type ValueType } from './types.ts';

/** What an expression looks at. */
export interface Uses {
  readonly expression: string;
  readonly fields: ReadonlySet<string>;
  /** Names without `$`. */
  readonly lists: ReadonlySet<string>;
  readonly needsBody: boolean;
  readonly needsResponse: boolean;
}

/** A compiled filter expression. */
export interface Filter extends Uses {
  /** What `ruleSet` needs to know of it: where one of these holds it may match; null for anywhere. */
  readonly guards: readonly Guard[] | null;
  matches(view: RequestView): boolean;
}

/** A compiled value expression: a dynamic value of a rewrite or redirect, or a characteristic of a rate limit. */
export interface ValueExpression extends Uses {
  readonly type: ValueType;
  /** Undefined where the value is missing. */
  evaluate(view: RequestView): Value | undefined;
}

/** Compiles a filter expression (spec/waf.md 1.2). Throws `RuleError`. */
export function compileFilter(expression: string, options: CompileOptions): Filter {
  const names = namesFor(options, false);
  const logical = parseFilter(expression, names);
  return { ...usesOf(expression, names), guards: guardsOf(logical), matches: compileDecision(logical) };
}

/** Compiles a value expression; `expected` null takes any type. Throws `RuleError`. */
export function compileValue(
  expression: string,
  options: CompileOptions,
  expected: SimpleKind | null,
): ValueExpression {
  const names = namesFor(options, true);
  const argument: Argument = parseValue(expression, names);
  const { type } = asGiven(argument);
  if (expected !== null && type.kind !== expected) {
    const message = `Expected a value of the type ${expected}, not ${typeName(type)}.`;
    throw new RuleError(message, expression, { start: 0, length: Math.max(1, expression.length) });
  }
  return { ...usesOf(expression, names), type, evaluate: compileArgument(argument) };
}

function usesOf(expression: string, { fields, lists }: ReturnType<typeof namesFor>): Uses {
  const needs = new Set([...fields].map(({ need }) => need));
  return {
    expression,
    fields: new Set([...fields].map(({ name }) => name)),
    lists,
    needsBody: needs.has('body'),
    needsResponse: needs.has('response'),
  };
}
