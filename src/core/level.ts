/** The three levels of Authenticated Origin Pulls, the most specific first (spec/origin-pulls.md 1.1). */
export const LEVELS = ['hostname', 'zone', 'global'] as const;

/** One of `LEVELS`. */
export type Level = (typeof LEVELS)[number];

/** Encryption modes, the values of the zone setting `ssl` (spec/origin-pulls.md 3.1). */
const SSL_MODES = ['off', 'flexible', 'full', 'strict', 'origin_pull'] as const;

/** One of `SSL_MODES`. */
export type SslMode = (typeof SSL_MODES)[number];

/** True for a value of `SSL_MODES`. */
export function isSslMode(value: unknown): value is SslMode {
  return (SSL_MODES as readonly unknown[]).includes(value);
}
