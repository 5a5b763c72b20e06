import { Buffer } from 'node:buffer';
import type { TLSSocket } from 'node:tls';
import { canonicalHostname } from '../../core/mod.ts';
import type { Timed } from '../deadlines.ts';
import type { Edge } from '../edge.ts';
import { Exchange } from '../exchange.ts';
import { Refusal } from '../http1/refusal.ts';
import { RequestHead } from '../http1/request-head.ts';
import { visitorAddress } from '../origin-request.ts';
import { Outbox } from '../outbox.ts';
import { beginExchange } from '../pipeline.ts';
import { requestTarget, targetOfRefused } from '../request-target.ts';
import type { VisitorConnection } from '../visitor.ts';
import { Calm } from './calm.ts';
import { DEFAULT_MAX_FRAME_SIZE, ERROR_CODE, FLAG, FRAME, SETTING } from './frame.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import * as frame from './frame-writer.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { RequestFields } from './request-fields.ts';
import { Http2Stream, STREAM_WINDOW } from './stream.ts';

/** What a client sends first (RFC 9113 section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** The largest window (RFC 9113 section 6.9.1). */
const MAX_WINDOW = 0x7fff_ffff;
const MAX_STREAMS = 100;
/** Body bytes of all requests of a connection that the edge may hold: the connection's receive window. */
const CONNECTION_WINDOW = 1024 * 1024;
const HEADER_TABLE = 4096;
const DEFAULT_WINDOW = 65_535;
/** Frames of one header block. */
const MAX_CONTINUATIONS = 32;
/** What waits for the end of the event loop's turn at most. */
const MAX_COLLECTED = 256 * 1024;

/** Why a connection must end (RFC 9113 section 5.4.1). */
class Violation {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

const BROKEN_TABLE = new Violation(ERROR_CODE.COMPRESSION_ERROR, 'a malformed header block');

/** A header block that is not whole yet. */
interface HeaderBlock {
  readonly streamId: number;
  readonly isEnd: boolean;
  readonly parts: Buffer[];
  length: number;
}

/** One HTTP/2 connection of a visitor (RFC 9113): many exchanges at a time, a stream each. */
export class Http2Connection implements VisitorConnection, FrameHandler, Timed {
  readonly address: string;
  readonly sni: string | null;
  readonly calm: Calm;
  deadline: number;
  isReading = false;
  /** The visitor's socket takes no more for now. */
  isBlocked = false;
  readonly #edge: Edge;
  readonly #socket: TLSSocket;
  readonly #out: Outbox;
  readonly #reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #encoder = new HpackEncoder();
  readonly #streams = new Map<number, Http2Stream>();
  /** Bytes of the preface that came. */
  #prefaceLength = 0;
  #hasSettings = false;
  #lastStreamId = 0;
  #block: HeaderBlock | null = null;
  #sendWindow = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  #maxFrame = DEFAULT_MAX_FRAME_SIZE;
  #receiveWindow = CONNECTION_WINDOW;
  #uncredited = 0;
  #isGoingAway = false;
  #isClosed = false;
  #flushTimer: NodeJS.Immediate | null = null;

  constructor(edge: Edge, socket: TLSSocket) {
    this.#edge = edge;
    this.#socket = socket;
    this.address = visitorAddress(socket.remoteAddress);
    this.sni = canonicalHostname(String((socket as TLSSocket & { servername?: string | false }).servername || ''));
    this.calm = new Calm(edge.deadlines.now);
    this.#out = new Outbox(socket);
    this.#reader = new FrameReader(this, DEFAULT_MAX_FRAME_SIZE);
    this.#decoder = new HpackDecoder(HEADER_TABLE, edge.limits.requestHead);
    this.deadline = edge.deadlines.now + edge.limits.requestHeadTime;
    edge.visitors.add(this);
    edge.deadlines.add(this);
    this.#listen();
    this.#out.add(
      frame.settings([
        [SETTING.MAX_CONCURRENT_STREAMS, MAX_STREAMS],
        [SETTING.INITIAL_WINDOW_SIZE, STREAM_WINDOW],
        [SETTING.MAX_HEADER_LIST_SIZE, edge.limits.requestHead],
        [SETTING.ENABLE_CONNECT_PROTOCOL, 1],
      ]),
    );
    this.#out.add(frame.windowUpdate(0, CONNECTION_WINDOW - DEFAULT_WINDOW));
    this.flushSoon();
  }

