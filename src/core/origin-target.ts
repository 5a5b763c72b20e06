import type { OriginTarget } from './snapshot.ts';

/** What rules say about where a request goes (spec/origin-pulls.md 4.4). */
export interface OriginChange {
  readonly hostHeader?: string;
  readonly sni?: string;
  /** Address or name of the origin. */
  readonly address?: string;
  readonly port?: number;
}

/** The origin as rules say, over what the hostname has. Null where nobody says where it is. */
export function changedOrigin(known: OriginTarget | null, change: OriginChange | null): OriginTarget | null {
  if (change === null) return known;
  const addresses = change.address === undefined ? known?.addresses : [change.address];
  if (addresses === undefined) return null;
  return {
    addresses,
    httpsPort: change.port ?? known?.httpsPort ?? 443,
    httpPort: change.port ?? known?.httpPort ?? 80,
    sni: change.sni ?? known?.sni ?? null,
    hostHeader: change.hostHeader ?? known?.hostHeader ?? null,
  };
}

/** The server name of the TLS handshake: a rewritten Host is it too, unless one is given (spec/origin-pulls.md 4.4). */
export function originServerName({ sni, hostHeader }: OriginTarget, hostname: string): string {
  return sni ?? hostHeader ?? hostname;
}
