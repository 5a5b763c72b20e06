/** An expression, parsed and typed: plain data (spec/waf.md 1.2). */

import type { Address, AddressRange, Regex, Wildcard } from '../match/mod.ts';
import type { Field } from './fields/field.ts';
import type { RuleFunction } from './functions/function.ts';
import type { Value, ValueType } from './types.ts';

/** An expression of the type Boolean, or Array<Boolean> where `isArray`. */
export type Logical = Constant | Combined | Negated | Comparison;

/** `true` or `false`, alone. */
export interface Constant {
  readonly kind: 'constant';
  readonly value: boolean;
  readonly isArray: false;
}

export type LogicalOperator = 'or' | 'xor' | 'and';

export interface Combined {
  readonly kind: 'combined';
  readonly operator: LogicalOperator;
  readonly items: readonly Logical[];
  readonly isArray: boolean;
}

export interface Negated {
  readonly kind: 'not';
  readonly item: Logical;
  readonly isArray: boolean;
}

export interface Comparison {
  readonly kind: 'comparison';
  readonly left: Operand;
  readonly test: Test;
  readonly isArray: boolean;
}

/** A field or a call, and what is taken out of it. */
export interface Operand {
  readonly kind: 'operand';
  readonly base: FieldReference | Call;
  readonly indexes: readonly Index[];
  /** After all indexes; with `[*]` among them it is the type of each element. */
  readonly type: ValueType;
  readonly hasEach: boolean;
}

export interface FieldReference {
  readonly kind: 'field';
  readonly field: Field;
}

/** A call; where the first argument has `[*]`, `type` is an array of what the function gives. */
export interface Call {
  readonly kind: 'call';
  readonly function: RuleFunction;
  readonly arguments: readonly Argument[];
  readonly type: ValueType;
}

export type Index =
  | { readonly kind: 'each' }
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'key'; readonly key: string };

export type Argument = Literal | Operand | Logical;

export interface Literal {
  readonly kind: 'literal';
  readonly value: Value;
  readonly type: ValueType;
}

export type Order = 'eq' | 'ne' | 'ge' | 'le' | 'gt' | 'lt';

/** What a value is held against. */
export type Test =
  | { readonly kind: 'is true' }
  | { readonly kind: 'order'; readonly order: Order; readonly value: string | number | Address }
  | { readonly kind: 'bits'; readonly mask: number }
  | { readonly kind: 'contains'; readonly text: string }
  | { readonly kind: 'matches'; readonly regex: Regex; readonly pattern: string }
  | { readonly kind: 'wildcard'; readonly wildcard: Wildcard; readonly pattern: string; readonly isStrict: boolean }
  | { readonly kind: 'in strings'; readonly texts: readonly string[] }
  | { readonly kind: 'in integers'; readonly ranges: readonly (readonly [first: number, last: number])[] }
  | { readonly kind: 'in addresses'; readonly ranges: readonly AddressRange[] }
  | { readonly kind: 'in list'; readonly name: string; readonly has: (value: Value) => boolean };