  get protocol(): string {
    return this.#socket.getProtocol() ?? 'none';
  }

  // --- what streams send -------------------------------------------------------------------------------------------

  sendFields(streamId: number, fields: readonly string[], isEnd: boolean): void {
    this.#out.add(frame.headers(streamId, this.#encoder.encode(fields), isEnd, this.#maxFrame));
  }

  sendData(streamId: number, data: Buffer, isEnd: boolean): void {
    this.#sendWindow -= data.length;
    this.#out.add(frame.dataHeader(data.length, isEnd ? FLAG.END_STREAM : 0, streamId));
    if (data.length > 0) this.#out.add(data);
    if (this.#out.length > MAX_COLLECTED) this.#flush();
  }

  sendReset(streamId: number, code: number): void {
    this.#out.add(frame.rstStream(streamId, code));
    // Streams that the visitor makes us reset cost as much as those it resets itself (made-you-reset).
    if (code !== ERROR_CODE.NO_ERROR) this.#spend();
  }

  sendWindowUpdate(streamId: number, size: number): void {
    this.#out.add(frame.windowUpdate(streamId, size));
    this.flushSoon();
  }

  /** How long the next DATA frame of a stream with that window may be. */
  allowance(streamWindow: number): number {
    return this.isBlocked ? 0 : Math.min(this.#sendWindow, streamWindow, this.#maxFrame);
  }

  /** Gives the visitor back window of the whole connection for what was taken. */
  credit(size: number): void {
    this.#uncredited += size;
    if (this.#uncredited < CONNECTION_WINDOW / 4 || this.#isClosed) return;
    this.#receiveWindow += this.#uncredited;
    this.sendWindowUpdate(0, this.#uncredited);
    this.#uncredited = 0;
  }

  /** Everything that is sent until the end of this turn of the event loop leaves in one write. */
  flushSoon(): void {
    if (!this.isReading) this.#flushTimer ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#flushTimer !== null) clearImmediate(this.#flushTimer);
    this.#flushTimer = null;
    if (!this.#isClosed && !this.#out.flush()) this.isBlocked = true;
  }

  /** A stream is over. */
  forget(stream: Http2Stream): void {
    this.#streams.delete(stream.id);
    if (this.#streams.size > 0 || this.#isClosed) return;
    this.#idle();
    if (this.#isGoingAway) this.#end();
  }

  // --- the connection ----------------------------------------------------------------------------------------------

  drain(): void {
    if (this.#isGoingAway) return;
    this.#isGoingAway = true;
    this.#out.add(frame.goaway(this.#lastStreamId, ERROR_CODE.NO_ERROR, ''));
    if (this.#streams.size === 0) this.#end();
    else this.flushSoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onDeadline(): void {
    if (this.#isClosed || this.#isGoingAway || this.#block !== null || !this.#hasSettings) this.destroy();
    else this.drain();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => this.#onSocketData(data));
    socket.on('drain', () => this.#onDrain());
    // A visitor that has said everything gets no more: half-closed connections are not HTTP/2's way to wait.
    socket.on('end', () => this.#end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onClose());
  }

  #onSocketData(data: Buffer): void {
    if (this.#isClosed) return;
    this.isReading = true;
    const rest = this.#prefaceLength < PREFACE.length ? this.#readPreface(data) : data;
    if (rest.length > 0) this.#reader.push(rest);
    this.isReading = false;
    for (const stream of this.#streams.values()) stream.exchange?.flushRequest();
    if (this.#out.length > 0) this.#flush();
  }

  #readPreface(data: Buffer): Buffer {
    const part = data.subarray(0, PREFACE.length - this.#prefaceLength);
    if (!part.equals(PREFACE.subarray(this.#prefaceLength, this.#prefaceLength + part.length))) {
      this.#fail(ERROR_CODE.PROTOCOL_ERROR, 'no preface');
      return data.subarray(data.length);
    }
    this.#prefaceLength += part.length;
    return data.subarray(part.length);
  }

  #onDrain(): void {
    this.isBlocked = false;
    this.#pump();
  }

  /** Lets streams write in turn, a frame each, as far as the windows go. */
  #pump(): void {
    let isWriting = true;
    while (isWriting) {
      isWriting = false;
      for (const stream of this.#streams.values()) if (stream.write()) isWriting = true;
    }
    this.flushSoon();
    for (const stream of [...this.#streams.values()]) stream.resume();
  }

  #onClose(): void {
    this.#isClosed = true;
    if (this.#flushTimer !== null) clearImmediate(this.#flushTimer);
    this.#edge.visitors.delete(this);
    this.#edge.deadlines.remove(this);
    for (const stream of [...this.#streams.values()]) stream.closed();
    this.#edge.visitorClosed();
  }

  #spend(): void {
    if (!this.calm.spend(this.#edge.deadlines.now)) this.#fail(ERROR_CODE.ENHANCE_YOUR_CALM, 'too many odd frames');
  }

  /** Ends the connection for an error of the visitor's. */
  #fail(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#reader.stop();
    this.#out.add(frame.goaway(this.#lastStreamId, code, reason));
    this.#end();
    for (const stream of [...this.#streams.values()]) stream.closed();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#reader.stop();
    this.#socket.end();
    this.#socket.resume();
    this.deadline = this.#edge.deadlines.now + this.#edge.limits.linger;
  }

  // --- frames ------------------------------------------------------------------------------------------------------

  onFrameTooLarge(): void {
    this.#fail(ERROR_CODE.FRAME_SIZE_ERROR, 'a frame that is too large');
  }

  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    const violation = this.#takeFrame(type, flags, streamId, payload);
    if (violation !== null) this.#fail(violation.code, violation.reason);
  }

  #takeFrame(type: number, flags: number, streamId: number, payload: Buffer): Violation | null {
    if (!this.#hasSettings && type !== FRAME.SETTINGS)
      return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'no SETTINGS first');
    if (this.#block !== null && (type !== FRAME.CONTINUATION || streamId !== this.#block.streamId))
      return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'a header block that is interrupted');
    switch (type) {
      case FRAME.DATA:
        return this.#onData(flags, streamId, payload);
      case FRAME.HEADERS:
        return this.#onHeaders(flags, streamId, payload);
      case FRAME.CONTINUATION:
        return this.#onContinuation(flags, payload);
      case FRAME.PRIORITY:
        return payload.length === 5 ? null : new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'PRIORITY of a wrong size');
      case FRAME.RST_STREAM:
        return this.#onReset(streamId, payload);
      case FRAME.SETTINGS:
        return this.#onSettings(flags, streamId, payload);
      case FRAME.PING:
        return this.#onPing(flags, streamId, payload);
      case FRAME.WINDOW_UPDATE:
        return this.#onWindowUpdate(streamId, payload);
      case FRAME.PUSH_PROMISE:
        return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'PUSH_PROMISE from a client');
      case FRAME.GOAWAY:
        if (streamId !== 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'GOAWAY on a stream');
        this.drain();
        return null;
      default:
        // Unknown frames are ignored (RFC 9113 section 5.5), not in any number.
        this.#spend();
        return null;
    }
  }

  #onData(flags: number, streamId: number, payload: Buffer): Violation | null {
    const data = unpad(flags, payload, 0);
    if (streamId === 0 || data === null) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'malformed DATA');
    if (payload.length > this.#receiveWindow)
      return new Violation(ERROR_CODE.FLOW_CONTROL_ERROR, 'more than the connection window');
    this.#receiveWindow -= payload.length;
    const isEnd = (flags & FLAG.END_STREAM) !== 0;
    if (data.length === 0 && !isEnd) this.#spend();
    const stream = this.#streams.get(streamId);
    if (stream?.isOpen) {
      if (!stream.receive(data, payload.length, isEnd)) {
        this.credit(payload.length);
        stream.reset(ERROR_CODE.FLOW_CONTROL_ERROR);
      }
      return null;
    }
    this.credit(payload.length);
    if (stream !== undefined || streamId > this.#lastStreamId)
      return new Violation(ERROR_CODE.STREAM_CLOSED, 'DATA on a stream that is not open');
    // What was under way when the stream was reset.
    this.#spend();
    return null;
  }

  #onHeaders(flags: number, streamId: number, payload: Buffer): Violation | null {
    const fragment = unpad(flags, payload, flags & FLAG.PRIORITY ? 5 : 0);
    if (fragment === null || streamId % 2 === 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'malformed HEADERS');
    this.#block = { streamId, isEnd: (flags & FLAG.END_STREAM) !== 0, parts: [fragment], length: fragment.length };
    if (flags & FLAG.END_HEADERS) return this.#blockDone();
    this.deadline = this.#edge.deadlines.now + this.#edge.limits.requestHeadTime;
    return null;
  }

  #onContinuation(flags: number, payload: Buffer): Violation | null {
    const block = this.#block;
    if (block === null) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'CONTINUATION of nothing');
    block.parts.push(payload);
    block.length += payload.length;
    if (block.length > this.#edge.limits.requestHead || block.parts.length > MAX_CONTINUATIONS)
      return new Violation(ERROR_CODE.ENHANCE_YOUR_CALM, 'a header block that is too long');
    return flags & FLAG.END_HEADERS ? this.#blockDone() : null;
  }

  #blockDone(): Violation | null {
    const { streamId, isEnd, parts } = this.#block!;
    this.#block = null;
    this.#idle();
    const stream = this.#streams.get(streamId);
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (stream !== undefined) return this.#trailers(stream, whole, isEnd);
    return streamId <= this.#lastStreamId ? this.#lateBlock(whole) : this.#request(streamId, whole, isEnd);
  }

  /** A block for a stream that is gone: decoded all the same, because the table is shared. */
  #lateBlock(block: Buffer): Violation | null {
    this.#spend();
    return this.#decoder.decode(block, () => undefined) === 'compression' ? BROKEN_TABLE : null;
  }

  #trailers(stream: Http2Stream, block: Buffer, isEnd: boolean): Violation | null {
    let lines = '';
    let isOdd = false;
    const result = this.#decoder.decode(block, (name, value) => {
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
    const fields = new RequestFields();
    const result = this.#decoder.decode(block, (name, value) => fields.add(name, value));
    if (result === 'compression') return BROKEN_TABLE;
    this.#lastStreamId = streamId;
    if (this.#streams.size >= MAX_STREAMS || this.#isGoingAway) {
      this.sendReset(streamId, ERROR_CODE.REFUSED_STREAM);
      return null;
    }
    const head =
      result === 'too_large'
        ? new Refusal(431, `the header is longer than ${this.#edge.limits.requestHead >> 10} KB`)
        : fields.finish(isEnd);
    if (typeof head === 'string') {
      this.sendReset(streamId, ERROR_CODE.PROTOCOL_ERROR);
      return null;
    }
    const stream = new Http2Stream(this.#edge, this, streamId, isEnd, this.#initialWindow);
    this.#streams.set(streamId, stream);
    this.#idle();
    this.#begin(stream, head);
    return null;
  }

  #begin(stream: Http2Stream, parsed: RequestHead | Refusal): void {
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

  #onReset(streamId: number, payload: Buffer): Violation | null {
    if (payload.length !== 4) return new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'RST_STREAM of a wrong size');
    if (streamId === 0 || streamId > this.#lastStreamId)
      return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'RST_STREAM of nothing');
    this.#streams.get(streamId)?.closed();
    this.#spend();
    return null;
  }

  #onSettings(flags: number, streamId: number, payload: Buffer): Violation | null {
    const isAck = (flags & FLAG.ACK) !== 0;
    if (streamId !== 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'SETTINGS on a stream');
    if (payload.length % 6 !== 0 || (isAck && payload.length > 0))
      return new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'SETTINGS of a wrong size');
    if (isAck) return null;
    if (this.#hasSettings) this.#spend();
    this.#hasSettings = true;
    this.#idle();
    for (let at = 0; at < payload.length; at += 6) {
      const problem = this.#applySetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      if (problem !== null) return new Violation(problem, 'a setting out of range');
    }
    this.#out.add(frame.settingsAck());
    this.#pump();
    return null;
  }

  #applySetting(id: number, value: number): number | null {
    switch (id) {
      case SETTING.HEADER_TABLE_SIZE:
        this.#encoder.setMaxTableSize(Math.min(value, HEADER_TABLE));
        return null;
      case SETTING.ENABLE_PUSH:
        return value > 1 ? ERROR_CODE.PROTOCOL_ERROR : null;
      case SETTING.INITIAL_WINDOW_SIZE: {
        if (value > MAX_WINDOW) return ERROR_CODE.FLOW_CONTROL_ERROR;
        for (const stream of this.#streams.values()) {
          stream.sendWindow += value - this.#initialWindow;
          if (stream.sendWindow > MAX_WINDOW) return ERROR_CODE.FLOW_CONTROL_ERROR;
        }
        this.#initialWindow = value;
        return null;
      }
      case SETTING.MAX_FRAME_SIZE:
        if (value < DEFAULT_MAX_FRAME_SIZE || value > 16_777_215) return ERROR_CODE.PROTOCOL_ERROR;
        // Larger frames would only hold other streams up.
        this.#maxFrame = Math.min(value, 4 * DEFAULT_MAX_FRAME_SIZE);
        return null;
      default:
        return null;
    }
  }

  #onPing(flags: number, streamId: number, payload: Buffer): Violation | null {
    if (streamId !== 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'PING on a stream');
    if (payload.length !== 8) return new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'PING of a wrong size');
    if (flags & FLAG.ACK) return null;
    this.#spend();
    this.#out.add(frame.pingAck(payload));
    return null;
  }

  #onWindowUpdate(streamId: number, payload: Buffer): Violation | null {
    if (payload.length !== 4) return new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'WINDOW_UPDATE of a wrong size');
    const size = payload.readUInt32BE(0) & MAX_WINDOW;
    if (streamId === 0) {
      this.#sendWindow += size;
      if (size === 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'a window that does not grow');
      if (this.#sendWindow > MAX_WINDOW) return new Violation(ERROR_CODE.FLOW_CONTROL_ERROR, 'a window out of range');
      this.#pump();
      return null;
    }
    if (streamId > this.#lastStreamId) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'WINDOW_UPDATE of nothing');
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return null;
    stream.sendWindow += size;
    if (size === 0) stream.reset(ERROR_CODE.PROTOCOL_ERROR);
    else if (stream.sendWindow > MAX_WINDOW) stream.reset(ERROR_CODE.FLOW_CONTROL_ERROR);
    else {
      while (stream.write());
      this.flushSoon();
      stream.resume();
    }
    return null;
  }

  /** Sets the connection's own deadline by whether anything is under way. */
  #idle(): void {
    const { deadlines, limits } = this.#edge;
    this.deadline = this.#streams.size > 0 ? Number.POSITIVE_INFINITY : deadlines.now + limits.visitorIdle;
  }
}

/** A payload without its padding and the `skip` bytes of priority before it; null where they do not fit. */
function unpad(flags: number, payload: Buffer, skip: number): Buffer | null {
  if (!(flags & FLAG.PADDED)) return payload.length < skip ? null : skip === 0 ? payload : payload.subarray(skip);
  if (payload.length < 1 + skip) return null;
  const end = payload.length - payload[0]!;
  return end < 1 + skip ? null : payload.subarray(1 + skip, end);
}
