import { detached } from '../detached.ts';
import { stands } from './stands.ts';

/** Places for texts by their hash: a power of two. */
const PLACES = 256;
const MAX_LENGTH = 256;

/**
 * Values that came lately. One that comes again is found where it stands: it is cut out, copied and hashed once. Never more than 256 of
 * at most 256 characters, whoever sends what.
 */
export class RecentTexts {
  readonly #places: (string | undefined)[] = new Array(PLACES).fill(undefined);

  /** What stands in `text` from `from` to `to`, in memory of its own where it is not longer than usual. */
  find(text: string, from: number, to: number): string {
    if (to - from > MAX_LENGTH) return text.slice(from, to);
    let hash = 0;
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
    const place = hash & (PLACES - 1);
    const known = this.#places[place];
    if (known !== undefined && stands(known, text, from, to)) return known;
    const found = detached(text.slice(from, to));
    this.#places[place] = found;
    return found;
  }
}
