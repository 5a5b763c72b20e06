import { ADDRESS_FUNCTIONS } from './address.ts';
import { ARRAY_FUNCTIONS } from './arrays.ts';
import { CONVERT_FUNCTIONS } from './convert.ts';
import { ENCODING_FUNCTIONS } from './encodings.ts';
import type { RefusedFunction, RuleFunction } from './function.ts';
import { JSON_FUNCTIONS } from './json.ts';
import { REPLACE_FUNCTIONS } from './replace.ts';
import { TEXT_FUNCTIONS } from './text.ts';
import { URL_FUNCTIONS } from './url.ts';

/** All functions that rules may call (spec/waf.md 1.3). */
export const FUNCTIONS: ReadonlyMap<string, RuleFunction> = new Map(
  [
    ...ARRAY_FUNCTIONS,
    ...TEXT_FUNCTIONS,
    ...URL_FUNCTIONS,
    ...JSON_FUNCTIONS,
    ...ADDRESS_FUNCTIONS,
    ...ENCODING_FUNCTIONS,
    ...REPLACE_FUNCTIONS,
    ...CONVERT_FUNCTIONS,
  ].map((one) => [one.name, one]),
);

/** Functions of the language that are refused, with the reason. */
export const REFUSED_FUNCTIONS: ReadonlyMap<string, RefusedFunction> = new Map(
  [
    { name: 'bit_slice', reason: 'it is about packets, and rules here are about HTTP requests' },
    { name: 'is_jwt_valid', reason: 'there are no token configurations here' },
    { name: 'is_jwt_present', reason: 'there are no token configurations here' },
  ].map((one) => [one.name, one]),
);
