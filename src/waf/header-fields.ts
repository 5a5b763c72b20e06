import type { HeaderField } from '../rules/mod.ts';

/** Whether there is a field of this name, which is in lower case. */
export function hasField(headers: readonly HeaderField[], lower: string): boolean {
  return headers.some(([name]) => name.toLowerCase() === lower);
}

/** All values of a field, joined by commas; empty where there is none. */
export function fieldOf(headers: readonly HeaderField[], lower: string): string {
  return headers
    .filter(([name]) => name.toLowerCase() === lower)
    .map(([, value]) => value)
    .join(', ');
}

/** The last value of a field. */
export function lastField(headers: readonly HeaderField[], lower: string): string | undefined {
  return headers.findLast(([name]) => name.toLowerCase() === lower)?.[1];
}
