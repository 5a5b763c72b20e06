const TWO_DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * Makes ray ids: 16 hexadecimal digits and a site code (`CF-Ray`, spec/origin-pulls.md 4.1). The first eight digits
 * are drawn once for the worker, the rest count from a drawn start: unique, and no draw for a request.
 */
export class RayIds {
  readonly #drawn: string;
  readonly #suffix: string;
  #next: number;
  /** The first twelve digits, which change once in 65,536 requests. */
  #prefix: string;

  /** `seed` holds 8 random bytes. */
  constructor(seed: Uint8Array, site: string) {
    this.#drawn = digits(seed.subarray(0, 4));
    this.#next = Number.parseInt(digits(seed.subarray(4, 8)), 16);
    this.#suffix = `-${site}`;
    this.#prefix = this.#firstTwelve();
  }

  next(): string {
    this.#next = (this.#next + 1) >>> 0;
    const low = this.#next & 0xffff;
    if (low === 0) this.#prefix = this.#firstTwelve();
    return this.#prefix + TWO_DIGITS[low >>> 8]! + TWO_DIGITS[low & 0xff]! + this.#suffix;
  }

  #firstTwelve(): string {
    return this.#drawn + TWO_DIGITS[this.#next >>> 24]! + TWO_DIGITS[(this.#next >>> 16) & 0xff]!;
  }
}

function digits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => TWO_DIGITS[byte]!).join('');
}
