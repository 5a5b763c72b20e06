/** `cidr` and `cidr6` (spec/waf.md 1.3). */

import { type Address, networkOf } from '../../match/mod.ts';
import { ADDRESS } from '../types.ts';
import type { RuleFunction } from './function.ts';
import { define, integerParameter, isKind } from './parameters.ts';
import { CUSTOM_RULES, RATE_LIMITS } from './phases.ts';

const address = {
  name: 'the address',
  kind: 'field',
  accepts: isKind('IP address'),
  expected: 'an IP address',
} as const;
const bits6 = integerParameter('the IPv6 bits', 'literal', 1, 128);

/** `cidr(address, IPv4 bits, IPv6 bits)`: the first address of its network. */
const cidr = define({
  name: 'cidr',
  parameters: [address, integerParameter('the IPv4 bits', 'literal', 1, 32), bits6],
  phases: [...CUSTOM_RULES, ...RATE_LIMITS],
  result: () => ADDRESS,
  prepare: ([, four, six]) => network(four!.literal as number, six!.literal as number),
});

/** `cidr6(address, IPv6 bits)`: an IPv4 address stays as it is. */
const cidr6 = define({
  name: 'cidr6',
  parameters: [address, bits6],
  phases: [...CUSTOM_RULES, ...RATE_LIMITS],
  result: () => ADDRESS,
  prepare: ([, six]) => network(32, six!.literal as number),
});

function network(four: number, six: number): ReturnType<RuleFunction['prepare']> {
  return (value) => {
    if (value === undefined) return undefined;
    return networkOf(value as Address, (value as Address).family === 4 ? four : six);
  };
}

export const ADDRESS_FUNCTIONS: readonly RuleFunction[] = [cidr, cidr6];
