import type { Resolution, Scheme } from './resolve.ts';
import { formatSeconds } from './rfc3339.ts';

/** The decision about one URL as plain data: what `countersign explain --json` and `…/countersign/resolve` answer. */
export interface Explanation {
  readonly url: string;
  readonly hostname: string;
  readonly scheme: Scheme;
  readonly zone: { readonly id: string; readonly name: string } | null;
  readonly origin_scheme: string;
  /** The level whose certificate is presented, if the origin asks for one. */
  readonly level: 'hostname' | 'zone' | 'global' | 'none';
  readonly certificate_id: string | null;
  /** RFC 3339, whole seconds. */
  readonly certificate_expires_on: string | null;
  readonly reasons: readonly { readonly step: string; readonly decided: boolean; readonly text: string }[];
  /** The one-sentence answer. It never claims more than "presents": an origin may not ask at all. */
  readonly summary: string;
}

/** Puts a `Resolution` into words. */
export function explain(url: string, hostname: string, scheme: Scheme, resolution: Resolution): Explanation {
  const { identity, level, zone, originScheme } = resolution;
  return {
    url,
    hostname,
    scheme,
    zone: zone && { id: zone.id, name: zone.name },
    origin_scheme: originScheme,
    level,
    certificate_id: identity?.id ?? null,
    certificate_expires_on: identity && formatSeconds(identity.expiresAt),
    reasons: resolution.reasons,
    summary: identity
      ? `If the origin asks for a client certificate, the edge presents ${identity.id} (${level} level).`
      : 'The edge presents no client certificate.',
  };
}
