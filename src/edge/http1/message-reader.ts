import { Buffer } from 'node:buffer';
import { Refusal } from './refusal.ts';

/** How the end of a body is found (RFC 9112 section 6.3); `interim` is a 1xx response, after which another head follows. */
export type BodyFraming =
  | { readonly kind: 'none' | 'interim' | 'chunked' | 'until-close' }
  | { readonly kind: 'length'; readonly length: number };

/** Receives what a `MessageReader` finds, in order, synchronously. */
export interface MessageHandler {
  /** The head, without the empty line. Must answer how the body is framed, or null where the reader shall stop. */
  onHead(head: string): BodyFraming | null;
  /** Bytes of the body, without any framing. */
  onData(data: Buffer): void;
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
    let rest = data;
    while (rest.length > 0) {
      switch (this.#state) {
        case HEAD:
          rest = this.#readHead(rest);
          break;
        case LENGTH:
          rest = this.#readLength(rest);
          break;
        case CHUNK_SIZE:
        case CHUNK_END:
        case TRAILERS:
          rest = this.#readLine(rest);
          break;
        case CHUNK_DATA:
          rest = this.#readChunkData(rest);
          break;
        case UNTIL_CLOSE:
        case TUNNEL:
          this.#handler.onData(rest);
          return;
        case BETWEEN:
          this.#hold(rest);
          return;
        default:
          return;
      }
    }
  }

  #readHead(data: Buffer): Buffer {
    let bytes = data;
    let from = 0;
    if (this.#heldLength > 0) {
      from = Math.max(0, this.#heldLength - 3);
      this.#hold(data);
      bytes = this.#held.subarray(0, this.#heldLength);
    }
    // RFC 9112 section 2.2: an empty line before the request line is ignored; one, not any number.
    const start = bytes.length >= 2 && bytes[0] === 13 && bytes[1] === 10 ? 2 : 0;
    const end = bytes.indexOf(EMPTY_LINE, Math.max(from, start));
    if ((end < 0 ? bytes.length : end) > this.#maxHead) {
      this.#refuse(new Refusal(431, `the header is longer than ${this.#maxHead >> 10} KB`));
      return EMPTY;
    }
    if (end < 0) {
      if (bytes === data) this.#hold(data);
      return EMPTY;
    }
    const rest = restOf(bytes, end + 4);
    this.#heldLength = 0;
    this.#held = EMPTY;
    const framing = this.#handler.onHead(bytes.toString('latin1', start, end));
    if (framing !== null) this.#expect(framing);
    else if (this.#state === HEAD) this.stop();
    return rest;
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

  #readLength(data: Buffer): Buffer {
    if (data.length < this.#left) {
      this.#left -= data.length;
      this.#handler.onData(data);
      return EMPTY;
    }
    const body = data.length === this.#left ? data : data.subarray(0, this.#left);
    const rest = restOf(data, this.#left);
    this.#handler.onData(body);
    if (this.#state === LENGTH) this.#finish();
    return rest;
  }

  #readChunkData(data: Buffer): Buffer {
    const body = data.length <= this.#left ? data : data.subarray(0, this.#left);
    this.#left -= body.length;
    const rest = restOf(data, body.length);
    this.#handler.onData(body);
    if (this.#left === 0 && this.#state === CHUNK_DATA) this.#state = CHUNK_END;
    return rest;
  }

  /** Reads one line of chunked framing: a size, the CRLF after a chunk, or a trailer field. */
  #readLine(data: Buffer): Buffer {
    const limit = this.#state === TRAILERS ? MAX_TRAILERS : MAX_CHUNK_LINE;
    const lf = data.indexOf(10);
    if (this.#heldLength + (lf < 0 ? data.length : lf) > limit) {
      this.#refuse(new Refusal(400, 'an overlong line in a chunked body'));
      return EMPTY;
    }
    if (lf < 0) {
      this.#hold(data);
      return EMPTY;
    }
    let line: string;
    if (this.#heldLength > 0) {
      this.#hold(data.subarray(0, lf + 1));
      line = this.#takeHeld().toString('latin1');
    } else {
      line = data.toString('latin1', 0, lf + 1);
    }
    if (line.charCodeAt(line.length - 2) !== 13) this.#refuse(new Refusal(400, 'a bare LF in a chunked body'));
    else this.#takeLine(line.slice(0, -2));
    return restOf(data, lf + 1);
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

  #hold(data: Buffer): void {
    const length = this.#heldLength + data.length;
    if (length > this.#held.length) {
      // Of its own: a few bytes that were cut out of memory that others used too would keep all of that.
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#held.length * 2));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    data.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
  }

  #takeHeld(): Buffer {
    const held = this.#held.subarray(0, this.#heldLength);
    this.#held = EMPTY;
    this.#heldLength = 0;
    return held;
  }
}

/** What stands behind `at`. Mostly nothing, and a view of nothing costs as much as any other. */
function restOf(data: Buffer, at: number): Buffer {
  return at === data.length ? EMPTY : data.subarray(at);
}
