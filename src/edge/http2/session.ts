import { Buffer } from 'node:buffer';
import type { SecurePeerSocket } from '../../platform/mod.ts';
import { Outbox } from '../outbox.ts';
import { DEFAULT_MAX_FRAME_SIZE, ERROR_CODE, FLAG, FRAME, SETTING } from './frame.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import * as frame from './frame-writer.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import type { StreamOutput } from './output.ts';
import { type Priority, parsePriority, sendingOrder } from './priority.ts';

/** What a client sends first (RFC 9113 section 3.4). */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** The size of the decoder's table, and the most of the encoder's. */
const HEADER_TABLE = 4096;
/** The largest window (RFC 9113 section 6.9.1). */
const MAX_WINDOW = 0x7fff_ffff;
const DEFAULT_WINDOW = 65_535;
/** Body bytes of all streams that we may hold: the connection's receive window. */
const CONNECTION_WINDOW = 1024 * 1024;
/** Frames of one header block. */
const MAX_CONTINUATIONS = 32;
/** What waits for the end of the event loop's turn at most. */
const MAX_COLLECTED = 256 * 1024;

/** Why a connection must end (RFC 9113 section 5.4.1). */
export class Violation {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

/** A header block that does not decode: the tables of both ends are no longer the same. */
export const BROKEN_TABLE: Violation = new Violation(ERROR_CODE.COMPRESSION_ERROR, 'a malformed header block');

/** One stream, as its session sees it. */
export interface SessionStream {
  readonly id: number;
  readonly output: StreamOutput;
  /** What the peer wishes; null where it said nothing. */
  priority: Priority | null;
  /** True where the peer may still send on it. */
  readonly isOpen: boolean;
  /** A DATA frame; `size` counts its padding too. False where the peer broke the stream's window. */
  receive(data: Buffer, size: number, isEnd: boolean): boolean;
  /** Ends the stream with an error of ours. */
  reset(code: number): void;
  /** The peer reset it with this code, or it went with its connection (null). */
  closed(code: number | null): void;
  /** The output wrote something, or its window opened. */
  written(): void;
}

/** Whoever a session belongs to: the side that differs between visitors and origins. */
export interface SessionOwner {
  /** A complete header block. */
  onBlock(streamId: number, block: Buffer, isEnd: boolean): Violation | null;
  /** True for a stream that neither side has opened yet. */
  isIdle(streamId: number): boolean;
  onSettings(): void;
  onGoaway(lastStreamId: number): void;
  /** Something that only an attack sends in numbers. */
  onOdd(): void;
  /** The last stream is gone. */
  onEmpty(): void;
  /** Nothing is read any more: a violation of the peer's, the end of the connection, or `end`. */
  onEnd(violation: Violation | null): void;
}

/** A header block that is not whole yet. */
interface HeaderBlock {
  readonly streamId: number;
  readonly isEnd: boolean;
  readonly parts: Buffer[];
  length: number;
}

/** What both ends of an HTTP/2 connection do alike (RFC 9113): frames, windows, settings, and what waits to be sent. */
export class Http2Session implements FrameHandler {
  readonly streams = new Map<number, SessionStream>();
  readonly decoder: HpackDecoder;
  /** The peer's SETTINGS_MAX_CONCURRENT_STREAMS. */
  maxStreams = 100;
  /** The peer's socket takes no more for now. */
  isBlocked = false;
  isReading = false;
  isEnded = false;
  /** The peer has wished for an order. */
  hasPriorities = false;
  readonly #socket: SecurePeerSocket;
  readonly #owner: SessionOwner;
  readonly #maxBlock: number;
  readonly #out: Outbox;
  readonly #reader: FrameReader;
  readonly #encoder = new HpackEncoder();
  #hasSettings = false;
  #block: HeaderBlock | null = null;
  #sendWindow = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  #maxFrame = DEFAULT_MAX_FRAME_SIZE;
  #receiveWindow = CONNECTION_WINDOW;
  #uncredited = 0;
  #flushTimer: NodeJS.Immediate | null = null;

  /** `maxBlock` bounds a header block and its list, in bytes. */
  constructor(socket: SecurePeerSocket, owner: SessionOwner, maxBlock: number) {
    this.#socket = socket;
    this.#owner = owner;
    this.#maxBlock = maxBlock;
    this.#out = new Outbox(socket);
    this.#reader = new FrameReader(this, DEFAULT_MAX_FRAME_SIZE);
    this.decoder = new HpackDecoder(HEADER_TABLE, maxBlock);
  }

  /** True once the peer's SETTINGS came. */
  get hasSettings(): boolean {
    return this.#hasSettings;
  }

  /** True in the middle of a header block. */
  get isInBlock(): boolean {
    return this.#block !== null;
  }

  /** What the peer lets us send on a new stream. */
  get initialWindow(): number {
    return this.#initialWindow;
  }

  // --- what is sent ------------------------------------------------------------------------------------------------

