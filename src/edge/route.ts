import {
  changedOrigin,
  type OriginFailureName,
  type OriginTarget,
  originServerName,
  type Resolution,
  resolve,
  type Scheme,
  type SnapshotIndex,
  type ZoneEntry,
  zoneSetting,
} from '../core/mod.ts';
import type { RouteChange } from '../waf/mod.ts';
import type { Http2Use, OriginPool, PoolKey } from './origin-pool.ts';

const MEGABYTE = 1024 * 1024;

/** What a visitor asks for: its scheme, and whether it is a gRPC call (over https). */
export type RouteUse = Scheme | 'grpc';

/** What is decided once for a hostname and use, until the snapshot changes. */
export interface Route {
  readonly resolution: Resolution;
  /** The Host header toward the origin; null for the visitor's. */
  readonly hostHeader: string | null;
  /** Bytes that a request's body may have. */
  readonly maxUpload: number;
  /** Null where nothing is pulled. */
  readonly pool: OriginPool | null;
  /** Why nothing can be pulled, where that is so. */
  readonly failure: OriginFailureName | null;
}

/** A route without its pool: pure, so that a change can be compared with what is in use. */
export interface RoutePlan {
  readonly resolution: Resolution;
  readonly hostHeader: string | null;
  readonly maxUpload: number;
  readonly key: PoolKey | null;
}

/** Decides where a request for `hostname` goes and as whom; `change` is what rules say about it (spec/origin-pulls.md 4.4). */
export function planRoute(
  index: SnapshotIndex,
  hostname: string,
  use: RouteUse,
  change: RouteChange | null = null,
): RoutePlan {
  const scheme: Scheme = use === 'http' ? 'http' : 'https';
  const resolution = resolve(index, hostname, scheme, undefined, change?.ssl ?? null);
  const { zone, originScheme } = resolution;
  const known = zone === null ? null : (index.originOf(zone.id, hostname)?.origin ?? null);
  const origin = changedOrigin(known, change);
  const key =
    zone === null || origin === null ? null : poolKey(resolution, origin, hostname, zone.id, http2Use(zone, use));
  return {
    resolution,
    hostHeader: origin?.hostHeader ?? null,
    maxUpload: zoneSetting(zone ?? {}, 'max_upload') * MEGABYTE,
    key: originScheme === 'redirect_to_http' ? null : key,
  };
}

function http2Use(zone: ZoneEntry, use: RouteUse): Http2Use {
  if (use === 'grpc') return 'required';
  return zoneSetting(zone, 'origin_max_http_version') === '2' ? 'offered' : 'off';
}

function poolKey(
  resolution: Resolution,
  origin: OriginTarget,
  hostname: string,
  zoneId: string,
  http2: Http2Use,
): PoolKey {
  const { addresses, httpPort, httpsPort } = origin;
  if (resolution.originScheme === 'http') return { zoneId, addresses, port: httpPort, tls: null };
  const mode = resolution.zone!.ssl;
  return {
    zoneId,
    addresses,
    port: httpsPort,
    tls: {
      sni: originServerName(origin, hostname),
      requestedHostname: hostname,
      verify: mode === 'strict' || mode === 'origin_pull',
      http2,
      identityId: resolution.identity?.id ?? null,
    },
  };
}
