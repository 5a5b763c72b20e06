import type { Buffer } from 'node:buffer';
import type { SecureContext } from 'node:tls';
import type { Edge } from './edge.ts';
import type { Exchange } from './exchange.ts';
import { OriginConnection } from './origin-connection.ts';

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

/** The TLS side of a `PoolKey`. */
export interface OriginTls {
  readonly sni: string;
  /** The visitor's hostname: in the modes strict and origin_pull the origin's certificate may name it or `sni`. */
  readonly requestedHostname: string;
  readonly verify: boolean;
  /** Null for none. */
  readonly identityId: string | null;
}

/** The text form of a `PoolKey`. */
export function poolKeyText(key: PoolKey): string {
  return JSON.stringify([
    key.zoneId,
    key.addresses,
    key.port,
    key.tls && [key.tls.sni, key.tls.requestedHostname, key.tls.verify, key.tls.identityId],
  ]);
}

const MAX_IDLE = 512;

/** The connections of one `PoolKey`. */
export class OriginPool {
  readonly edge: Edge;
  readonly key: PoolKey;
  /** Null for plain http. */
  readonly secureContext: SecureContext | null;
  /** The newest TLS session of this pool; never leaves it. */
  session: Buffer | undefined;
  readonly #idle: OriginConnection[] = [];
  readonly #connections = new Set<OriginConnection>();
  #retired = false;

  constructor(edge: Edge, key: PoolKey, secureContext: SecureContext | null) {
    this.edge = edge;
    this.key = key;
    this.secureContext = secureContext;
  }

  get isRetired(): boolean {
    return this.#retired;
  }

  get isEmpty(): boolean {
    return this.#connections.size === 0;
  }

  /** Gives the exchange a connection: the one used last if any is idle, else a new one. */
  acquire(exchange: Exchange): void {
    const idle = this.#idle.pop();
    if (idle !== undefined) idle.start(exchange);
    else this.connect(exchange, 0);
  }

  /** Gives the exchange a new connection to the address at `addressIndex`. */
  connect(exchange: Exchange, addressIndex: number): void {
    this.#connections.add(new OriginConnection(this, exchange, addressIndex));
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
  }

  /** Closes everything at once. */
  destroy(): void {
    this.#retired = true;
    for (const connection of [...this.#connections]) connection.destroy();
  }
}
