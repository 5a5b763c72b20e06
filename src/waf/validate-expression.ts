import {
  type CompileOptions,
  compileFilter,
  compileValue,
  RuleError,
  type RuleList,
  type SimpleKind,
  type Uses,
} from '../rules/mod.ts';
import type { PhaseName } from './phases.ts';
import { invalid, readText } from './validate-input.ts';

/** Longest expression, in characters (spec/origin-pulls.md 7.4). */
const MAX_EXPRESSION = 4096;

/** What expressions may name. */
export interface ExpressionScope {
  readonly phase: PhaseName;
  readonly lists: (name: string) => RuleList | undefined;
  /** Whether there is a geo database. */
  readonly hasGeo: boolean;
}

/** A filter expression, compiled to see that it is one. Throws `rule_invalid` and `expression_invalid`. */
export function readFilter(
  value: unknown,
  pointer: string,
  scope: ExpressionScope,
  stage?: CompileOptions['stage'],
): string {
  return compiled(readText(value, pointer, 1, MAX_EXPRESSION), pointer, (text) =>
    compileFilter(text, stage === undefined ? scope : { ...scope, stage }),
  );
}

/** An expression that gives a value; `expected` null takes any type. Throws as `readFilter`. */
export function readValueExpression(
  value: unknown,
  pointer: string,
  scope: ExpressionScope,
  expected: SimpleKind | null,
): string {
  return compiled(readText(value, pointer, 1, MAX_EXPRESSION), pointer, (text) => compileValue(text, scope, expected));
}

/** The error shows the line, the column, and carets below what is meant (spec/waf.md 1.2, trap 14). */
function compiled(text: string, pointer: string, compile: (text: string) => Uses): string {
  try {
    compile(text);
  } catch (error) {
    if (error instanceof RuleError) throw invalid(pointer, error.render(), 'expression_invalid');
    throw error;
  }
  return text;
}
