/** How many odd frames a connection may send at once, and how many come back each second. Own. */
const BURST = 300;
const A_SECOND = 30;

/**
 * Counts what only an attack sends in numbers: resets in either direction (rapid reset, made-you-reset), pings, settings, empty
 * frames, frames for streams that are gone. A finished request gives some of it back, so that busy connections may cancel.
 */
export class Calm {
  #left = BURST;
  #at: number;

  /** `now` in milliseconds. */
  constructor(now: number) {
    this.#at = now;
  }

  /** Counts one. False where it was one too many. */
  spend(now: number): boolean {
    this.#left = Math.min(BURST, this.#left + ((now - this.#at) / 1000) * A_SECOND);
    this.#at = now;
    this.#left--;
    return this.#left >= 0;
  }

  /** A request was answered whole. */
  earn(): void {
    this.#left = Math.min(BURST, this.#left + 1);
  }
}
