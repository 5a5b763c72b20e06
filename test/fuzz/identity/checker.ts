import {
  emptyTally,
  ORIGIN_PROTOCOLS,
  type OriginProtocol,
  type Tally,
  VISITOR_PROTOCOLS,
  type VisitorProtocol,
} from './protocols.ts';

/** What an origin saw of the client, as the visitor was told. */
export interface Seen {
  /**
   * SHA-256 fingerprint of the client certificate; `none`, `plain` (no TLS), or why the edge pulled nothing:
   * `unavailable`, or `no http2` for gRPC.
   */
  readonly identity: string;
  /** Whether the origin's handshake was a resumed one. */
  readonly resumed: boolean;
  /** The request's number on its connection to the origin, from 1. */
  readonly nth: number;
  /** The version of TLS. */
  readonly protocol: string;
  /** How the origin was asked; null where it was not. */
  readonly http: OriginProtocol | null;
}

/** An answer of the edge's own, which asked no origin. */
export function pulledNothing(identity: string): Seen {
  return { identity, resumed: false, nth: 1, protocol: 'none', http: null };
}

/** A request that is under way, with every identity that was right at some time of it. */
export interface Pending {
  readonly what: string;
  readonly by: VisitorProtocol;
  readonly rightNow: () => string;
  readonly allowed: Set<string>;
}

/** A request that reached an origin as somebody else. */
export interface Mismatch {
  readonly what: string;
  readonly allowed: readonly string[];
  readonly seen: Seen;
}

/**
 * Compares what origins saw with what was right. What is right may change: a request that overlaps a change may show
 * what was right before or after it, one that begins after the change only the new.
 */
export class IdentityChecker {
  readonly mismatches: Mismatch[] = [];
  requests = 0;
  readonly byVisitor: Tally<VisitorProtocol> = emptyTally(VISITOR_PROTOCOLS);
  /** By protocol toward the origin, plain http included. */
  readonly byOrigin: Tally<OriginProtocol> = emptyTally(ORIGIN_PROTOCOLS);
  /** Requests on a connection that carried one before. */
  reused = 0;
  /** First requests of connections with a resumed handshake, by version of TLS. */
  readonly resumed: Record<string, number> = {};
  /** Requests that overlapped a change of their own identity. */
  overlapped = 0;
  readonly identities = new Set<string>();
  readonly #pending = new Set<Pending>();

  /** A request is about to be sent. */
  begin(what: string, by: VisitorProtocol, rightNow: () => string): Pending {
    const pending = { what, by, rightNow, allowed: new Set([rightNow()]) };
    this.#pending.add(pending);
    return pending;
  }

  /** What is right has changed: call it in the turn of the change. */
  changed(): void {
    for (const { allowed, rightNow } of this.#pending) allowed.add(rightNow());
  }

  /** The request was answered. */
  end(pending: Pending, seen: Seen): void {
    this.#pending.delete(pending);
    this.requests++;
    this.byVisitor[pending.by]++;
    if (seen.http !== null) this.byOrigin[seen.http]++;
    this.identities.add(seen.identity);
    if (pending.allowed.size > 1) this.overlapped++;
    if (seen.nth > 1) this.reused++;
    else if (seen.resumed) this.resumed[seen.protocol] = (this.resumed[seen.protocol] ?? 0) + 1;
    if (!pending.allowed.has(seen.identity)) {
      this.mismatches.push({ what: pending.what, allowed: [...pending.allowed], seen });
    }
  }
}
