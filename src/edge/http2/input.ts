import type { Http2Session } from './session.ts';

/** Body bytes that a stream may hold: its receive window (RFC 9113 section 5.2). */
export const STREAM_WINDOW = 256 * 1024;

/** What one stream may still receive. The peer gets its window back for what was taken, not for what is held. */
export class StreamInput {
  readonly #session: Http2Session;
  readonly #streamId: number;
  #window = STREAM_WINDOW;
  #uncredited = 0;
  #isHeld = false;
  #isEnded = false;

  constructor(session: Http2Session, streamId: number) {
    this.#session = session;
    this.#streamId = streamId;
  }

  /** Counts a DATA frame, padding included. False where the peer broke its window. */
  take(size: number): boolean {
    if (size > this.#window) return false;
    this.#window -= size;
    this.#uncredited += size;
    return true;
  }

  /** Stops or goes on giving window back. */
  hold(on: boolean): void {
    this.#isHeld = on;
    if (!on) this.credit();
  }

  /** Gives window back for what was taken, unless it is held. */
  credit(): void {
    if (this.#isHeld || this.#isEnded || this.#uncredited < STREAM_WINDOW / 4) return;
    this.#session.credit(this.#uncredited);
    this.#session.sendWindowUpdate(this.#streamId, this.#uncredited);
    this.#window += this.#uncredited;
    this.#uncredited = 0;
  }

  /** Nothing more comes on this stream: what it took counts for the connection alone. */
  end(): void {
    this.#isEnded = true;
    this.#session.credit(this.#uncredited);
    this.#uncredited = 0;
  }
}
