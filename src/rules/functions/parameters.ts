/** Kinds of parameters that several functions have. */

import type { Value, ValueType } from '../types.ts';
import type { Parameter, ParameterKind, RuleFunction } from './function.ts';

/** A parameter that takes a string. */
export function stringParameter(name: string, kind: ParameterKind, check?: Parameter['check']): Parameter {
  const parameter = { name, kind, accepts: isKind('String'), expected: 'a String' };
  return check === undefined ? parameter : { ...parameter, check };
}

/** A parameter that takes an integer; a literal must lie between the bounds. */
export function integerParameter(name: string, kind: ParameterKind, least?: number, most?: number): Parameter {
  const parameter = { name, kind, accepts: isKind('Integer'), expected: 'an Integer' };
  if (least === undefined || most === undefined) return parameter;
  const check = (literal: Value) =>
    (literal as number) >= least && (literal as number) <= most ? null : `between ${least} and ${most}`;
  return { ...parameter, check };
}

/** True for exactly that kind of type. */
export function isKind(kind: ValueType['kind']): (type: ValueType) => boolean {
  return (type) => type.kind === kind;
}

/** A function with what most functions have: all phases, filters and values, no optional parameter. */
export function define(
  definition: Pick<RuleFunction, 'name' | 'parameters' | 'result' | 'prepare'> & Partial<RuleFunction>,
): RuleFunction {
  return { optional: 0, isVariadic: false, phases: null, onlyInValues: false, onlyOnce: false, ...definition };
}
