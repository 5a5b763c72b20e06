import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';

const COPY_LIMIT = 32 * 1024;

/**
 * Collects what one turn of the event loop writes to one socket, so that a small message leaves in one write. Texts
 * are latin1. Large bodies are not copied.
 */
export class Outbox {
  readonly #socket: Socket;
  #parts: (string | Buffer)[] = [];
  #length = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  add(part: string | Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  /** Adds data as one chunk of a chunked body. */
  addChunk(data: Buffer): void {
    this.add(`${data.length.toString(16)}\r\n`);
    this.add(data);
    this.add('\r\n');
  }

  /** Writes what was added. False where the socket wants no more for now. */
  flush(): boolean {
    const parts = this.#parts;
    const length = this.#length;
    if (parts.length === 0) return true;
    this.#length = 0;
    if (parts.length === 1) {
      const only = parts.pop()!;
      return typeof only === 'string' ? this.#socket.write(only, 'latin1') : this.#socket.write(only);
    }
    this.#parts = [];
    return length <= COPY_LIMIT ? this.#socket.write(join(parts, length)) : this.#writeCorked(parts);
  }

  #writeCorked(parts: (string | Buffer)[]): boolean {
    let wantsMore = true;
    this.#socket.cork();
    for (const part of parts) {
      wantsMore = typeof part === 'string' ? this.#socket.write(part, 'latin1') : this.#socket.write(part);
    }
    this.#socket.uncork();
    return wantsMore;
  }
}

function join(parts: (string | Buffer)[], length: number): Buffer {
  const joined = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') joined.write(part, at, 'latin1');
    else part.copy(joined, at);
    at += part.length;
  }
  return joined;
}
