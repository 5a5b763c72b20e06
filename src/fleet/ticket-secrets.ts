import { Buffer } from 'node:buffer';

/** Milliseconds for which new tickets are made with one secret; those that it made are taken for as long again. */
export const TICKET_SECRET_LIFE = 12 * 3_600_000;

const LENGTH = 32;

interface TicketSecret {
  /** Base64. */
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
}

/**
 * What all workers derive the keys of TLS session tickets from: a session that one of them began resumes at each. Random,
 * and in memory only: whoever copies the disk, or the master key, later cannot open what was recorded before.
 */
export class TicketSecrets {
  readonly #randomBytes: (count: number) => Uint8Array;
  #held: readonly TicketSecret[] = [];

  constructor(randomBytes: (count: number) => Uint8Array) {
    this.#randomBytes = randomBytes;
  }

  /** Makes a new secret where one is due and forgets what is too old. Returns the secrets in use, the newest first. */
  rotate(now: number): readonly string[] {
    const [newest] = this.#held;
    if (newest === undefined || now - newest.madeAt >= TICKET_SECRET_LIFE) {
      const secret = Buffer.from(this.#randomBytes(LENGTH)).toString('base64');
      // One that made its last ticket longer ago than tickets live opens none any more.
      const previous = this.#held.slice(0, 1).filter(({ madeAt }) => now - madeAt < 2 * TICKET_SECRET_LIFE);
      this.#held = [{ secret, madeAt: now }, ...previous];
    }
    return this.#held.map(({ secret }) => secret);
  }
}
