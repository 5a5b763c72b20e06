import type { Buffer } from 'node:buffer';
import net from 'node:net';
import type { SecureContext } from 'node:tls';
import { type CertificateLevel, levelIndex } from '../observe/mod.ts';
import { type PeerSocket, PREFERS_SERVER_NAME, type SecurePeerSocket } from '../platform/mod.ts';
import type { Edge } from './edge.ts';
import type { Exchange } from './exchange.ts';
import { Http2OriginConnection } from './http2/origin-connection.ts';
import { OriginConnection } from './origin-connection.ts';
import { OriginDial } from './origin-dial.ts';

/**
 * To whom a pool's sockets belong: one (zone, address, port, SNI, trust, client identity). Nothing in here is ever shared with
 * another key: no socket and no TLS session, because a resumed session carries the old client identity past the
 * origin's check (spec/origin-pulls.md 2.5, architecture section 1 sentence 4).
 */
export interface PoolKey {
  readonly zoneId: string;
  /** IP addresses or one hostname, tried in order. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly tls: OriginTls | null;
}

/** How a pool uses HTTP/2. */
export type Http2Use = 'off' | 'offered' | 'required';

/** The TLS side of a `PoolKey`. */
export interface OriginTls {
  readonly sni: string;
  /** The visitor's hostname: in the modes strict and origin_pull the origin's certificate may name it or `sni`. */
  readonly requestedHostname: string;
  readonly verify: boolean;
  /** Whether HTTP/2 is offered (ALPN), and whether nothing else will do. */
  readonly http2: Http2Use;
  /** Null for none. */
  readonly identityId: string | null;
}

/** The text form of a `PoolKey`. */
export function poolKeyText(key: PoolKey): string {
  return JSON.stringify([
    key.zoneId,
    key.addresses,
    key.port,
    key.tls && [key.tls.sni, key.tls.requestedHostname, key.tls.verify, key.tls.http2, key.tls.identityId],
  ]);
}

const MAX_IDLE = 512;

/** The connections of one `PoolKey`. */
export class OriginPool {
  readonly edge: Edge;
  readonly key: PoolKey;
  /** Null for plain http. */
  readonly secureContext: SecureContext | null;
  /** Where the counters keep what concerns the identity's level. */
  readonly level: number;
  /** The newest TLS session of this pool; never leaves it. */
  session: Buffer | undefined;
  /** Streams that the origin allowed on its newest HTTP/2 connection: what a new one may begin with, before it says so itself. */
  maxStreams = 100;
  readonly #idle: OriginConnection[] = [];
  readonly #connections = new Set<OriginConnection>();
  /** HTTP/2 connections, and those that may become one. */
  readonly #http2 = new Set<Http2OriginConnection>();
  readonly #dials = new Set<OriginDial>();
  /** The origin chose HTTP/1.1 when it was offered both. */
  #isHttp1Only = false;
  /** A certificate came that does not bear the server name: it may bear the requested hostname. */
  #checksBothNames = !PREFERS_SERVER_NAME;
  #retired = false;
  /** Index of the address that worked last. */
  #preferred = 0;

  constructor(edge: Edge, key: PoolKey, secureContext: SecureContext | null, level: CertificateLevel) {
    this.edge = edge;
    this.key = key;
    this.secureContext = secureContext;
    this.level = levelIndex(level);
  }

  get isRetired(): boolean {
    return this.#retired;
  }

  get isEmpty(): boolean {
    return this.#connections.size === 0 && this.#http2.size === 0 && this.#dials.size === 0;
  }

