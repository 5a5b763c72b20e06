import type { Buffer } from 'node:buffer';
import type { Scheme } from '../core/mod.ts';
import type { ResponseHead } from './http1/response-head.ts';

/** How the body of a final response goes to the visitor. */
export interface ResponseBody {
  /** False where no body follows, whatever the fields say (HEAD, 204, 304). */
  readonly exists: boolean;
  /** Bytes, or -1 where nobody knows yet. */
  readonly length: number;
  /** False where the edge decodes the body, so that its coding is not the origin's. */
  readonly keepsContentEncoding: boolean;
}

/** Who opened a connection, known before its first request. */
export interface VisitorFacts {
  /** The visitor's own address, also where a load balancer stands between. */
  readonly address: string;
  /** Canonical server name of the TLS handshake; null over plain http. */
  readonly sni: string | null;
}

/** A connection that a visitor opened. */
export interface VisitorConnection {
  /** The edge will drain: whoever asks again should do so on a new connection. */
  announceDrain(): void;
  /** The edge drains: an idle connection closes now, a busy one after what is under way. */
  drain(): void;
  destroy(): void;
}

/**
 * Where an exchange's request came from and its response goes: an HTTP/1.1 connection, or one stream of an HTTP/2
 * connection. What is sent may wait in memory until `flush`.
 */
export interface Visitor {
  readonly scheme: Scheme;
  readonly address: string;
  /** Canonical server name of the TLS handshake; null over plain http. */
  readonly sni: string | null;
  /** `TLSv1.3` and the like; `none` over plain http. */
  readonly protocol: string;
  /** Name of the cipher suite; empty over plain http. */
  readonly cipher: string;
  /** What the edge says with each of its requests that nobody else has passed on, as `visitorFields` serialises it. */
  readonly usualFields: string;
  /** Where the visitor's connection came in. */
  readonly localAddress: string;
  readonly localPort: number;
  /** `HTTP/1.1` and the like. */
  readonly httpVersion: string;
  /** True while a read of the visitor's connection is being taken apart: more of the request may follow at once. */
  readonly isReading: boolean;

  /** Tells a visitor that waits with its body to go on (RFC 9110 section 10.1.1). */
  continue(): void;
  /** Stops or goes on taking the request's body: the origin takes no more for now. */
  holdRequest(on: boolean): void;
  /** Sends a 1xx response that the visitor may know. */
  sendInterim(head: ResponseHead): void;
  /** Begins the final response. */
  startResponse(head: ResponseHead, body: ResponseBody): void;
  /** Sends the bytes of `data` from `from` to `to`. */
  sendBody(data: Buffer, from: number, to: number): void;
  /** The response is complete; `trailers` are serialised field lines, mostly none. */
  endResponse(trailers: string): void;
  /** Answers from the edge itself, completely. `close` asks for the end of the connection where it has only one request at a time. */
  respond(status: number, reason: string, fields: Readonly<Record<string, string>>, body: Buffer, close: boolean): void;
  /** Writes what was sent. False where the visitor takes no more for now: `Exchange.visitorDrained` follows. */
  flush(): boolean;
  /** The origin switched protocols: from here on bytes are passed on as they are. Returns those that had come already. */
  startTunnel(head: ResponseHead): Buffer;
  /** The origin's side of the tunnel has sent everything. */
  endTunnel(): void;
  /** Cuts the exchange off: what was sent must not look complete. */
  abort(): void;
}
