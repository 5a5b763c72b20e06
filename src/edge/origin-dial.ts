import type { Buffer } from 'node:buffer';
import type { OriginFailureName } from '../core/mod.ts';
import type { SecurePeerSocket } from '../platform/mod.ts';
import type { Timed } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { classifyFailure, handshakeOutcome, isOfAnotherName } from './failure.ts';
import type { Attempt } from './origin.ts';
import type { OriginPool } from './origin-pool.ts';
import { connectOrigin, passOver } from './origin-socket.ts';

const PROTOCOLS = ['h2', 'http/1.1'];

/**
 * A TLS connection to an origin that is being made, and may become HTTP/2 or HTTP/1.1 (ALPN, RFC 7301). Exchanges wait for it;
 * one that is over meanwhile is left out, the connection is made all the same.
 */
export class OriginDial implements Attempt, Timed {
  readonly pool: OriginPool;
  readonly addressIndex: number;
  readonly isReused = false;
  readonly hasAnswered = false;
  readonly wasRefused = false;
  deadline: number;
  readonly #socket: SecurePeerSocket;
  readonly #checksServerNameOnly: boolean;
  #waiting: Exchange[] = [];
  #isConnected = false;
  #error: Error | null = null;
  #timedOut: OriginFailureName | null = null;
  readonly #onConnect = () => {
    this.#isConnected = true;
    this.deadline = this.pool.edge.deadlines.now + this.pool.edge.limits.originHandshake;
  };
  readonly #onError = (error: Error) => {
    this.#error ??= error;
  };
  readonly #onClose = () => this.#failed();
  readonly #onSecure = () => this.#established();

  constructor(pool: OriginPool, addressIndex: number) {
    this.pool = pool;
    this.addressIndex = addressIndex;
    this.#checksServerNameOnly = pool.checksServerNameOnly;
    const { edge } = pool;
    this.#socket = connectOrigin(pool, pool.key.addresses[addressIndex]!, PROTOCOLS) as SecurePeerSocket;
    this.deadline = edge.deadlines.now + edge.limits.connect;
    edge.deadlines.add(this);
    this.#socket.on('session', (session: Buffer) => {
      if (!pool.isRetired) pool.session = session;
    });
    this.#socket.on('connect', this.#onConnect);
    this.#socket.on('secureConnect', this.#onSecure);
    this.#socket.on('error', this.#onError);
    this.#socket.on('close', this.#onClose);
  }

  get mayBearOtherName(): boolean {
    return this.#checksServerNameOnly && isOfAnotherName(this.#error);
  }

  /** Lets an exchange wait for the connection. */
  wait(exchange: Exchange): void {
    this.#waiting.push(exchange);
  }

  /** Gives the connection up. Returns the exchanges that waited for it. */
  cancel(): Exchange[] {
    this.#leave();
    this.#socket.destroy();
    return this.#takeWaiting();
  }

  onDeadline(): void {
    passOver(this.pool, this.addressIndex, this.#socket);
    this.#timedOut = this.#isConnected ? 'tls_handshake' : 'connect_timeout';
    this.#socket.destroy();
    this.#failed();
  }

  #established(): void {
    this.#leave();
    this.pool.presented(this.#socket);
    this.pool.dialled(this, this.#socket, this.#takeWaiting());
  }

  #failed(): void {
    this.#leave();
    this.pool.dialFailed(this);
    const phase = this.#isConnected ? 'handshake' : 'connecting';
    const failure = this.#timedOut ?? classifyFailure(phase, this.#error);
    const outcome = handshakeOutcome(phase, failure, this.#timedOut !== null, this.#error);
    if (outcome !== null) this.pool.edge.counters.handshake(this.pool.level, outcome);
    for (const exchange of this.#takeWaiting()) exchange.originFailed(this, failure, this.#error?.message ?? '');
  }

  #takeWaiting(): Exchange[] {
    const waiting = this.#waiting.filter((exchange) => !exchange.isOver);
    this.#waiting = [];
    return waiting;
  }

  #leave(): void {
    this.pool.edge.deadlines.remove(this);
    this.#socket.off('connect', this.#onConnect);
    this.#socket.off('secureConnect', this.#onSecure);
    this.#socket.off('error', this.#onError);
    this.#socket.off('close', this.#onClose);
    // Whoever takes the socket over listens for itself; until then an error must not end the process.
    this.#socket.on('error', () => undefined);
  }
}
