import { type Context, findKey, findToken, type Principal } from '../control/mod.ts';
import { ApiError } from '../core/mod.ts';
import type { Call } from './types.ts';

/**
 * Who sends a request: bearer token before key and e-mail, whatever else is there (SDKs send all they have: spec/api.md
 * section 1). Throws `credentials_missing`, `headers_invalid`, `authentication`, `unknown_key_or_email`.
 */
export async function authenticate(context: Context, call: Call): Promise<Principal> {
  const authorization = call.req.header('authorization');
  if (authorization !== undefined) {
    const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization.trim())?.[1];
    if (token === undefined) throw badHeader(6111, 'Authorization');
    const principal = await findToken(context, token);
    if (principal === null) throw new ApiError('authentication');
    return principal;
  }
  const key = call.req.header('x-auth-key');
  const email = call.req.header('x-auth-email');
  if (key !== undefined || email !== undefined) {
    if (key === undefined || !/^[\x21-\x7e]{1,512}$/.test(key)) throw badHeader(6103, 'X-Auth-Key');
    if (email === undefined || !/^[^\s@]{1,200}@[^\s@]{1,200}$/.test(email)) throw badHeader(6102, 'X-Auth-Email');
    const principal = await findKey(context, email, key);
    if (principal === null) throw new ApiError('unknown_key_or_email');
    return principal;
  }
  if (call.req.header('x-auth-user-service-key') !== undefined) throw new ApiError('authentication');
  throw new ApiError('credentials_missing');
}

function badHeader(code: number, name: string): ApiError {
  return new ApiError('headers_invalid', { chain: [{ code, message: `Invalid format for ${name} header` }] });
}
