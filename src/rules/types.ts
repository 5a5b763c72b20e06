import type { Address } from '../match/mod.ts';

/** The type of an expression (spec/waf.md 1.2, "Types"). `String` stands for strings of bytes. */
export type ValueType =
  | { readonly kind: 'Boolean' }
  | { readonly kind: 'Integer' }
  | { readonly kind: 'IP address' }
  | { readonly kind: 'String' }
  | { readonly kind: 'Array'; readonly of: ValueType }
  | { readonly kind: 'Map'; readonly of: ValueType };

/** A type without members of its own. */
export type SimpleKind = Exclude<ValueType['kind'], 'Array' | 'Map'>;

/** A value: a string is latin1 text, one character a byte. A value that is missing is undefined. */
export type Value = boolean | number | string | Address | readonly Value[] | ReadonlyMap<string, Value>;

export const BOOLEAN: ValueType = { kind: 'Boolean' };
export const INTEGER: ValueType = { kind: 'Integer' };
export const ADDRESS: ValueType = { kind: 'IP address' };
export const STRING: ValueType = { kind: 'String' };
export const STRINGS: ValueType = { kind: 'Array', of: STRING };

/** The type of arrays of `of`. */
export function arrayOf(of: ValueType): ValueType {
  return { kind: 'Array', of };
}

/** The type of maps from strings to `of`. */
export function mapOf(of: ValueType): ValueType {
  return { kind: 'Map', of };
}

/** True for the same type. */
export function isSameType(a: ValueType, b: ValueType): boolean {
  if (a.kind === 'Array' || a.kind === 'Map') return a.kind === b.kind && isSameType(a.of, (b as { of: ValueType }).of);
  return a.kind === b.kind;
}

/** A type as the documentation writes it: `Map<Array<String>>`. */
export function typeName(type: ValueType): string {
  return type.kind === 'Array' || type.kind === 'Map' ? `${type.kind}<${typeName(type.of)}>` : type.kind;
}
