/**
 * Makes ray ids: 16 hexadecimal digits and a site code (`CF-Ray`, spec/origin-pulls.md 4.1). The first eight digits
 * are drawn once for the worker, the rest count from a drawn start: unique, and no draw for a request.
 */
export class RayIds {
  readonly #prefix: string;
  readonly #suffix: string;
  #next: number;

  /** `seed` holds 8 random bytes. */
  constructor(seed: Uint8Array, site: string) {
    const hex = Array.from(seed, (byte) => byte.toString(16).padStart(2, '0')).join('');
    this.#prefix = hex.slice(0, 8);
    this.#next = Number.parseInt(hex.slice(8, 16), 16);
    this.#suffix = `-${site}`;
  }

  next(): string {
    this.#next = (this.#next + 1) >>> 0;
    const count = this.#next.toString(16);
    return this.#prefix + (count.length === 8 ? count : count.padStart(8, '0')) + this.#suffix;
  }
}
