import type { Buffer } from 'node:buffer';
import { cut, JOINS_TEXTS, type Part, type PeerSocket, Slice, writeJoined } from '../platform/mod.ts';

/** Up to this many bytes are copied into one write. */
const COPY_LIMIT = 32 * 1024;
/** Parts below this are written together with what follows them. */
const SMALL = 4 * 1024;
/** A TLS record (RFC 8446 section 5.1): what is written together with a head fills one. */
const RECORD = 16 * 1024;

/** Takes what a head is put together of. */
export interface TextSink {
  /** Adds latin1 text behind what was added. */
  addText(text: string): void;
}

/**
 * Collects what one turn of the event loop writes to one socket, so that a small message leaves in one write. Texts
 * are latin1. Large bodies are not copied.
 */
export class Outbox implements TextSink {
  readonly #socket: PeerSocket;
  #parts: Part[] = [];
  #length = 0;
  /** Text behind the parts that more may be added to. */
  #text = '';

  constructor(socket: PeerSocket) {
    this.#socket = socket;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length + this.#text.length;
  }

  addText(text: string): void {
    if (JOINS_TEXTS) {
      this.#text += text;
    } else {
      this.#parts.push(text);
      this.#length += text.length;
    }
  }

  /** Adds bytes. */
  add(part: Buffer | Slice): void {
    if (this.#text !== '') this.#endText();
    this.#parts.push(part);
    this.#length += part.length;
  }

  #endText(): void {
    this.#parts.push(this.#text);
    this.#length += this.#text.length;
    this.#text = '';
  }

  /** Adds the bytes of `data` from `from` to `to`. */
  addBytes(data: Buffer, from: number, to: number): void {
    const isSmallPart = to - from < SMALL && to - from < data.length;
    this.add(isSmallPart ? new Slice(data, from, to) : cut(data, from, to));
  }

  /** Adds the bytes of `data` from `from` to `to` as one chunk of a chunked body. */
  addChunk(data: Buffer, from: number, to: number): void {
    this.addText(`${(to - from).toString(16)}\r\n`);
    this.addBytes(data, from, to);
    this.addText('\r\n');
  }

  /** Writes what was added. False where the socket wants no more for now. */
  flush(): boolean {
    if (this.#text !== '') this.#endText();
    const parts = this.#parts;
    const length = this.#length;
    if (parts.length === 0) return true;
    this.#length = 0;
    const [only] = parts;
    if (parts.length === 1 && !(only instanceof Slice)) {
      parts.pop();
      return typeof only === 'string' ? this.#socket.write(only, 'latin1') : this.#socket.write(only!);
    }
    if (length <= COPY_LIMIT) return writeJoined(this.#socket, parts, length);
    this.#parts = [];
    return this.#writeLarge(parts);
  }

  /** Without corking: both runtimes would copy everything into one buffer then. */
  #writeLarge(parts: readonly Part[]): boolean {
    let small: Part[] = [];
    let length = 0;
    let wantsMore = true;
    for (const part of parts) {
      if (typeof part === 'string' || part instanceof Slice || part.length < SMALL) {
        small.push(part);
        length += part.length;
        continue;
      }
      let rest = part;
      if (length > 0) {
        const first = part.subarray(0, Math.max(0, RECORD - length));
        wantsMore = writeJoined(this.#socket, [...small, first], length + first.length);
        rest = part.subarray(first.length);
        small = [];
        length = 0;
      }
      if (rest.length > 0) wantsMore = this.#socket.write(rest);
    }
    return length > 0 ? writeJoined(this.#socket, small, length) : wantsMore;
  }
}
