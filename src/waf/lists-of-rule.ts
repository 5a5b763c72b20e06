import { compileFilter, compileValue, RuleError } from '../rules/mod.ts';
import type { ExpressionScope } from './validate-expression.ts';

/** Whether an expression of a rule, wherever it stands in it, names the list `$name`. */
export function ruleUsesList(rule: unknown, name: string, scope: ExpressionScope): boolean {
  return [...expressionsOf(rule, '')].some((text) => text.includes(`$${name}`) && listsOf(text, scope).has(name));
}

function* expressionsOf(value: unknown, key: string): Generator<string> {
  if (typeof value === 'string') {
    if (key === 'expression' || key === 'counting_expression' || key === 'characteristics') yield value;
  } else if (typeof value === 'object' && value !== null) {
    for (const [member, inner] of Object.entries(value))
      yield* expressionsOf(inner, Array.isArray(value) ? key : member);
  }
}

function listsOf(text: string, scope: ExpressionScope): ReadonlySet<string> {
  try {
    return compileFilter(text, { ...scope, stage: 'response' }).lists;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
  }
  try {
    return compileValue(text, { ...scope, stage: 'response' }, null).lists;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
  }
  return new Set();
}
