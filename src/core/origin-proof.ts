/**
 * Whether an origin demands the certificate that the edge presents: `enforced` only where it refused somebody without one in so many words,
 * `not_enforced` where it let him in.
 */
export type Enforcement = 'enforced' | 'not_enforced' | 'unknown';

/** What one address of a hostname's origin did with somebody who presented no certificate. Plain data. */
export interface OriginProof {
  readonly zoneId: string;
  /** The visitor's hostname. */
  readonly hostname: string;
  /** `address:port`, an IPv6 address in brackets. */
  readonly address: string;
  readonly enforcement: Enforcement;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
