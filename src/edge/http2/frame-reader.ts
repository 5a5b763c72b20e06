import { Buffer } from 'node:buffer';
import { FRAME_HEADER_LENGTH } from './frame.ts';

/** Receives what a `FrameReader` finds, in order, synchronously. */
export interface FrameHandler {
  /** A whole frame (RFC 9113 section 4.1). The payload is the handler's to keep. */
  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void;
  /** A frame is longer than was allowed (section 4.2); the reader has stopped. */
  onFrameTooLarge(): void;
}

const EMPTY = Buffer.alloc(0);

/**
 * Cuts the bytes of one connection into frames. A frame that lies whole in one read is passed as a part of it; of one
 * that does not, no more than its own bytes are held.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #maxFrameSize: number;
  readonly #header = Buffer.alloc(FRAME_HEADER_LENGTH);
  /** Bytes held of an incomplete header; all of them while a payload is incomplete. */
  #headerHeld = 0;
  #payload = EMPTY;
  #payloadHeld = 0;
  #isStopped = false;

  constructor(handler: FrameHandler, maxFrameSize: number) {
    this.#handler = handler;
    this.#maxFrameSize = maxFrameSize;
  }

  /** True while part of a frame has come, and not the rest. */
  get isWithinFrame(): boolean {
    return this.#headerHeld > 0;
  }

  /** Ignores everything from here on, also what is left of the read that a handler is called for. */
  stop(): void {
    this.#isStopped = true;
    this.#headerHeld = 0;
    this.#payload = EMPTY;
  }

  /** Takes the next bytes of the connection. */
  push(data: Buffer): void {
    let at = this.#headerHeld > 0 ? this.#resume(data) : 0;
    while (!this.#isStopped && data.length - at >= FRAME_HEADER_LENGTH) {
      const length = lengthAt(data, at);
      if (length > this.#maxFrameSize) {
        this.#refuse();
        return;
      }
      const start = at + FRAME_HEADER_LENGTH;
      if (length > data.length - start) break;
      const header = at;
      at = start + length;
      this.#deliver(data, header, length === 0 ? EMPTY : data.subarray(start, at));
    }
    if (!this.#isStopped && at < data.length) this.#hold(data, at);
  }

  /** Goes on with the frame that the last read left incomplete; returns where in `data` it ends. */
  #resume(data: Buffer): number {
    if (this.#isStopped) return data.length;
    let at = 0;
    if (this.#headerHeld < FRAME_HEADER_LENGTH) {
      at = Math.min(FRAME_HEADER_LENGTH - this.#headerHeld, data.length);
      data.copy(this.#header, this.#headerHeld, 0, at);
      this.#headerHeld += at;
      if (this.#headerHeld < FRAME_HEADER_LENGTH) return at;
      const length = lengthAt(this.#header, 0);
      if (length > this.#maxFrameSize) {
        this.#refuse();
        return data.length;
      }
      if (length <= data.length - at) {
        this.#headerHeld = 0;
        this.#deliver(this.#header, 0, data.subarray(at, at + length));
        return at + length;
      }
      this.#payload = Buffer.allocUnsafeSlow(length);
      this.#payloadHeld = 0;
    }
    const copied = data.copy(this.#payload, this.#payloadHeld, at);
    this.#payloadHeld += copied;
    if (this.#payloadHeld === this.#payload.length) {
      const payload = this.#payload;
      this.#payload = EMPTY;
      this.#headerHeld = 0;
      this.#deliver(this.#header, 0, payload);
    }
    return at + copied;
  }

  /** Holds the beginning of a frame that the next read goes on with. */
  #hold(data: Buffer, at: number): void {
    this.#headerHeld = data.copy(this.#header, 0, at, Math.min(at + FRAME_HEADER_LENGTH, data.length));
    if (this.#headerHeld < FRAME_HEADER_LENGTH) return;
    this.#payload = Buffer.allocUnsafeSlow(lengthAt(this.#header, 0));
    this.#payloadHeld = data.copy(this.#payload, 0, at + FRAME_HEADER_LENGTH);
  }

  #deliver(header: Buffer, at: number, payload: Buffer): void {
    // The reserved bit before the stream's number is ignored (RFC 9113 section 4.1).
    const streamId =
      ((header[at + 5]! & 0x7f) << 24) | (header[at + 6]! << 16) | (header[at + 7]! << 8) | header[at + 8]!;
    this.#handler.onFrame(header[at + 3]!, header[at + 4]!, streamId, payload);
  }

  #refuse(): void {
    this.stop();
    this.#handler.onFrameTooLarge();
  }
}

function lengthAt(data: Buffer, at: number): number {
  return (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!;
}
