import type { Buffer } from 'node:buffer';
import type { RequestHead } from './http1/request-head.ts';
import type { OriginPool } from './origin-pool.ts';
import type { OriginRequestFacts } from './origin-request.ts';

/** A try to have an exchange's request answered, whatever became of it. */
export interface Attempt {
  readonly pool: OriginPool;
  readonly addressIndex: number;
  /** True for an exchange that is not its connection's first. */
  readonly isReused: boolean;
  /** True once a byte of the response came. */
  readonly hasAnswered: boolean;
  /** True where the origin has said that it did not process the request (RFC 9113 section 8.7). */
  readonly wasRefused: boolean;
  /** True where the origin's certificate bears not the server name, and was not asked for the requested hostname, which would do as well. */
  readonly mayBearOtherName: boolean;
}

/** Where an exchange's request goes: a connection to an origin, which has one request at a time, or a stream of one. */
export interface Origin extends Attempt {
  /** True when requests can be written. */
  readonly isReady: boolean;
  /** True where the origin may refuse the request without processing it, and say so. */
  readonly canRefuse: boolean;
  /** Address of the peer, or empty before TCP stands. */
  readonly remoteAddress: string;
  /** `TLSv1.3` and the like; `none` over plain http. */
  readonly protocol: string;

  sendRequest(head: RequestHead, facts: OriginRequestFacts): void;
  sendBody(data: Buffer): void;
  /** The request is written whole; `trailers` are serialised field lines, mostly none. From here the origin has its read time. */
  endRequest(trailers: string): void;
  /** Writes what was sent; holds the visitor back where the origin takes no more. */
  flush(): void;
  /** Stops or goes on taking the response: the visitor takes no more for now. */
  pause(): void;
  resume(): void;
  /** Bytes moved through the tunnel. */
  touchTunnel(): void;
  /** The visitor's side of the tunnel has sent everything. */
  endTunnel(): void;
  /** Gives the exchange up; it is told nothing. */
  destroy(): void;
}
