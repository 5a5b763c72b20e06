import net from 'node:net';
import tls, { type PeerCertificate } from 'node:tls';
import { connectTcp, connectTls, type PeerSocket } from '../platform/mod.ts';
import type { OriginPool, OriginTls } from './origin-pool.ts';

/** Milliseconds after which the next address of a name gets its turn (RFC 8305 section 8). */
const NEXT_ADDRESS = 250;

/** Begins a connection to an origin: TCP, and TLS as the pool's identity where the pool has one. */
export function connectOrigin(pool: OriginPool, host: string, protocols: readonly string[]): PeerSocket {
  const { port, tls: origin } = pool.key;
  if (net.isIP(host) > 0) return open(pool, { host, port }, protocols);
  const { names, ownAddresses } = pool.edge;
  const socket = open(
    pool,
    {
      host,
      port,
      lookup: ownAddresses.guard(names.lookup as net.LookupFunction, port),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS,
    },
    protocols,
  );
  let address: string | undefined;
  // A peer that resets at once is known by the attempt only: the socket no longer tells whose it was.
  socket.on('connectionAttempt', (attempted) => {
    address = attempted;
  });
  socket.once('connect', () => {
    address = socket.remoteAddress ?? address;
    if (origin === null && address !== undefined) names.worked(host, address);
  });
  if (origin !== null) {
    let isSecure = false;
    socket.once('secureConnect', () => {
      isSecure = true;
      if (address !== undefined) names.worked(host, address);
    });
    socket.once('close', () => {
      if (!isSecure && address !== undefined) names.failed(host, address);
    });
  }
  return socket;
}

/** Nothing came in the handshake: the next connection takes another address of a name, also before this one is closed. */
export function passOver(pool: OriginPool, addressIndex: number, { remoteAddress }: PeerSocket): void {
  const host = pool.key.addresses[addressIndex]!;
  if (remoteAddress !== undefined && net.isIP(host) === 0) pool.edge.names.failed(host, remoteAddress);
}

function open(pool: OriginPool, target: net.TcpNetConnectOpts, protocols: readonly string[]): PeerSocket {
  const origin = pool.key.tls;
  if (origin === null) return connectTcp(target);
  return connectTls(target, {
    context: pool.secureContext!,
    // An address is not a server name (RFC 6066 section 3).
    serverName: net.isIP(origin.sni) === 0 ? origin.sni : '',
    protocols,
    session: pool.session,
    verify: origin.verify,
    onlyServerName:
      pool.checksServerNameOnly || (net.isIP(origin.sni) === 0 && origin.sni === origin.requestedHostname),
    checkNames: (certificate) => checkOriginNames(origin, certificate),
  });
}

/** Strict validation accepts the requested or the target hostname (spec/origin-pulls.md 3.1, 4.4). */
function checkOriginNames(origin: OriginTls, certificate: PeerCertificate): Error | undefined {
  const problem = tls.checkServerIdentity(origin.sni, certificate);
  return problem === undefined ? undefined : tls.checkServerIdentity(origin.requestedHostname, certificate);
}
