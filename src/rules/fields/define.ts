import type { RequestView } from '../request-view.ts';
import { BOOLEAN, INTEGER, mapOf, STRING, STRINGS, type Value, type ValueType } from '../types.ts';
import type { Field } from './field.ts';

type Read<T> = (view: RequestView) => T | undefined;
type Limits = Partial<Pick<Field, 'need' | 'phases'>>;

/** A field of any type. */
export function field(name: string, type: ValueType, read: Read<Value>, limits: Limits = {}): Field {
  return { name, type, read, need: null, phases: null, ...limits };
}

/** A field that is a string. */
export function string(name: string, read: Read<string>, limits?: Limits): Field {
  return field(name, STRING, read, limits);
}

/** A field that is an integer. */
export function integer(name: string, read: Read<number>, limits?: Limits): Field {
  return field(name, INTEGER, read, limits);
}

/** A field that is a Boolean. */
export function boolean(name: string, read: Read<boolean>, limits?: Limits): Field {
  return field(name, BOOLEAN, read, limits);
}

/** A field that is an array of strings. */
export function strings(name: string, read: Read<readonly string[]>, limits?: Limits): Field {
  return field(name, STRINGS, read, limits);
}

/** A map, and its names and values as arrays. */
export function pairs(
  name: string,
  read: Read<{
    readonly map: ReadonlyMap<string, readonly string[]>;
    readonly names: readonly string[];
    readonly values: readonly string[];
  }>,
  limits?: Limits,
): Field[] {
  return [
    field(name, mapOf(STRINGS), (view) => read(view)?.map, limits),
    strings(`${name}.names`, (view) => read(view)?.names, limits),
    strings(`${name}.values`, (view) => read(view)?.values, limits),
  ];
}
