import type { Buffer } from 'node:buffer';
import type { OriginFailureName } from '../core/mod.ts';
import { hear, type PeerListener, type PeerSocket, type SecurePeerSocket } from '../platform/mod.ts';
import type { Timed } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { type ConnectionPhase, classifyFailure, handshakeOutcome, isOfAnotherName } from './failure.ts';
import type { HeadText } from './http1/head-text.ts';
import { type BodyFraming, type MessageHandler, MessageReader } from './http1/message-reader.ts';
import type { Refusal } from './http1/refusal.ts';
import type { RequestHead } from './http1/request-head.ts';
import { parseResponseHead, type ResponseHead } from './http1/response-head.ts';
import type { Origin } from './origin.ts';
import type { OriginPool } from './origin-pool.ts';
import { type OriginRequestFacts, writeOriginRequest } from './origin-request.ts';
import { connectOrigin, passOver } from './origin-socket.ts';
import { Outbox } from './outbox.ts';
import { bodyOf } from './response-framing.ts';

const PROTOCOLS = ['http/1.1'];
const INTERIM: BodyFraming = { kind: 'interim' };

/** One connection to an origin. Carries one exchange at a time and belongs to one pool for its whole life. */
export class OriginConnection implements Origin, PeerListener, MessageHandler, Timed {
  readonly pool: OriginPool;
  readonly addressIndex: number;
  readonly #out: Outbox;
  deadline: number;
  isReused = false;
  readonly canRefuse = false;
  readonly wasRefused = false;
  hasAnswered = false;
  readonly #socket: PeerSocket;
  readonly #reader: MessageReader;
  readonly #checksServerNameOnly: boolean;
  #exchange: Exchange | null;
  #phase: ConnectionPhase = 'connecting';
  #error: Error | null = null;
  /** The failure that our own deadline made, where it was not the peer. */
  #timedOut: OriginFailureName | null = null;
  #keepAlive = true;
  /** Set from the end of a response until `#complete`. */
  #trailers: string | null = null;
  #closed = false;
  /** The TLS handshake is counted: with TLS 1.3 that is only when the origin has answered. */
  #isHandshakeCounted: boolean;
  #retiresAt = Number.POSITIVE_INFINITY;

