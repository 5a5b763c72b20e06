import { randomBytes, randomUUID } from 'node:crypto';

/** Source of randomness. Passed in wherever it matters, so that tests own it. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(count: number): Uint8Array;
  /** A version 4 UUID in lower case (RFC 9562). */
  uuid(): string;
}

/** The machine's generator. */
export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  uuid: () => randomUUID(),
};
