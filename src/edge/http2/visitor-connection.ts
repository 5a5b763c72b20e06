import type { Buffer } from 'node:buffer';
import { hear, type PeerListener, type SecurePeerSocket } from '../../platform/mod.ts';
import type { Timed } from '../deadlines.ts';
import type { Edge } from '../edge.ts';
import { Exchange } from '../exchange.ts';
import { Refusal } from '../http1/refusal.ts';
import { RequestHead } from '../http1/request-head.ts';
import { visitorFields } from '../origin-request.ts';
import { beginExchange } from '../pipeline.ts';
import { requestTarget, targetOfRefused } from '../request-target.ts';
import type { VisitorConnection, VisitorFacts } from '../visitor.ts';
import { Calm } from './calm.ts';
import { ERROR_CODE, SETTING } from './frame.ts';
import { STREAM_WINDOW } from './input.ts';
import { parsePriority } from './priority.ts';
import { RequestFields } from './request-fields.ts';
import { BROKEN_TABLE, Http2Session, PREFACE, type SessionOwner, Violation } from './session.ts';
import { VisitorStream } from './visitor-stream.ts';

const MAX_STREAMS = 100;
const LAST_STREAM_ID = 0x7fff_ffff;

/** One HTTP/2 connection of a visitor (RFC 9113): many exchanges at a time, a stream each. */
export class Http2Connection implements VisitorConnection, PeerListener, SessionOwner, Timed {
  readonly address: string;
  readonly sni: string | null;
  readonly session: Http2Session;
  readonly calm: Calm;
  deadline: number;
  readonly #edge: Edge;
  readonly #socket: SecurePeerSocket;
  #usualFields: string | null = null;
  /** Bytes of the preface that came. */
  #prefaceLength = 0;
  #lastStreamId = 0;
  #isGoingAway = false;

  constructor(edge: Edge, socket: SecurePeerSocket, { address, sni }: VisitorFacts) {
    this.#edge = edge;
    this.#socket = socket;
    this.address = address;
    this.sni = sni;
    this.calm = new Calm(edge.deadlines.now);
    this.deadline = edge.deadlines.now + edge.limits.requestHeadTime;
    this.session = new Http2Session(socket, this, edge.limits.requestHead);
    edge.visitors.add(this);
    edge.deadlines.add(this);
    hear(socket, this);
    this.session.start(null, [
      [SETTING.MAX_CONCURRENT_STREAMS, MAX_STREAMS],
      [SETTING.INITIAL_WINDOW_SIZE, STREAM_WINDOW],
      [SETTING.ENABLE_CONNECT_PROTOCOL, 1],
      [SETTING.NO_RFC7540_PRIORITIES, 1],
    ]);
  }

  /** As `Visitor.usualFields`. */
  get usualFields(): string {
    this.#usualFields ??= visitorFields(this.address, 'https');
    return this.#usualFields;
  }

  get protocol(): string {
    return this.#socket.getProtocol() ?? 'none';
  }

  get cipher(): string {
    return this.#socket.getCipher()?.standardName ?? '';
  }

