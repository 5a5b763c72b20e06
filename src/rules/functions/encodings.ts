/** Base64, digests and the timed HMAC (spec/waf.md 1.3). */

import { Buffer } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { BOOLEAN, STRING } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, integerParameter, stringParameter } from './parameters.ts';
import { CUSTOM_RULES, HEADER_TRANSFORMS, RATE_LIMITS, TRANSFORMS } from './phases.ts';
import { decodeUrl } from './url.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** `decode_base64(String)`: missing where it is none; padding may be left out. */
const decodeBase64 = define({
  name: 'decode_base64',
  parameters: [stringParameter('the source', 'field')],
  phases: [...TRANSFORMS, ...CUSTOM_RULES, ...RATE_LIMITS],
  result: () => STRING,
  prepare: () => (source) =>
    source === undefined || !BASE64.test(source as string)
      ? undefined
      : Buffer.from(source as string, 'base64').toString('latin1'),
});

/** `encode_base64(String[, flags])`: without padding unless `p`, for URLs with `u`. */
const encodeBase64 = define({
  name: 'encode_base64',
  parameters: [
    stringParameter('the input', 'any'),
    stringParameter('the flags', 'literal', (literal) =>
      /^[up]*$/.test(literal as string) ? null : 'made of u and p',
    ),
  ],
  optional: 1,
  phases: HEADER_TRANSFORMS,
  result: () => STRING,
  prepare: ([, flags]) => {
    const given = (flags?.literal ?? '') as string;
    return (input) => {
      if (input === undefined) return undefined;
      const padded = Buffer.from(input as string, 'latin1').toString('base64');
      const text = given.includes('u') ? padded.replaceAll('+', '-').replaceAll('/', '_') : padded;
      return given.includes('p') ? text : text.replace(/=+$/, '');
    };
  },
});

/** `sha256(String)`: the 32 bytes of the digest. */
const sha256 = define({
  name: 'sha256',
  parameters: [stringParameter('the input', 'any')],
  phases: HEADER_TRANSFORMS,
  result: () => STRING,
  prepare: () => (input) =>
    input === undefined
      ? undefined
      : createHash('sha256')
          .update(input as string, 'latin1')
          .digest('latin1'),
});

const DIGEST_LENGTH = 32;
const SAFE_LENGTH = 43;
const TIMESTAMP_LENGTH = 10;

/**
 * `is_timed_hmac_valid_v0(key, token, ttl, now[, separator length[, flags]])`. The token is message, separator, time (10 digits),
 * `-` and the Base64 of HMAC-SHA256 over message and time: URL-encoded, or of the URL alphabet without padding with the flag `s`.
 */
const isTimedHmacValid = define({
  name: 'is_timed_hmac_valid_v0',
  parameters: [
    stringParameter('the key', 'literal'),
    stringParameter('the token', 'field'),
    integerParameter('the time to live', 'literal'),
    integerParameter('the current time', 'any'),
    integerParameter('the length of the separator', 'literal', 0, 4096),
    stringParameter('the flags', 'literal', (literal) => (literal === 's' || literal === '' ? null : 'that is "s"')),
  ],
  optional: 2,
  result: () => BOOLEAN,
  prepare: ([key, , ttl, , separator, flags]) => {
    const secret = Buffer.from(key!.literal as string, 'latin1');
    const lifetime = ttl!.literal as number;
    const separatorLength = (separator?.literal ?? 0) as number;
    const isSafe = flags?.literal === 's';
    return (_key, [token, , now]) => {
      if (token === undefined || now === undefined) return undefined;
      const parts = tokenParts(token as string, separatorLength, isSafe);
      if (parts === null || Number(parts.time) + lifetime < (now as number)) return false;
      const expected = createHmac('sha256', secret)
        .update(parts.message + parts.time, 'latin1')
        .digest();
      return parts.mac.length === DIGEST_LENGTH && timingSafeEqual(parts.mac, expected);
    };
  },
});

/** Takes a token apart; null where it is none. */
function tokenParts(
  token: string,
  separatorLength: number,
  isSafe: boolean,
): { message: string; time: string; mac: Buffer } | null {
  const dash = isSafe ? token.length - SAFE_LENGTH - 1 : token.lastIndexOf('-');
  const messageEnd = dash - TIMESTAMP_LENGTH - separatorLength;
  if (messageEnd < 1 || token[dash] !== '-') return null;
  const time = token.slice(dash - TIMESTAMP_LENGTH, dash);
  const text = token.slice(dash + 1);
  const base64 = isSafe ? text.replaceAll('-', '+').replaceAll('_', '/') : decodePercent(text);
  if (!/^\d{10}$/.test(time) || !BASE64.test(base64)) return null;
  return { message: token.slice(0, messageEnd), time, mac: Buffer.from(base64, 'base64') };
}

/** `+` stands for itself here, and only here. */
function decodePercent(text: string): string {
  return decodeUrl(text.replaceAll('+', '%2B'), false);
}

export const ENCODING_FUNCTIONS: readonly RuleFunction[] = [decodeBase64, encodeBase64, sha256, isTimedHmacValid];