  /** Says what we allow: the first thing sent, after a client's preface. */
  start(preface: Buffer | null, settings: readonly (readonly [id: number, value: number])[]): void {
    if (preface !== null) this.#out.add(preface);
    this.#out.add(frame.settings([...settings, [SETTING.MAX_HEADER_LIST_SIZE, this.#maxBlock]]));
    this.#out.add(frame.windowUpdate(0, CONNECTION_WINDOW - DEFAULT_WINDOW));
    this.flushSoon();
  }

  sendFields(streamId: number, fields: readonly string[], isEnd: boolean): void {
    this.#out.add(frame.headers(streamId, this.#encoder.encode(fields), isEnd, this.#maxFrame));
  }

  sendData(streamId: number, data: Buffer, isEnd: boolean): void {
    this.#sendWindow -= data.length;
    this.#out.add(frame.dataHeader(data.length, isEnd ? FLAG.END_STREAM : 0, streamId));
    if (data.length > 0) this.#out.add(data);
    if (this.#out.length > MAX_COLLECTED) this.flush();
  }

  sendReset(streamId: number, code: number): void {
    this.#out.add(frame.rstStream(streamId, code));
    this.flushSoon();
  }

  sendWindowUpdate(streamId: number, size: number): void {
    this.#out.add(frame.windowUpdate(streamId, size));
    this.flushSoon();
  }

  sendGoaway(lastStreamId: number, code: number, reason: string): void {
    this.#out.add(frame.goaway(lastStreamId, code, reason));
    this.flushSoon();
  }

  /** How long the next DATA frame of a stream with that window may be. */
  allowance(streamWindow: number): number {
    return this.isBlocked ? 0 : Math.min(this.#sendWindow, streamWindow, this.#maxFrame);
  }

  /** Gives the peer back window of the whole connection for what was taken. */
  credit(size: number): void {
    this.#uncredited += size;
    if (this.#uncredited < CONNECTION_WINDOW / 4 || this.isEnded) return;
    this.#receiveWindow += this.#uncredited;
    this.sendWindowUpdate(0, this.#uncredited);
    this.#uncredited = 0;
  }

  /** Everything that is sent until the end of this turn of the event loop leaves in one write. */
  flushSoon(): void {
    if (!this.isReading) this.#flushTimer ??= setImmediate(() => this.flush());
  }

  flush(): void {
    if (this.#flushTimer !== null) clearImmediate(this.#flushTimer);
    this.#flushTimer = null;
    if (!this.isEnded && !this.#out.flush()) this.isBlocked = true;
  }

  /** A stream is over. */
  forget(stream: SessionStream): void {
    this.streams.delete(stream.id);
    if (this.streams.size === 0 && !this.isEnded) this.#owner.onEmpty();
  }

  /** Writes what is left and ends the connection. */
  end(violation: Violation | null = null): void {
    if (this.isEnded) return;
    this.flush();
    this.isEnded = true;
    this.#reader.stop();
    this.#socket.end();
    this.#socket.resume();
    this.#owner.onEnd(violation);
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#flushTimer !== null) clearImmediate(this.#flushTimer);
    this.#flushTimer = null;
    this.isEnded = true;
    for (const stream of [...this.streams.values()]) stream.closed(null);
  }

  // --- what comes --------------------------------------------------------------------------------------------------

  /** Takes the next bytes of the connection. */
  push(data: Buffer): void {
    this.isReading = true;
    this.#reader.push(data);
    this.isReading = false;
    if (this.#out.length > 0) this.flush();
  }

  /** The socket takes bytes again. */
  onDrain(): void {
    this.isBlocked = false;
    this.#pump();
  }

  onFrameTooLarge(): void {
    this.#owner.onEnd(new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'a frame that is too large'));
  }

  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    const violation = this.#takeFrame(type, flags, streamId, payload);
    if (violation === null) return;
    this.#reader.stop();
    this.#owner.onEnd(violation);
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
        return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'PUSH_PROMISE, which nobody allowed');
      case FRAME.GOAWAY:
        if (streamId !== 0 || payload.length < 8) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'malformed GOAWAY');
        this.#owner.onGoaway(payload.readUInt32BE(0) & MAX_WINDOW);
        return null;
      case FRAME.PRIORITY_UPDATE:
        return this.#onPriorityUpdate(streamId, payload);
      default:
        // Unknown frames are ignored (RFC 9113 section 5.5), not in any number.
        this.#owner.onOdd();
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
    if (data.length === 0 && !isEnd) this.#owner.onOdd();
    const stream = this.streams.get(streamId);
    if (stream?.isOpen) {
      if (!stream.receive(data, payload.length, isEnd)) {
        this.credit(payload.length);
        stream.reset(ERROR_CODE.FLOW_CONTROL_ERROR);
      }
      return null;
    }
    this.credit(payload.length);
    if (stream !== undefined || this.#owner.isIdle(streamId))
      return new Violation(ERROR_CODE.STREAM_CLOSED, 'DATA on a stream that is not open');
    // What was under way when the stream was reset.
    this.#owner.onOdd();
    return null;
  }

  #onHeaders(flags: number, streamId: number, payload: Buffer): Violation | null {
    const fragment = unpad(flags, payload, flags & FLAG.PRIORITY ? 5 : 0);
    if (fragment === null || streamId % 2 === 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'malformed HEADERS');
    const isEnd = (flags & FLAG.END_STREAM) !== 0;
    if (flags & FLAG.END_HEADERS) return this.#owner.onBlock(streamId, fragment, isEnd);
    this.#block = { streamId, isEnd, parts: [fragment], length: fragment.length };
    return null;
  }

  #onContinuation(flags: number, payload: Buffer): Violation | null {
    const block = this.#block;
    if (block === null) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'CONTINUATION of nothing');
    block.parts.push(payload);
    block.length += payload.length;
    if (block.length > this.#maxBlock || block.parts.length > MAX_CONTINUATIONS)
      return new Violation(ERROR_CODE.ENHANCE_YOUR_CALM, 'a header block that is too long');
    if (!(flags & FLAG.END_HEADERS)) return null;
    this.#block = null;
    return this.#owner.onBlock(block.streamId, Buffer.concat(block.parts), block.isEnd);
  }

  #onReset(streamId: number, payload: Buffer): Violation | null {
    if (payload.length !== 4) return new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'RST_STREAM of a wrong size');
    if (streamId === 0 || this.#owner.isIdle(streamId))
      return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'RST_STREAM of nothing');
    this.streams.get(streamId)?.closed(payload.readUInt32BE(0));
    this.#owner.onOdd();
    return null;
  }

  #onSettings(flags: number, streamId: number, payload: Buffer): Violation | null {
    const isAck = (flags & FLAG.ACK) !== 0;
    if (streamId !== 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'SETTINGS on a stream');
    if (payload.length % 6 !== 0 || (isAck && payload.length > 0))
      return new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'SETTINGS of a wrong size');
    if (isAck) return null;
    if (this.#hasSettings) this.#owner.onOdd();
    this.#hasSettings = true;
    for (let at = 0; at < payload.length; at += 6) {
      const problem = this.#applySetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
      if (problem !== null) return new Violation(problem, 'a setting out of range');
    }
    this.#out.add(frame.settingsAck());
    this.#owner.onSettings();
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
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.maxStreams = value;
        return null;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) return ERROR_CODE.FLOW_CONTROL_ERROR;
        for (const { output } of this.streams.values()) {
          output.window += value - this.#initialWindow;
          if (output.window > MAX_WINDOW) return ERROR_CODE.FLOW_CONTROL_ERROR;
        }
        this.#initialWindow = value;
        return null;
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
    this.#owner.onOdd();
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
    if (this.#owner.isIdle(streamId)) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'WINDOW_UPDATE of nothing');
    const stream = this.streams.get(streamId);
    if (stream === undefined) return null;
    stream.output.window += size;
    if (size === 0) stream.reset(ERROR_CODE.PROTOCOL_ERROR);
    else if (stream.output.window > MAX_WINDOW) stream.reset(ERROR_CODE.FLOW_CONTROL_ERROR);
    else {
      while (stream.output.write());
      this.flushSoon();
      stream.written();
    }
    return null;
  }

