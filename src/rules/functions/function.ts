import type { Phase } from '../phases.ts';
import type { Value, ValueType } from '../types.ts';

/** What a parameter takes: anything that is not a literal, a literal alone, or both. */
export type ParameterKind = 'field' | 'literal' | 'any';

/** A parameter of a function. */
export interface Parameter {
  readonly name: string;
  readonly kind: ParameterKind;
  /** True for a type that it takes. */
  readonly accepts: (type: ValueType) => boolean;
  /** What it takes, for the error: `a String`. */
  readonly expected: string;
  /** Says what is wrong with a literal: `between 1 and 32` follows "must be". */
  readonly check?: (literal: Value) => string | null;
}

/** An argument as the checks see it; `literal` undefined where it is known only at the request. */
export interface GivenArgument {
  readonly type: ValueType;
  readonly literal: Value | undefined;
  /** The name of the field, where the argument is one and nothing else. */
  readonly field: string | null;
}

/** Gives a call's value; an argument that is missing is undefined, and so is a value that is. */
export type Apply = (first: Value | undefined, rest: readonly (Value | undefined)[]) => Value | undefined;

/** A function of the language (spec/waf.md 1.3). */
export interface RuleFunction {
  readonly name: string;
  /** Mandatory parameters first. */
  readonly parameters: readonly Parameter[];
  /** How many of them may be left out. */
  readonly optional: number;
  /** Takes the last parameter any number of times. */
  readonly isVariadic: boolean;
  /** The phases that may use it; null for all. */
  readonly phases: readonly Phase[] | null;
  /** True for one that only values of rewrites and redirects may use, not filters. */
  readonly onlyInValues: boolean;
  /** True for one that an expression may use once. */
  readonly onlyOnce: boolean;
  readonly result: (given: readonly GivenArgument[]) => ValueType;
  /** Says what is wrong with the arguments together: a sentence. */
  readonly check?: (given: readonly GivenArgument[]) => string | null;
  /** Prepares the call; `given` holds the literals. */
  readonly prepare: (given: readonly GivenArgument[]) => Apply;
}

/** A function of the language that is not for this edge: a rule that calls it is refused. */
export interface RefusedFunction {
  readonly name: string;
  readonly reason: string;
}
