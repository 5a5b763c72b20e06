/**
 * Which client certificates an origin may see of a request: those that were right at some time of it. While a change is under way
 * the old and the new one are; after the API's answer a new request may show only the new one.
 */
export class ExpectedIdentity {
  readonly #history: string[];
  /** Index of the oldest that a new request may show. */
  #settled = 0;

  constructor(first: string) {
    this.#history = [first];
  }

  /** Fingerprint of the newest. */
  get newest(): string {
    return this.#history.at(-1)!;
  }

  /** A change begins that makes `fingerprint` right. */
  changing(fingerprint: string): void {
    this.#history.push(fingerprint);
  }

  /** The change is in use everywhere. */
  changed(): void {
    this.#settled = this.#history.length - 1;
  }

  /** A request begins. Returns what says, at its end, whether a fingerprint was right. */
  begin(): (seen: string | undefined) => boolean {
    const from = this.#settled;
    return (seen) => seen !== undefined && this.#history.slice(from).includes(seen);
  }
}
