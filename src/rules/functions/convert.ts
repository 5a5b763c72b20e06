/** `to_string` and `uuidv4` (spec/waf.md 1.3). */

import { type Address, bytesOf, formatAddress } from '../../match/mod.ts';
import { STRING } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, stringParameter } from './parameters.ts';
import { REDIRECTS, TRANSFORMS } from './phases.ts';

/** `to_string(Integer | Boolean | IP address)`. */
const textOf = define({
  name: 'to_string',
  parameters: [
    {
      name: 'the value',
      kind: 'any',
      accepts: ({ kind }) => kind === 'Integer' || kind === 'Boolean' || kind === 'IP address',
      expected: 'an Integer, a Boolean or an IP address',
    },
  ],
  phases: [...TRANSFORMS, ...REDIRECTS],
  onlyInValues: true,
  result: () => STRING,
  prepare: () => (value) => {
    if (value === undefined) return undefined;
    return typeof value === 'object' ? formatAddress(value as Address) : String(value);
  },
});

/** `uuidv4(random bytes)`: the same bytes make the same UUID. */
const uuidv4 = define({
  name: 'uuidv4',
  parameters: [stringParameter('the random bytes', 'field')],
  phases: TRANSFORMS,
  onlyInValues: true,
  result: () => STRING,
  prepare: () => (source) => {
    if (source === undefined || (source as string).length < 16) return undefined;
    const bytes = bytesOf((source as string).slice(0, 16));
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  },
});

export const CONVERT_FUNCTIONS: readonly RuleFunction[] = [textOf, uuidv4];
