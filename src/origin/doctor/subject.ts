import type { DoctorReport } from '../../core/mod.ts';

/** A certificate with its key, both PEM; intermediates may follow the leaf. */
export interface Pair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** An address that answers for an origin. */
export interface Endpoint {
  /** IPv4 or IPv6, without brackets. */
  readonly address: string;
  readonly port: number;
}

/** What is examined. A pair that is null cannot be tried; the report says so. */
export interface DoctorSubject {
  /** Goes into the Host header. */
  readonly hostname: string;
  /** Goes into the TLS handshake. */
  readonly serverName: string;
  readonly level: DoctorReport['level'];
  /** Every address of the origin: one that is left out is not proven closed. */
  readonly endpoints: readonly Endpoint[];
  /** Port of plain HTTP; without one nothing is proven about it, and no report says "closed". */
  readonly httpPort: number | null;
  readonly path: string;
  /** Further server names that the origin may answer to. One that nobody has is always tried besides. */
  readonly otherNames: readonly string[];
  /** What the origin must let in. Null: only what it must refuse can be tried, and no report says "closed". */
  readonly right: Pair | null;
  /** Of a rotation under way: the origin must let it in too. */
  readonly previous: Pair | null;
  readonly shared: Pair | null;
  readonly otherTenant: Pair | null;
  /** From the right CA, and out of date. */
  readonly expired: Pair | null;
}

/** What an examination takes from outside. */
export interface DoctorTools {
  /** Milliseconds since the epoch. */
  readonly clock: { now(): number };
  readonly randomBytes: (count: number) => Uint8Array;
  /** Resolves after as many milliseconds. */
  readonly delay: (milliseconds: number) => Promise<void>;
  /** Milliseconds for each of connecting, the handshake, and the response. */
  readonly attemptTimeout: number;
  /** Attempts a second at most. */
  readonly pace: number;
  /** Told after each attempt how many were made, and how many there can be at most. */
  readonly onProgress?: (made: number, most: number) => void;
}
