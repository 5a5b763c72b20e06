import { Buffer } from 'node:buffer';
import { readLatin1 } from '../../platform/mod.ts';
import type { HeadText } from './head-text.ts';
import { Refusal } from './refusal.ts';

/** How the end of a body is found (RFC 9112 section 6.3); `interim` is a 1xx response, after which another head follows. */
export type BodyFraming =
  | { readonly kind: 'none' | 'interim' | 'chunked' | 'until-close' }
  | { readonly kind: 'length'; readonly length: number };

/** Receives what a `MessageReader` finds, in order, synchronously. */
export interface MessageHandler {
  /** The head, without the empty line; its bytes are there for this call alone. Must answer how the body is framed, or null where the reader shall stop. */
  onHead(head: HeadText): BodyFraming | null;
  /** Bytes of the body, without any framing: those of `data` from `from` to `to`. */
  onData(data: Buffer, from: number, to: number): void;
  /** The message is complete. `trailers` holds serialised field lines, mostly none. */
  onMessageEnd(trailers: string): void;
  /** The message breaks a rule; the reader has stopped. */
  onRefused(refusal: Refusal): void;
}

const HEAD = 0;
const LENGTH = 1;
const CHUNK_SIZE = 2;
const CHUNK_DATA = 3;
const CHUNK_END = 4;
const TRAILERS = 5;
const UNTIL_CLOSE = 6;
const TUNNEL = 7;
const BETWEEN = 8;
const STOPPED = 9;

const MAX_CHUNK_LINE = 256;
const MAX_TRAILERS = 16 * 1024;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;
const EMPTY = Buffer.alloc(0);
const EMPTY_LINE = Buffer.from('\r\n\r\n');

/**
 * Cuts the bytes of one connection into HTTP/1 messages. After each message it holds what follows until `next()`:
 * the owner decides when (and whether) another message may begin. Memory is bounded by the head's limit and by what
 * the owner lets in while it waits.
 */
export class MessageReader {
  readonly #handler: MessageHandler;
  readonly #maxHead: number;
  #state = HEAD;
  #left = 0;
  /** Bytes of an incomplete head, line or waiting message; `#heldLength` of them count. */
  #held = EMPTY;
  #heldLength = 0;
  #trailers = '';

  constructor(handler: MessageHandler, maxHead: number) {
    this.#handler = handler;
    this.#maxHead = maxHead;
  }

  /** Number of bytes that wait for `next()` or for the rest of a head. */
  get held(): number {
    return this.#heldLength;
  }

  /** True while no byte of a message has come since the last one ended. */
  get isBetweenMessages(): boolean {
    return (this.#state === HEAD || this.#state === BETWEEN) && this.#heldLength === 0;
  }

  /** True after a complete message, before `next()`. */
  get isComplete(): boolean {
    return this.#state === BETWEEN;
  }

  /** From here on every byte goes to `onData` as it is (after an upgrade). Returns the bytes that were held. */
  tunnel(): Buffer {
    this.#state = TUNNEL;
    return this.#takeHeld();
  }

  /** Ignores everything from here on. */
  stop(): void {
    this.#state = STOPPED;
    this.#takeHeld();
  }

  /** Lets the next message begin. */
  next(): void {
    this.#state = HEAD;
    if (this.#heldLength > 0) this.push(this.#takeHeld());
  }

  /** The connection's end. True where it is a proper end of what was being read. */
  end(): boolean {
    if (this.#state === UNTIL_CLOSE) {
      this.#finish();
      return true;
    }
    return this.isBetweenMessages || this.#state === TUNNEL;
  }

  /** Takes the next bytes of the connection. */
  push(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      switch (this.#state) {
        case HEAD:
          at = this.#readHead(data, at);
          break;
        case LENGTH:
          at = this.#readLength(data, at);
          break;
        case CHUNK_SIZE:
        case CHUNK_END:
        case TRAILERS:
          at = this.#readLine(data, at);
          break;
        case CHUNK_DATA:
          at = this.#readChunkData(data, at);
          break;
        case UNTIL_CLOSE:
        case TUNNEL:
          this.#handler.onData(data, at, data.length);
          return;
        case BETWEEN:
          this.#hold(data, at, data.length);
          return;
        default:
          return;
      }
    }
  }

  // Each of these reads `data` from `at` on, and returns where the next begins.

  #readHead(data: Buffer, at: number): number {
    const before = this.#heldLength;
    let bytes = data;
    let first = at;
    if (before > 0) {
      this.#hold(data, at, data.length);
      bytes = this.#held.subarray(0, this.#heldLength);
      first = 0;
    }
    // RFC 9112 section 2.2: an empty line before the request line is ignored; one, not any number.
    const start = bytes[first] === 13 && bytes[first + 1] === 10 ? first + 2 : first;
    const end = bytes.indexOf(EMPTY_LINE, Math.max(start, before - 3));
    if ((end < 0 ? bytes.length : end) - first > this.#maxHead) {
      this.#refuse(new Refusal(431, `the header is longer than ${this.#maxHead >> 10} KB`));
      return data.length;
    }
    if (end < 0) {
      if (before === 0) this.#hold(data, at, data.length);
      return data.length;
    }
    const next = at + end + EMPTY_LINE.length - first - before;
    this.#heldLength = 0;
    this.#held = EMPTY;
    const framing = this.#handler.onHead({ text: readLatin1(bytes, start, end), bytes, base: start });
    if (framing !== null) this.#expect(framing);
    else if (this.#state === HEAD) this.stop();
    return next;
  }

  #expect(framing: BodyFraming): void {
    switch (framing.kind) {
      case 'none':
        this.#finish();
        break;
      case 'interim':
        break;
      case 'length':
        this.#left = framing.length;
        this.#state = LENGTH;
        if (framing.length === 0) this.#finish();
        break;
      case 'chunked':
        this.#state = CHUNK_SIZE;
        break;
      case 'until-close':
        this.#state = UNTIL_CLOSE;
    }
  }