  get localAddress(): string {
    return this.#socket.localAddress ?? '';
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  announceDrain(): void {
    // The highest number refuses no stream that is on its way (RFC 9113 section 6.8).
    if (!this.#isGoingAway && !this.session.isEnded) this.session.sendGoaway(LAST_STREAM_ID, ERROR_CODE.NO_ERROR, '');
  }

  drain(): void {
    if (this.#isGoingAway) return;
    this.#isGoingAway = true;
    this.session.sendGoaway(this.#lastStreamId, ERROR_CODE.NO_ERROR, '');
    if (this.session.streams.size === 0) this.session.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onDeadline(): void {
    const { session } = this;
    if (session.isEnded || this.#isGoingAway || session.isInBlock || !session.hasSettings) this.destroy();
    else this.drain();
  }

  /** Resets a stream. What the visitor makes us reset costs as much as what it resets itself (made-you-reset). */
  reset(streamId: number, code: number): void {
    this.session.sendReset(streamId, code);
    this.onOdd();
  }

  onSocketDrain(): void {
    this.session.onDrain();
    this.#socket.resume();
  }

  onSocketEnd(): void {
    // A visitor that has said everything gets no more: half-closed connections are not HTTP/2's way to wait.
    this.session.end();
  }

  onSocketError(): void {
    this.#socket.destroy();
  }

  onSocketData(data: Buffer): void {
    const { session } = this;
    if (session.isEnded) return;
    const rest = this.#prefaceLength < PREFACE.length ? this.#readPreface(data) : data;
    if (rest === null || rest.length === 0) return;
    session.push(rest);
    if (session.isInBlock)
      this.deadline = Math.min(this.deadline, this.#edge.deadlines.now + this.#edge.limits.requestHeadTime);
    for (const stream of session.streams.values()) (stream as VisitorStream).exchange?.flushRequest();
    // Answers without a body know no window: who does not take them may not ask for more.
    if (session.isBlocked && !session.isEnded) this.#socket.pause();
  }

  #readPreface(data: Buffer): Buffer | null {
    const part = data.subarray(0, PREFACE.length - this.#prefaceLength);
    if (!part.equals(PREFACE.subarray(this.#prefaceLength, this.#prefaceLength + part.length))) {
      this.onEnd(new Violation(ERROR_CODE.PROTOCOL_ERROR, 'no preface'));
      return null;
    }
    this.#prefaceLength += part.length;
    return data.subarray(part.length);
  }

  onSocketClose(): void {
    this.#edge.visitors.delete(this);
    this.#edge.deadlines.remove(this);
    this.session.closed();
    this.#edge.visitorClosed();
  }

  /** Sets the connection's own deadline by whether anything is under way. */
  #idle(): void {
    const { deadlines, limits } = this.#edge;
    this.deadline = this.session.streams.size > 0 ? Number.POSITIVE_INFINITY : deadlines.now + limits.visitorIdle;
  }

  // --- what the session tells --------------------------------------------------------------------------------------

  isIdle(streamId: number): boolean {
    return streamId > this.#lastStreamId;
  }

  onSettings(): void {
    this.#idle();
  }

  onGoaway(): void {
    this.drain();
  }

  onOdd(): void {
    if (!this.session.isEnded && !this.calm.spend(this.#edge.deadlines.now))
      this.onEnd(new Violation(ERROR_CODE.ENHANCE_YOUR_CALM, 'too many odd frames'));
  }

  onEmpty(): void {
    this.#idle();
    if (this.#isGoingAway) this.session.end();
  }

  onEnd(violation: Violation | null): void {
    this.deadline = this.#edge.deadlines.now + this.#edge.limits.linger;
    if (violation === null || this.session.isEnded) return;
    this.session.sendGoaway(this.#lastStreamId, violation.code, violation.reason);
    this.session.end();
    for (const stream of [...this.session.streams.values()]) stream.closed(null);
  }

  onBlock(streamId: number, block: Buffer, isEnd: boolean): Violation | null {
    this.#idle();
    const stream = this.session.streams.get(streamId);
    if (stream !== undefined) return this.#trailers(stream as VisitorStream, block, isEnd);
    return this.isIdle(streamId) ? this.#request(streamId, block, isEnd) : this.#lateBlock(block);
  }

  /** A block for a stream that is gone: decoded all the same, because the table is shared. */
  #lateBlock(block: Buffer): Violation | null {
    this.onOdd();
    return this.session.decoder.decode(block, () => undefined) === 'compression' ? BROKEN_TABLE : null;
  }

  #trailers(stream: VisitorStream, block: Buffer, isEnd: boolean): Violation | null {
    let lines = '';
    let isOdd = false;
    const result = this.session.decoder.decode(block, (name, value) => {
      isOdd ||= name.startsWith(':') || /[A-Z]/.test(name) || /[\r\n]/.test(value);
      lines += `${name}: ${value}\r\n`;
    });
    if (result === 'compression') return BROKEN_TABLE;
    if (!stream.isOpen) return new Violation(ERROR_CODE.STREAM_CLOSED, 'HEADERS on a stream that is closed');
    if (!isEnd || isOdd || result !== null) stream.reset(ERROR_CODE.PROTOCOL_ERROR);
    else stream.receiveEnd(lines);
    return null;
  }

  #request(streamId: number, block: Buffer, isEnd: boolean): Violation | null {
    const { session } = this;
    const fields = new RequestFields();
    const result = session.decoder.decode(block, (name, value) => fields.add(name, value));
    if (result === 'compression') return BROKEN_TABLE;
    this.#lastStreamId = streamId;
    if (session.streams.size >= MAX_STREAMS || this.#isGoingAway) {
      this.reset(streamId, ERROR_CODE.REFUSED_STREAM);
      return null;
    }
    const head =
      result === 'too_large'
        ? new Refusal(431, `the header is longer than ${this.#edge.limits.requestHead >> 10} KB`)
        : fields.finish(isEnd);
    if (typeof head === 'string') {
      this.reset(streamId, ERROR_CODE.PROTOCOL_ERROR);
      return null;
    }
    const stream = new VisitorStream(this.#edge, this, streamId, isEnd);
    session.streams.set(streamId, stream);
    if (!(head instanceof Refusal) && head.priority !== null) {
      stream.priority = parsePriority(head.priority);
      session.hasPriorities = true;
    }
    this.#idle();
    this.#begin(stream, head);
    return null;
  }

  #begin(stream: VisitorStream, parsed: RequestHead | Refusal): void {
    const head = parsed instanceof Refusal ? new RequestHead() : parsed;
    const target = parsed instanceof Refusal ? parsed : requestTarget(parsed);
    const exchange = new Exchange(
      this.#edge,
      stream,
      head,
      target instanceof Refusal ? targetOfRefused(head.host) : target,
      this.#edge.rays.next(),
    );
    stream.start(exchange);
    if (target instanceof Refusal) {
      exchange.refuse(target.status, target.reason);
    } else {
      beginExchange(this.#edge, exchange);
      stream.headDone();
    }
  }
}
