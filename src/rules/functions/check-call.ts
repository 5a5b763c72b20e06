import type { Argument } from '../expression.ts';
import { arrayOf, BOOLEAN, typeName, type ValueType } from '../types.ts';
import type { GivenArgument, Parameter, RuleFunction } from './function.ts';

/** What a call gives, or what is wrong with it and with which argument. */
export type CheckedCall = { readonly type: ValueType } | { readonly problem: string; readonly argument: number | null };

/** Checks number, kinds and types of a call's arguments. */
export function checkCall(definition: RuleFunction, given: readonly Argument[]): CheckedCall {
  const { name, parameters, optional, isVariadic } = definition;
  const least = parameters.length - optional;
  if (given.length < least || (!isVariadic && given.length > parameters.length))
    return { problem: `Expected ${countText(definition)} for ${name}, not ${given.length}.`, argument: null };
  const seen = given.map(asGiven);
  for (const [index, argument] of seen.entries()) {
    const parameter = parameters[Math.min(index, parameters.length - 1)]!;
    const each = hasEach(given[index]!);
    if (each && index > 0) return { problem: 'Expected no [*]: only the first argument may have it.', argument: index };
    const problem = argumentProblem(parameter, argument);
    if (problem !== null) return { problem: `Expected ${problem} as ${parameter.name} of ${name}.`, argument: index };
  }
  const problem = definition.check?.(seen) ?? null;
  if (problem !== null) return { problem, argument: null };
  const result = definition.result(seen);
  return { type: given[0] !== undefined && hasEach(given[0]) ? arrayOf(result) : result };
}

/** An argument as functions see it. */
export function asGiven(argument: Argument): GivenArgument {
  if (argument.kind === 'literal') return { type: argument.type, literal: argument.value, field: null };
  if (argument.kind !== 'operand')
    return { type: argument.isArray ? arrayOf(BOOLEAN) : BOOLEAN, literal: undefined, field: null };
  const { base, indexes, type } = argument;
  const isField = base.kind === 'field' && indexes.length === 0;
  return { type, literal: undefined, field: isField ? base.field.name : null };
}

/** True where a function is to be called for each element of its first argument. */
export function hasEach(argument: Argument): boolean {
  return argument.kind === 'operand' && argument.hasEach;
}

function argumentProblem(parameter: Parameter, { type, literal }: GivenArgument): string | null {
  if (!parameter.accepts(type)) return `${parameter.expected}, not ${typeName(type)},`;
  if (literal === undefined) return parameter.kind === 'literal' ? `${parameter.expected} written out` : null;
  if (parameter.kind === 'field') return 'a field or a call, not a literal,';
  const problem = parameter.check?.(literal) ?? null;
  return problem === null ? null : `${parameter.expected} ${problem}`;
}

function countText({ parameters, optional, isVariadic }: RuleFunction): string {
  const least = parameters.length - optional;
  if (isVariadic) return `${least} or more arguments`;
  const numbers = optional === 0 ? `${least}` : `${least} to ${parameters.length}`;
  return `${numbers} argument${parameters.length === 1 ? '' : 's'}`;
}
