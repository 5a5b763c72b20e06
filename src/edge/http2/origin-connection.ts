import type { Buffer } from 'node:buffer';
import type { OriginFailureName } from '../../core/mod.ts';
import { hear, type PeerListener, type SecurePeerSocket } from '../../platform/mod.ts';
import type { Timed } from '../deadlines.ts';
import type { Exchange } from '../exchange.ts';
import { classifyFailure, handshakeOutcome } from '../failure.ts';
import type { OriginPool } from '../origin-pool.ts';
import { Calm } from './calm.ts';
import { ERROR_CODE, SETTING } from './frame.ts';
import { STREAM_WINDOW } from './input.ts';
import { OriginStream } from './origin-stream.ts';
import { ResponseFields } from './response-head.ts';
import { BROKEN_TABLE, Http2Session, PREFACE, type SessionOwner, type SessionStream, Violation } from './session.ts';

/** Streams of a connection, whatever the origin allows (spec/origin-pulls.md 4.2). */
const MAX_STREAMS = 200;
/** After so many requests a connection is not used for new ones: ids of streams are not used again (RFC 9113 section 5.1.1). */
const LAST_STREAM_ID = 2 ** 30;

/** One HTTP/2 connection to an origin: many exchanges at a time. Belongs to one pool, so to one identity, for its whole life. */
export class Http2OriginConnection implements PeerListener, SessionOwner, Timed {
  readonly pool: OriginPool;
  readonly addressIndex: number;
  readonly session: Http2Session;
  deadline: number;
  readonly #socket: SecurePeerSocket;
  readonly #calm: Calm;
  /** Streams that the current read brought something for. */
  readonly #touched = new Set<OriginStream>();
  #nextId = 1;
  /** The TLS handshake is counted: with TLS 1.3 that is only when the origin has answered. */
  #isHandshakeCounted = false;
  #isGoingAway = false;
  #isRetired = false;
  #error: Error | null = null;
  #failure: OriginFailureName | null = null;

  constructor(pool: OriginPool, addressIndex: number, socket: SecurePeerSocket) {
    const { edge } = pool;
    this.pool = pool;
    this.addressIndex = addressIndex;
    this.#socket = socket;
    this.#calm = new Calm(edge.deadlines.now);
    this.deadline = edge.deadlines.now + edge.limits.originIdle;
    this.session = new Http2Session(socket, this, edge.limits.responseHead);
    this.session.maxStreams = pool.maxStreams;
    edge.deadlines.add(this);
    edge.counters.connectionOpened(pool.level);
    hear(socket, this);
    this.session.start(PREFACE, [
      [SETTING.ENABLE_PUSH, 0],
      [SETTING.INITIAL_WINDOW_SIZE, STREAM_WINDOW],
    ]);
  }

