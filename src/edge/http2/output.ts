import { Buffer } from 'node:buffer';
import type { Http2Session } from './session.ts';

/** Bytes that may wait for the peer's window before their source is held back. */
const MAX_QUEUED = 128 * 1024;
const EMPTY = Buffer.alloc(0);

/** What one stream sends: fields, body, trailers, as far as the peer's windows let them through (RFC 9113 section 5.2). */
export class StreamOutput {
  /** Bytes that the peer lets us send on this stream. */
  window: number;
  readonly #session: Http2Session;
  readonly #streamId: number;
  #fields: readonly string[] | null = null;
  #queue: Buffer[] = [];
  #queued = 0;
  #trailers: readonly string[] | null = null;
  #isWhole = false;
  #isEndSent = false;
  #wasFull = false;

  constructor(session: Http2Session, streamId: number, window: number) {
    this.#session = session;
    this.#streamId = streamId;
    this.window = window;
  }

  /** True when END_STREAM is sent. */
  get isEndSent(): boolean {
    return this.#isEndSent;
  }

  /** Body bytes that wait for the peer. */
  get queued(): number {
    return this.#queued;
  }

  /** Fields that go before the body, names and values by turns. */
  begin(fields: readonly string[]): void {
    this.#fields = fields;
  }

  add(data: Buffer): void {
    if (data.length === 0) return;
    this.#queue.push(data);
    this.#queued += data.length;
  }

  /** Nothing comes after this. */
  end(trailers: readonly string[] | null): void {
    this.#trailers = trailers;
    this.#isWhole = true;
  }

  /** Writes what the windows let through now. False where so much waits that the source shall stop. */
  flush(): boolean {
    while (this.write());
    this.#session.flushSoon();
    this.#wasFull = this.#isFull;
    return !this.#wasFull;
  }

  /** True once after the source was stopped and there is room again. */
  takeRoom(): boolean {
    if (!this.#wasFull || this.#queued > MAX_QUEUED / 2 || this.#session.isBlocked) return false;
    this.#wasFull = false;
    return true;
  }

  /** Writes one frame, if the windows let it through. False where there is nothing (more) to write now. */
  write(): boolean {
    if (this.#isEndSent) return false;
    const isLast = this.#isWhole && this.#trailers === null;
    if (this.#fields !== null) {
      const isAll = isLast && this.#queued === 0;
      this.#session.sendFields(this.#streamId, this.#fields, isAll);
      this.#fields = null;
      this.#isEndSent = isAll;
      return true;
    }
    if (this.#queue.length > 0) return this.#writeBody(isLast);
    if (!this.#isWhole) return false;
    if (this.#trailers === null) this.#session.sendData(this.#streamId, EMPTY, true);
    else this.#session.sendFields(this.#streamId, this.#trailers, true);
    this.#isEndSent = true;
    return true;
  }

  #writeBody(isLast: boolean): boolean {
    const allowed = this.#session.allowance(this.window);
    if (allowed <= 0) return false;
    const first = this.#queue[0]!;
    const part = first.length <= allowed ? first : first.subarray(0, allowed);
    if (part === first) this.#queue.shift();
    else this.#queue[0] = first.subarray(allowed);
    this.#queued -= part.length;
    this.window -= part.length;
    this.#isEndSent = isLast && this.#queued === 0;
    this.#session.sendData(this.#streamId, part, this.#isEndSent);
    return true;
  }

  get #isFull(): boolean {
    return this.#queued > MAX_QUEUED || this.#session.isBlocked;
  }
}
