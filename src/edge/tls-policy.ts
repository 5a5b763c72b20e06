import { type TlsVersion, type ZoneEntry, zoneSetting } from '../core/mod.ts';

/** How the visitors of a zone may speak TLS. */
export interface TlsPolicy {
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly alpn: readonly string[];
}

const NAMES = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const satisfies Record<
  TlsVersion,
  string
>;
const WITH_HTTP2 = ['h2', 'http/1.1'];
const WITHOUT_HTTP2 = ['http/1.1'];

/** The policy that a zone's settings make. */
export function tlsPolicy(zone: ZoneEntry): TlsPolicy {
  return {
    minVersion: NAMES[zoneSetting(zone, 'min_tls_version')],
    maxVersion: zoneSetting(zone, 'tls_1_3') === 'off' ? 'TLSv1.2' : 'TLSv1.3',
    alpn: zoneSetting(zone, 'http2') === 'on' ? WITH_HTTP2 : WITHOUT_HTTP2,
  };
}