  /** True where another exchange may begin on this connection. */
  get hasRoom(): boolean {
    const { session } = this;
    return (
      !this.#isGoingAway &&
      !this.#isRetired &&
      !session.isEnded &&
      session.streams.size < Math.min(session.maxStreams, MAX_STREAMS) &&
      this.#nextId < LAST_STREAM_ID
    );
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  get protocol(): string {
    return this.#socket.getProtocol() ?? 'none';
  }

  /** Begins an exchange on a stream of its own. */
  open(exchange: Exchange): void {
    const stream = new OriginStream(this, this.#nextId, exchange);
    if (stream.isReused) this.pool.edge.counters.connectionReused(this.pool.level);
    this.#nextId += 2;
    this.deadline = Number.POSITIVE_INFINITY;
    this.session.streams.set(stream.id, stream);
    exchange.origin = stream;
    exchange.originReady();
  }

  /** The identity went: what is under way may finish, but not beyond the hard cap. */
  retire(): void {
    this.#isRetired = true;
    if (this.session.streams.size === 0) this.session.end();
    this.deadline = this.pool.edge.deadlines.now + this.pool.edge.limits.drain;
  }

  destroy(): void {
    for (const stream of [...this.session.streams.values()]) (stream as OriginStream).destroy();
    this.#socket.destroy();
  }

  onDeadline(): void {
    if (this.#isRetired || this.session.isEnded) this.#socket.destroy();
    else this.session.end();
  }

  /** A stream has something for its exchange to pass on when the read is through. */
  touch(stream: OriginStream): void {
    this.#touched.add(stream);
  }

  onSocketData(data: Buffer): void {
    if (this.session.isEnded) return;
    if (!this.#isHandshakeCounted) this.#countHandshake(null);
    this.session.push(data);
    for (const stream of this.#touched) stream.flushResponse();
    this.#touched.clear();
  }

  onSocketDrain(): void {
    this.session.onDrain();
  }

  onSocketEnd(): void {
    // Nothing more comes. An alert that explains it comes as an error after it on some runtimes: the close decides.
    this.#socket.destroy();
  }

  onSocketError(error: Error): void {
    this.#error ??= error;
  }

  onSocketClose(): void {
    this.pool.edge.deadlines.remove(this);
    this.pool.edge.counters.connectionClosed(this.pool.level);
    this.pool.removeHttp2(this);
    this.#failure ??= classifyFailure('established', this.#error);
    if (!this.#isHandshakeCounted) this.#countHandshake(this.#failure);
    this.session.closed();
  }

  #countHandshake(failure: OriginFailureName | null): void {
    this.#isHandshakeCounted = true;
    const outcome = handshakeOutcome('established', failure, false, this.#error);
    if (outcome !== null) this.pool.edge.counters.handshake(this.pool.level, outcome);
  }

  /** What a stream of this connection failed of, where the connection itself failed. */
  get failure(): OriginFailureName {
    return this.#failure ?? 'empty_response';
  }

  // --- what the session tells --------------------------------------------------------------------------------------

  isIdle(streamId: number): boolean {
    return streamId >= this.#nextId;
  }

  onSettings(): void {
    // An origin that allows none is about to go: a new connection may try one.
    this.pool.maxStreams = Math.max(1, this.session.maxStreams);
  }

  onGoaway(lastStreamId: number): void {
    this.#isGoingAway = true;
    // Streams above it were not processed (RFC 9113 section 6.8): their exchanges may try elsewhere.
    for (const stream of [...this.session.streams.values()])
      if (stream.id > lastStreamId) stream.closed(ERROR_CODE.REFUSED_STREAM);
    if (this.session.streams.size === 0) this.session.end();
  }

  onOdd(): void {
    if (!this.session.isEnded && !this.#calm.spend(this.pool.edge.deadlines.now))
      this.onEnd(new Violation(ERROR_CODE.ENHANCE_YOUR_CALM, 'too many odd frames'));
  }

  onEmpty(): void {
    const { deadlines, limits } = this.pool.edge;
    if (this.#isGoingAway || this.#isRetired) this.session.end();
    else this.deadline = deadlines.now + limits.originIdle;
  }

  onEnd(violation: Violation | null): void {
    this.deadline = this.pool.edge.deadlines.now + this.pool.edge.limits.linger;
    if (violation !== null && !this.session.isEnded) {
      this.#failure = 'malformed_response';
      this.session.sendGoaway(0, violation.code, violation.reason);
      this.session.end();
    }
    if (this.session.isEnded) {
      this.pool.removeHttp2(this);
      for (const stream of [...this.session.streams.values()]) stream.closed(null);
    }
  }

  onBlock(streamId: number, block: Buffer, isEnd: boolean): Violation | null {
    if (this.isIdle(streamId)) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'a response to nothing');
    const fields = new ResponseFields();
    const result = this.session.decoder.decode(block, (name, value) => fields.add(name, value));
    if (result === 'compression') return BROKEN_TABLE;
    const stream: SessionStream | undefined = this.session.streams.get(streamId);
    if (stream !== undefined) (stream as OriginStream).receiveFields(fields, result === 'too_large', isEnd);
    return null;
  }
}
