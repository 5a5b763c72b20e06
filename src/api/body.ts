import type { z } from 'zod';
import { ApiError } from '../core/mod.ts';
import type { Call } from './types.ts';

/** Largest request body in bytes. */
export const MAX_BODY = 1024 * 1024;

/**
 * Reads the body as JSON, whatever the Content-Type says (spec/api.md section 0, row 2), and checks it. Unknown members
 * are ignored. Throws `body_not_json`, and `field_invalid` with the name of the member that is wrong.
 */
export async function readBody<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
  const text = await call.req.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError('body_not_json', text === '' ? { message: 'The request needs a JSON body.' } : {});
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map(String);
  const name = path.length === 0 ? 'The body' : path.join('.');
  throw new ApiError('field_invalid', {
    message: `${name}: ${issue.message}`,
    pointer: `/${path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
  });
}

/** A whole number in the query, or the fallback where it is missing. Throws `field_invalid` out of range. */
export function queryNumber(call: Call, name: string, fallback: number, min: number, max: number): number {
  const text = call.req.query(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max) {
    throw new ApiError('field_invalid', { message: `${name} must be a whole number from ${min} to ${max}.` });
  }
  return value;
}
