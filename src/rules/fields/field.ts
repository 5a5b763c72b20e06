import type { Phase } from '../phases.ts';
import type { RequestView } from '../request-view.ts';
import type { Value, ValueType } from '../types.ts';

/** What a field is made of, beyond the request's head. */
export type FieldNeed = 'body' | 'response' | 'geo';

/** A field that the edge fills (spec/waf.md 1.4). */
export interface Field {
  readonly name: string;
  readonly type: ValueType;
  readonly need: FieldNeed | null;
  /** The phases that may use it; null for all. */
  readonly phases: readonly Phase[] | null;
  /** Undefined where the value is missing. */
  readonly read: (view: RequestView) => Value | undefined;
}

/** A field of the language that the edge cannot fill: a rule that names it is refused. */
export interface RefusedField {
  readonly name: string;
  readonly reason: string;
}
