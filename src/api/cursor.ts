import { ApiError } from '../core/mod.ts';
import { queryNumber } from './body.ts';
import type { PageBounds } from './paging.ts';
import type { Call } from './types.ts';

/** Paging facts of a list that is read by cursors: one name for each of the SDK's two forms (spec/api.md 2.4). */
export interface CursorInfo {
  readonly cursor?: string;
  readonly cursors?: { readonly after: string };
  readonly count: number;
  readonly per_page: number;
}

/**
 * The items behind the query's cursor. `keyOf` gives each item a text by which they are in order: what is added or removed between
 * two pages moves nothing else. Throws `field_invalid`.
 */
export function cursorPage<T>(
  call: Call,
  items: readonly T[],
  keyOf: (item: T) => string,
  { fallback, min, max }: PageBounds,
): { items: T[]; info: CursorInfo } {
  const perPage = queryNumber(call, 'per_page', fallback, min, max);
  const after = readCursor(call);
  const left = after === null ? items : items.filter((item) => keyOf(item) > after);
  const taken = left.slice(0, perPage);
  const next = left.length > perPage ? keyOf(taken.at(-1)!) : null;
  return { items: taken, info: cursorInfo(taken.length, perPage, next) };
}

/** The facts of a page behind which there is more, from the key `last` on; null at the end. */
export function cursorInfo(count: number, perPage: number, last: string | null): CursorInfo {
  const info = { count, per_page: perPage };
  if (last === null) return info;
  const cursor = Buffer.from(last).toString('base64url');
  return { ...info, cursor, cursors: { after: cursor } };
}

/** The key behind which the query wants to go on; null from the start. Throws `field_invalid`. */
export function readCursor(call: Call): string | null {
  const cursor = call.req.query('cursor');
  if (cursor === undefined || cursor === '') return null;
  if (!/^[\w-]{1,1000}$/.test(cursor)) throw new ApiError('field_invalid', { message: 'cursor is not one of ours.' });
  return Buffer.from(cursor, 'base64url').toString();
}

/** Numbers as texts that are in the same order. */
export function ordered(number: number): string {
  return String(number).padStart(17, '0');
}
