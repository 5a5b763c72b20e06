import { domainToASCII } from 'node:url';
import { ApiError, canonicalHostname, isWithinZone } from '../core/mod.ts';
import type { ZoneRow } from '../store/mod.ts';

/** An internationalised name in its ASCII form (UTS 46); others as they are, also where they are no names. */
export function toAscii(name: string): string {
  return /^[\x00-\x7f]*$/.test(name) ? name : domainToASCII(name) || name;
}

/** The canonical form of a hostname of the zone. Throws `hostname_invalid` and `hostname_outside_zone`. */
export function hostnameOfZone(zone: ZoneRow, hostname: string, pointer?: string): string {
  const canonical = canonicalHostname(toAscii(hostname));
  const where = pointer === undefined ? {} : { pointer };
  if (canonical === null)
    throw new ApiError('hostname_invalid', { message: `"${hostname}" is not a valid hostname.`, ...where });
  if (!isWithinZone(canonical, zone.name)) {
    throw new ApiError('hostname_outside_zone', {
      message: `${canonical} does not belong to the zone ${zone.name}.`,
      ...where,
    });
  }
  return canonical;
}