  /** RFC 9218 section 7.1. A wish for a stream that is not there is forgotten. */
  #onPriorityUpdate(streamId: number, payload: Buffer): Violation | null {
    if (payload.length < 4) return new Violation(ERROR_CODE.FRAME_SIZE_ERROR, 'PRIORITY_UPDATE of a wrong size');
    const about = payload.readUInt32BE(0) & MAX_WINDOW;
    if (streamId !== 0 || about === 0) return new Violation(ERROR_CODE.PROTOCOL_ERROR, 'malformed PRIORITY_UPDATE');
    const stream = this.streams.get(about);
    if (stream === undefined) {
      this.#owner.onOdd();
    } else {
      stream.priority = parsePriority(payload.toString('latin1', 4));
      this.hasPriorities = true;
    }
    return null;
  }

  /** Lets streams write, by their priorities and in turn, a frame each, as far as the windows go. */
  #pump(): void {
    const groups = this.hasPriorities ? sendingOrder(this.streams.values()) : [[...this.streams.values()]];
    for (const group of groups) {
      let isWriting = true;
      while (isWriting) {
        isWriting = false;
        for (const { output } of group) if (output.write()) isWriting = true;
      }
    }
    this.flushSoon();
    for (const stream of [...this.streams.values()]) stream.written();
  }
}

/** A payload without its padding and the `skip` bytes of priority before it; null where they do not fit. */
function unpad(flags: number, payload: Buffer, skip: number): Buffer | null {
  if (!(flags & FLAG.PADDED)) return payload.length < skip ? null : skip === 0 ? payload : payload.subarray(skip);
  if (payload.length < 1 + skip) return null;
  const end = payload.length - payload[0]!;
  return end < 1 + skip ? null : payload.subarray(1 + skip, end);
}
