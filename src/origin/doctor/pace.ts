import type { Endpoint } from './subject.ts';

/** Milliseconds for each of connecting, the handshake and the response of one attempt. */
export const ATTEMPT_TIMEOUT = 5_000;
/** Attempts a second that an origin can be asked to bear. */
const PACE = 10;

/** How fast these addresses may be examined, in attempts a second: nobody else is burdened by what goes to this machine itself. */
export function paceOf(endpoints: readonly Endpoint[]): number {
  const isOwnMachine = endpoints.every(({ address }) => address === '::1' || address.startsWith('127.'));
  return isOwnMachine ? Number.POSITIVE_INFINITY : PACE;
}