  #readLength(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#left);
    this.#left -= end - at;
    this.#handler.onData(data, at, end);
    if (this.#left === 0 && this.#state === LENGTH) this.#finish();
    return end;
  }

  #readChunkData(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#left);
    this.#left -= end - at;
    this.#handler.onData(data, at, end);
    if (this.#left === 0 && this.#state === CHUNK_DATA) this.#state = CHUNK_END;
    return end;
  }

  /** Reads one line of chunked framing: a size, the CRLF after a chunk, or a trailer field. */
  #readLine(data: Buffer, at: number): number {
    const limit = this.#state === TRAILERS ? MAX_TRAILERS : MAX_CHUNK_LINE;
    const lf = data.indexOf(10, at);
    if (this.#heldLength + (lf < 0 ? data.length : lf) - at > limit) {
      this.#refuse(new Refusal(400, 'an overlong line in a chunked body'));
      return data.length;
    }
    if (lf < 0) {
      this.#hold(data, at, data.length);
      return data.length;
    }
    const next = lf + 1;
    let line: string;
    if (this.#heldLength > 0) {
      this.#hold(data, at, next);
      line = this.#takeHeld().toString('latin1');
    } else {
      line = data.toString('latin1', at, next);
    }
    if (line.charCodeAt(line.length - 2) !== 13) this.#refuse(new Refusal(400, 'a bare LF in a chunked body'));
    else this.#takeLine(line.slice(0, -2));
    return next;
  }

  #takeLine(line: string): void {
    if (this.#state === CHUNK_END) {
      if (line === '') this.#state = CHUNK_SIZE;
      else this.#refuse(new Refusal(400, 'a chunk longer than its size'));
    } else if (this.#state === CHUNK_SIZE) {
      const size = CHUNK_LINE.exec(line);
      if (size === null) {
        this.#refuse(new Refusal(400, 'a malformed chunk size'));
        return;
      }
      this.#left = Number.parseInt(size[1]!, 16);
      this.#state = this.#left === 0 ? TRAILERS : CHUNK_DATA;
    } else if (line === '') {
      this.#finish();
    } else if (this.#trailers.length + line.length > MAX_TRAILERS) {
      this.#refuse(new Refusal(400, 'trailers longer than 16 KB'));
    } else {
      this.#trailers += `${line}\r\n`;
    }
  }

  #finish(): void {
    this.#state = BETWEEN;
    const trailers = this.#trailers;
    this.#trailers = '';
    this.#handler.onMessageEnd(trailers);
  }

  #refuse(refusal: Refusal): void {
    this.stop();
    this.#handler.onRefused(refusal);
  }

  #hold(data: Buffer, from: number, to: number): void {
    const length = this.#heldLength + to - from;
    if (length > this.#held.length) {
      // Of its own: a few bytes that were cut out of memory that others used too would keep all of that.
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#held.length * 2));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    data.copy(this.#held, this.#heldLength, from, to);
    this.#heldLength = length;
  }

  #takeHeld(): Buffer {
    const held = this.#held.subarray(0, this.#heldLength);
    this.#held = EMPTY;
    this.#heldLength = 0;
    return held;
  }
}
