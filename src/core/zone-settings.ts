/** Versions of TLS, the oldest first. */
const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const;

/** One of `TLS_VERSIONS`. */
export type TlsVersion = (typeof TLS_VERSIONS)[number];

type Switch = 'on' | 'off';

/** Settings of a zone that say how the edge meets visitors and origins (spec/api.md 2.3), by the names of the API. */
export interface ZoneSettings {
  readonly min_tls_version: TlsVersion;
  /** `zrt` (early data too) acts as `on`: no early data is taken, as it can be replayed. */
  readonly tls_1_3: Switch | 'zrt';
  /** Whether visitors are offered HTTP/2. */
  readonly http2: Switch;
  /** Seconds from the end of a request to the response head, and between two reads of the response. */
  readonly proxy_read_timeout: number;
  /** Megabytes (of 1024 × 1024 bytes) that the body of a request may have. */
  readonly max_upload: number;
  /** The newest HTTP that origins are offered. */
  readonly origin_max_http_version: '2' | '1';
  readonly always_use_https: Switch;
  readonly websockets: Switch;
}

/** A key of `ZoneSettings`. */
export type ZoneSettingName = keyof ZoneSettings;

interface Kind<T> {
  readonly fallback: T;
  readonly isValid: (value: unknown) => boolean;
  /** What a value must be, as an error says it. */
  readonly expected: string;
}

const oneOf = <T extends string>(fallback: T, ...values: readonly T[]): Kind<T> => ({
  fallback,
  isValid: (value) => (values as readonly unknown[]).includes(value),
  expected: `one of ${values.map((value) => `"${value}"`).join(', ')}`,
});

const wholeNumber = (fallback: number, least: number, most: number, unit: string): Kind<number> => ({
  fallback,
  isValid: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  expected: `a whole number of ${unit} from ${least} to ${most}`,
});

/** Every setting of `ZoneSettings`: its value where nobody set one, and which others it takes. */
export const ZONE_SETTINGS: { readonly [K in ZoneSettingName]: Kind<ZoneSettings[K]> } = {
  // The documented service begins at 1.0; TLS 1.0 and 1.1 are deprecated (RFC 8996), so here they must be asked for.
  min_tls_version: oneOf('1.2', ...TLS_VERSIONS),
  tls_1_3: oneOf('on', 'on', 'off', 'zrt'),
  http2: oneOf('on', 'on', 'off'),
  proxy_read_timeout: wholeNumber(125, 1, 6000, 'seconds'),
  max_upload: wholeNumber(100, 1, 5000, 'megabytes'),
  origin_max_http_version: oneOf('2', '2', '1'),
  always_use_https: oneOf('off', 'on', 'off'),
  websockets: oneOf('on', 'on', 'off'),
};

/** The value of a setting that is in force for a zone. */
export function zoneSetting<K extends ZoneSettingName>(
  { settings }: { readonly settings?: Partial<ZoneSettings> },
  name: K,
): ZoneSettings[K] {
  return settings?.[name] ?? ZONE_SETTINGS[name].fallback;
}

/** Why these settings cannot stand together, or null. */
export function settingsConflict(settings: Partial<ZoneSettings>): string | null {
  const zone = { settings };
  return zoneSetting(zone, 'min_tls_version') === '1.3' && zoneSetting(zone, 'tls_1_3') === 'off'
    ? 'min_tls_version "1.3" and tls_1_3 "off" would leave no version of TLS to use'
    : null;
}
