import type { z } from 'zod';
import { ApiError } from '../core/mod.ts';
import type { Call } from './types.ts';

/** Largest request body in bytes. */
export const MAX_BODY = 1024 * 1024;

/** Reads the body as JSON, whatever the Content-Type says (spec/api.md section 0, row 2). Throws `body_not_json`. */
export async function readJson(call: Call): Promise<unknown> {
  let text: string;
  try {
    text = await call.req.text();
  } catch (error) {
    if ((error as Error).name === 'BodyLimitError') throw new ApiError('body_too_large');
    // The client went away, or the body is framed wrongly: nothing of it was used.
    throw new ApiError('body_not_json', { message: 'The request body ended too early.' });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('body_not_json', text === '' ? { message: 'The request needs a JSON body.' } : {});
  }
}

/** Checks a value; unknown members are left out. Throws `field_invalid` with the name of the member that is wrong. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map(String);
  const name = path.length === 0 ? 'The body' : path.join('.');
  throw new ApiError('field_invalid', {
    message: `${name}: ${issue.message}`,
    pointer: path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
  });
}

/** Reads and checks the body. Throws `body_not_json` and `field_invalid`. */
export async function readBody<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
  return check(schema, await readJson(call));
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