  /**
   * Whether the next connection accepts the server name alone in a certificate, though the requested hostname would do as well: that is
   * cheaper on some runtimes. True until `checkBothNames`.
   */
  get checksServerNameOnly(): boolean {
    const { tls } = this.key;
    if (this.#checksBothNames || tls === null || !tls.verify) return false;
    return tls.sni !== tls.requestedHostname && net.isIP(tls.sni) === 0;
  }

  /** From here on certificates may bear either name. */
  checkBothNames(): void {
    this.#checksBothNames = true;
  }

  /** Gives the exchange a connection: the one used last if any is idle, else a new one. */
  acquire(exchange: Exchange): void {
    if (this.#takesHttp2(exchange)) {
      for (const connection of this.#http2) {
        if (!connection.hasRoom) continue;
        connection.open(exchange);
        return;
      }
    }
    const idle = this.#idle.pop();
    if (idle !== undefined) idle.start(exchange);
    else this.connect(exchange, this.#preferred);
  }

  /** The index of the address to try first. */
  get preferred(): number {
    return this.#preferred;
  }

  /** The address to try where the one at `addressIndex` failed; null where there is no other. */
  otherAddress(addressIndex: number): number | null {
    const { addresses } = this.key;
    if (addresses.length > 1) return (addressIndex + 1) % addresses.length;
    // A name: its own addresses are put in another order where one of them fails.
    return this.edge.names.hasSeveral(addresses[0]!) ? 0 : null;
  }

  /** A connection to the address at `addressIndex` came to stand. */
  worked(addressIndex: number): void {
    this.#preferred = addressIndex;
  }

  /** A TLS handshake with an origin came to its end. */
  presented({ remoteAddress, remotePort }: PeerSocket): void {
    const { zoneId, tls } = this.key;
    if (this.edge.originProofs === null || tls === null || tls.identityId === null) return;
    if (remoteAddress === undefined || remotePort === undefined) return;
    const { sni: serverName, requestedHostname: hostname } = tls;
    this.edge.originProofs.presented({ zoneId, hostname, serverName, address: remoteAddress, port: remotePort });
  }

  /** Gives the exchange a new connection to the address at `addressIndex`. */
  connect(exchange: Exchange, addressIndex: number): void {
    if (!this.#takesHttp2(exchange)) {
      this.#connections.add(new OriginConnection(this, exchange, addressIndex));
      return;
    }
    for (const dial of this.#dials) {
      if (dial.addressIndex !== addressIndex) continue;
      dial.wait(exchange);
      return;
    }
    const dial = new OriginDial(this, addressIndex);
    this.#dials.add(dial);
    dial.wait(exchange);
  }

  /** Upgraded connections are HTTP/1.1's. */
  #takesHttp2(exchange: Exchange): boolean {
    const { tls } = this.key;
    return tls !== null && tls.http2 !== 'off' && !this.#isHttp1Only && exchange.head.upgrade === null;
  }

  /** A dial is through: the origin has chosen its protocol. */
  dialled(dial: OriginDial, socket: SecurePeerSocket, waiting: readonly Exchange[]): void {
    this.#dials.delete(dial);
    this.worked(dial.addressIndex);
    if (socket.alpnProtocol === 'h2') {
      const connection = new Http2OriginConnection(this, dial.addressIndex, socket);
      this.#http2.add(connection);
      for (const exchange of waiting) {
        if (connection.hasRoom) connection.open(exchange);
        else this.acquire(exchange);
      }
      return;
    }
    if (this.key.tls!.http2 === 'required') {
      socket.destroy();
      for (const exchange of waiting) exchange.originFailed(dial, 'http2_required', '');
      return;
    }
    this.#isHttp1Only = true;
    const [first, ...others] = waiting;
    if (first === undefined) socket.destroy();
    else this.#connections.add(new OriginConnection(this, first, dial.addressIndex, socket));
    for (const exchange of others) this.acquire(exchange);
  }

  dialFailed(dial: OriginDial): void {
    this.#dials.delete(dial);
  }

  /** Forgets an HTTP/2 connection that takes nothing new. */
  removeHttp2(connection: Http2OriginConnection): void {
    this.#http2.delete(connection);
  }

  /** Takes a connection back after a complete exchange. */
  release(connection: OriginConnection): void {
    if (this.#retired || this.#idle.length >= MAX_IDLE) connection.destroy();
    else this.#idle.push(connection);
  }

  /** Forgets a connection that is closed. */
  remove(connection: OriginConnection): void {
    this.#connections.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Ends this pool's use: idle connections close now, busy ones after their exchange or at the hard cap. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.session = undefined;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    for (const connection of this.#connections) connection.retire();
    for (const connection of [...this.#http2]) connection.retire();
    const dials = [...this.#dials];
    this.#dials.clear();
    for (const dial of dials) for (const exchange of dial.cancel()) exchange.reroute();
  }

  /** Closes everything at once. */
  destroy(): void {
    this.#retired = true;
    for (const connection of [...this.#connections]) connection.destroy();
    for (const connection of [...this.#http2]) connection.destroy();
    for (const dial of this.#dials) dial.cancel();
  }
}
