import net, { type Socket } from 'node:net';
import tls, { type PeerCertificate } from 'node:tls';
import type { OriginPool, OriginTls } from './origin-pool.ts';

/** Begins a connection to an origin: TCP, and TLS as the pool's identity where the pool has one. */
export function connectOrigin(pool: OriginPool, host: string, protocols: readonly string[]): Socket {
  const { port, tls: origin } = pool.key;
  if (origin === null) return net.connect({ host, port, allowHalfOpen: true });
  return tls.connect({
    host,
    port,
    // An address is not a server name (RFC 6066 section 3).
    ...(net.isIP(origin.sni) === 0 ? { servername: origin.sni } : { servername: '' }),
    secureContext: pool.secureContext!,
    rejectUnauthorized: origin.verify,
    checkServerIdentity: (_host, certificate) => checkOriginNames(origin, certificate),
    ALPNProtocols: [...protocols],
    allowHalfOpen: true,
    ...(pool.session === undefined ? {} : { session: pool.session }),
  } as tls.ConnectionOptions);
}

/** Strict validation accepts the requested or the target hostname (spec/origin-pulls.md 3.1, 4.4). */
function checkOriginNames(origin: OriginTls, certificate: PeerCertificate): Error | undefined {
  const problem = tls.checkServerIdentity(origin.sni, certificate);
  return problem === undefined ? undefined : tls.checkServerIdentity(origin.requestedHostname, certificate);
}