  /** Connects, or takes over a socket that is connected already. */
  constructor(pool: OriginPool, exchange: Exchange, addressIndex: number, socket: PeerSocket | null = null) {
    this.pool = pool;
    this.addressIndex = addressIndex;
    this.#exchange = exchange;
    exchange.origin = this;
    this.#checksServerNameOnly = pool.checksServerNameOnly;
    const { edge } = pool;
    this.#reader = new MessageReader(this, edge.limits.responseHead);
    this.#socket = socket ?? connectOrigin(pool, pool.key.addresses[addressIndex]!, PROTOCOLS);
    this.#out = new Outbox(this.#socket);
    this.deadline = edge.deadlines.now + edge.limits.connect;
    edge.deadlines.add(this);
    this.#isHandshakeCounted = pool.key.tls === null;
    edge.counters.connectionOpened(pool.level);
    this.#listen();
    if (socket !== null) this.#onEstablished();
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  get protocol(): string {
    return this.pool.key.tls === null ? 'none' : ((this.#socket as SecurePeerSocket).getProtocol() ?? 'none');
  }

  get mayBearOtherName(): boolean {
    return this.#checksServerNameOnly && isOfAnotherName(this.#error);
  }

  get isReady(): boolean {
    return this.#phase === 'established';
  }

  /** Takes the next exchange on an idle connection. */
  start(exchange: Exchange): void {
    this.#exchange = exchange;
    this.isReused = true;
    this.pool.edge.counters.connectionReused(this.pool.level);
    this.hasAnswered = false;
    exchange.origin = this;
    exchange.originReady();
  }

  sendRequest(head: RequestHead, facts: OriginRequestFacts): void {
    // A visitor that is slow with its body is not the origin's fault: its read time begins with the request's end.
    this.deadline = this.#retiresAt;
    writeOriginRequest(this.#out, head, facts);
  }

  sendBody(data: Buffer): void {
    const exchange = this.#exchange!;
    if (exchange.head.chunked && !exchange.isTunnel) this.#out.addChunk(data, 0, data.length);
    else this.#out.add(data);
  }

  endRequest(trailers: string): void {
    if (this.#exchange!.head.chunked) this.#out.addText(`0\r\n${trailers}\r\n`);
    this.deadline = this.#capped(this.#readTime);
  }

  flush(): void {
    if (this.#out.flush()) return;
    this.deadline = this.#capped(this.pool.edge.limits.originWrite);
    this.#exchange?.originBlocked();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  endTunnel(): void {
    this.#socket.end();
  }

  /** The identity went: this connection may finish its exchange, but not beyond the hard cap. */
  retire(): void {
    const { deadlines, limits } = this.pool.edge;
    this.#retiresAt = deadlines.now + limits.drain;
    this.deadline = Math.min(this.deadline, this.#retiresAt);
  }

  destroy(): void {
    this.#exchange = null;
    this.#socket.destroy();
    this.#forget();
  }

  onDeadline(): void {
    if (this.#exchange !== null) this.#timedOut = this.#failureOfDeadline();
    if (!this.isReady) passOver(this.pool, this.addressIndex, this.#socket);
    this.#socket.destroy();
    this.onSocketClose();
  }

  onHead(source: HeadText): BodyFraming | null {
    const exchange = this.#exchange!;
    const head = parseResponseHead(source);
    if (!('fields' in head)) {
      this.onRefused(head);
      return null;
    }
    this.deadline = this.#capped(this.#readTime);
    if (head.status === 101) return this.#upgrade(exchange, head);
    if (head.status < 200) {
      if (exchange.interimResponse(head)) return INTERIM;
      this.#fail('malformed_response', 'too many 1xx responses');
      return null;
    }
    if (head.close) this.#keepAlive = false;
    const framing = bodyOf(head, exchange.head.method);
    exchange.responseHead(head, framing.kind !== 'none');
    // Null where the rules have put another answer in its place.
    return this.#exchange === null ? null : framing;
  }

  onData(data: Buffer, from: number, to: number): void {
    this.#exchange?.responseData(data, from, to);
  }

  onMessageEnd(trailers: string): void {
    this.#trailers = trailers;
  }

  /** The response is whole and nothing stands behind it in this read: only now may another exchange come. */
  #complete(exchange: Exchange, trailers: string): void {
    this.#trailers = null;
    this.#exchange = null;
    exchange.origin = null;
    if (exchange.requestComplete && this.#keepAlive && this.#reader.held === 0) {
      this.deadline = this.#capped(this.pool.edge.limits.originIdle);
      this.#socket.resume();
      this.#reader.next();
      this.pool.release(this);
    } else {
      this.destroy();
    }
    exchange.responseEnd(trailers);
  }

  onRefused(refusal: Refusal): void {
    const tooLarge = refusal.status === 431;
    this.#fail(tooLarge ? 'response_headers_too_large' : 'malformed_response', refusal.reason);
  }

  #upgrade(exchange: Exchange, head: ResponseHead): BodyFraming | null {
    if (!exchange.upgraded(head)) {
      this.#fail('malformed_response', 'an upgrade that nobody asked for');
      return null;
    }
    this.#reader.tunnel();
    this.touchTunnel();
    return null;
  }

  touchTunnel(): void {
    this.deadline = this.#capped(this.pool.edge.limits.tunnelIdle);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('connect', () => this.#onConnect());
    if (this.pool.key.tls !== null) {
      socket.on('secureConnect', () => this.#onEstablished());
      socket.on('session', (session: Buffer) => {
        if (!this.pool.isRetired) this.pool.session = session;
      });
    }
    hear(socket, this);
  }

  onSocketError(error: Error): void {
    this.#error ??= error;
  }

  onSocketDrain(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (!exchange.isTunnel) this.deadline = exchange.requestComplete ? this.#capped(this.#readTime) : this.#retiresAt;
    exchange.originDrained();
  }

  #onConnect(): void {
    if (this.pool.key.tls === null) {
      this.#onEstablished();
    } else if (this.#phase === 'connecting') {
      this.#phase = 'handshake';
      this.deadline = this.#capped(this.pool.edge.limits.originHandshake);
    }
  }

  #onEstablished(): void {
    this.#phase = 'established';
    this.pool.worked(this.addressIndex);
    this.deadline = this.#capped(this.#readTime);
    this.#exchange?.originReady();
  }

  onSocketData(data: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === null) {
      // An unasked response on an idle connection would be taken for the answer to the next request (threats 2.15).
      this.destroy();
      return;
    }
    this.hasAnswered = true;
    if (!this.#isHandshakeCounted) this.#countHandshake(null);
    // A header has its time as a whole: byte by byte it would have no end.
    if (exchange.isAnswered) this.deadline = this.#capped(this.#readTime);
    this.#reader.push(data);
    if (this.#trailers !== null) this.#complete(exchange, this.#trailers);
    else exchange.flushResponse();
  }

  onSocketEnd(): void {
    const exchange = this.#exchange;
    if (exchange?.isTunnel) {
      exchange.originEnded();
      return;
    }
    this.#keepAlive = false;
    if (exchange !== null && this.#reader.end() && this.#trailers !== null) {
      this.#complete(exchange, this.#trailers);
      return;
    }
    this.#socket.destroy();
    // An alert that explains the end comes as an error after it on some runtimes: the close decides.
  }

  onSocketClose(): void {
    if (this.#closed) return;
    this.#forget();
    const exchange = this.#exchange;
    this.#exchange = null;
    if (exchange === null) return;
    exchange.origin = null;
    if (exchange.isTunnel) {
      exchange.tunnelClosed();
      return;
    }
    const failure = this.#timedOut ?? classifyFailure(this.#phase, this.#error);
    this.#countHandshake(failure);
    exchange.originFailed(this, failure, this.#error?.message ?? '');
  }

  #fail(failure: OriginFailureName, detail: string): void {
    const exchange = this.#exchange;
    this.destroy();
    if (exchange === null) return;
    exchange.origin = null;
    exchange.originFailed(this, failure, detail);
  }

  get #readTime(): number {
    return this.#exchange?.originReadTime ?? this.pool.edge.limits.originRead;
  }

  #failureOfDeadline(): OriginFailureName {
    if (this.#phase === 'connecting') return 'connect_timeout';
    if (this.#phase === 'handshake') return 'tls_handshake';
    return this.#exchange!.requestComplete || this.#socket.writableLength === 0 ? 'read_timeout' : 'write_timeout';
  }

  #countHandshake(failure: OriginFailureName | null): void {
    if (this.#isHandshakeCounted) return;
    const outcome = handshakeOutcome(this.#phase, failure, this.#timedOut !== null, this.#error);
    if (outcome === null) return;
    this.#isHandshakeCounted = true;
    if (outcome === 'ok') this.pool.presented(this.#socket);
    this.pool.edge.counters.handshake(this.pool.level, outcome);
  }

  #forget(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.pool.edge.counters.connectionClosed(this.pool.level);
    this.pool.edge.deadlines.remove(this);
    this.pool.remove(this);
  }

  #capped(time: number): number {
    return Math.min(this.pool.edge.deadlines.now + time, this.#retiresAt);
  }
}
