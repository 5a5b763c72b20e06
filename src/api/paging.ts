import { queryNumber } from './body.ts';
import type { ResultInfo } from './envelope.ts';
import type { Call } from './types.ts';

/** Bounds of a list's `per_page`. */
export interface PageBounds {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

/** The page that the query asks for; past the end it is empty (spec/api.md section 0, row 5). */
export function page<T>(
  call: Call,
  items: readonly T[],
  { fallback, min, max }: PageBounds,
): { items: T[]; info: ResultInfo } {
  const number = queryNumber(call, 'page', 1, 1, 1_000_000_000);
  const perPage = queryNumber(call, 'per_page', fallback, min, max);
  const taken = items.slice((number - 1) * perPage, number * perPage);
  return { items: taken, info: info(number, perPage, taken.length, items.length) };
}

/** Paging facts of a list that always comes whole. */
export function singlePage(count: number): ResultInfo {
  return info(1, Math.max(50, count), count, count);
}

function info(number: number, perPage: number, count: number, total: number): ResultInfo {
  return { page: number, per_page: perPage, count, total_count: total, total_pages: Math.ceil(total / perPage) };
}

const OPERATORS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  exact: (value, wanted) => value === wanted,
  contains: (value, wanted) => value.includes(wanted),
  startswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
};

/** Whether a text passes the query's filters of that name: `name=`, `name.contains=` and so on, case aside. */
export function textFilters(call: Call, name: string): ((value: string) => boolean)[] {
  const filters: ((value: string) => boolean)[] = [];
  for (const [operator, test] of Object.entries(OPERATORS)) {
    const wanted = call.req.query(`${name}.${operator}`) ?? (operator === 'exact' ? call.req.query(name) : undefined);
    if (wanted !== undefined) filters.push((value) => test(value.toLowerCase(), wanted.toLowerCase()));
  }
  return filters;
}
