import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { canonicalHostname, type Scheme } from '../core/mod.ts';
import {
  acceptTls,
  type FirstBytesListener,
  hearFirstBytes,
  holdFirstBytes,
  type SecurePeerSocket,
} from '../platform/mod.ts';
import { ClientHelloReader } from './client-hello.ts';
import type { Timed } from './deadlines.ts';
import type { Edge } from './edge.ts';
import { Http1Connection } from './http1/connection.ts';
import { Http2Connection } from './http2/visitor-connection.ts';
import { visitorAddress } from './origin-request.ts';
import { readProxyHeader } from './proxy-protocol.ts';
import type { ServerContext } from './server-contexts.ts';
import type { VisitorConnection } from './visitor.ts';

/** Fatal alert `unrecognized_name` (RFC 6066 section 3). */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/** With more visitors than this, those who come get no room for large reads: most of so many are idle. */
const MAX_ROOMY = 1_000;

/**
 * A connection before its first request: whose it is, and how TLS is spoken on it. The ClientHello is read here before
 * the TLS library sees it, because a context that is chosen during the handshake comes too late for the versions and
 * protocols of its name (docs/decisions/0011).
 */
export class Arrival implements VisitorConnection, FirstBytesListener, Timed {
  deadline: number;
  readonly #edge: Edge;
  readonly #socket: Socket;
  /** On Bun the stream of TCP is empty from then on, and closing it closes nothing. */
  #secured: SecurePeerSocket | null = null;
  readonly #scheme: Scheme;
  #hello: ClientHelloReader | null = new ClientHelloReader();
  #address: string;
  #awaitsProxyHeader: boolean;
  /** All that came, to be handed on whole. */
  #received: Buffer[] = [];
  readonly #onEnd = () => this.destroy();

  /** `awaitsProxyHeader`: the peer is a load balancer, which must say first whose connection it passes on. */
  constructor(edge: Edge, socket: Socket, scheme: Scheme, awaitsProxyHeader: boolean) {
    this.#edge = edge;
    this.#socket = socket;
    this.#scheme = scheme;
    this.#address = visitorAddress(socket.remoteAddress);
    this.#awaitsProxyHeader = awaitsProxyHeader;
    this.deadline = edge.deadlines.now + edge.limits.visitorHandshake;
    edge.visitors.add(this);
    edge.deadlines.add(this);
    socket.on('end', this.#onEnd);
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.#leave());
    hearFirstBytes(socket, this, scheme === 'https' && !awaitsProxyHeader);
  }

  announceDrain(): void {
    // Whoever is let in is told then.
  }

  /** One that has not said anything is idle; the others are let in, and leave after their first answer. */
  drain(): void {
    if (this.#received.length === 0 && this.#secured === null) this.destroy();
  }

  destroy(): void {
    this.#secured?.destroy();
    this.#socket.destroy();
    this.#leave();
  }

  onDeadline(): void {
    this.destroy();
  }

  onFirstBytes(data: Buffer): void {
    this.#received.push(data);
    if (this.#awaitsProxyHeader) this.#takeProxyHeader();
    else this.#takeOwn(data);
  }

  #takeProxyHeader(): void {
    const received = Buffer.concat(this.#received);
    const header = readProxyHeader(received);
    if (header === null) return;
    if (header === 'malformed') {
      this.#edge.logger?.warn({ peer: this.#address }, 'a listed address sent no PROXY header');
      this.destroy();
      return;
    }
    this.#awaitsProxyHeader = false;
    this.#address = header.source ?? this.#address;
    const rest = received.subarray(header.length);
    this.#received = rest.length === 0 ? [] : [rest];
    if (this.#scheme === 'http') this.#enterPlain();
    else if (rest.length > 0) this.#takeOwn(rest);
  }

  #enterPlain(): void {
    const socket = this.#socket;
    holdFirstBytes(socket);
    socket.off('end', this.#onEnd);
    if (this.#received.length > 0) socket.unshift(this.#takeReceived());
    new Http1Connection(this.#edge, socket, { address: this.#address, sni: null });
    this.#leave();
    socket.resume();
  }

  #takeOwn(data: Buffer): void {
    const hello = this.#hello?.push(data) ?? null;
    if (hello === null) return;
    if (hello === 'malformed') {
      this.destroy();
      return;
    }
    const isRoomy = !hello.offersEarlyData && this.#edge.visitors.size <= MAX_ROOMY;
    const found = this.#edge.serverContext(hello);
    if (!(found instanceof Promise)) {
      this.#shakeHands(found, isRoomy);
      return;
    }
    holdFirstBytes(this.#socket);
    found.then((context) => this.#shakeHands(context, isRoomy)).catch(() => this.destroy());
  }

  /** All that came, from the first byte on. */
  #takeReceived(): Buffer {
    const received = this.#received;
    this.#received = [];
    return received.length === 1 ? received[0]! : Buffer.concat(received);
  }

  #shakeHands(chosen: ServerContext | null, isRoomy: boolean): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (chosen === null) {
      // No default certificate: an unknown name, or none, is refused, never served with another's policy.
      holdFirstBytes(socket);
      socket.end(UNRECOGNIZED_NAME, () => this.destroy());
      return;
    }
    const { context, alpn, hostname } = chosen;
    socket.off('end', this.#onEnd);
    const secured = acceptTls(socket, this.#takeReceived(), { context, protocols: alpn, isRoomy });
    this.#secured = secured;
    secured.on('error', destroyer(secured));
    const onClose = () => this.destroy();
    secured.on('close', onClose);
    // A half-open socket does not close by itself, and nobody reads this one yet.
    const onEnd = destroyer(secured);
    secured.on('end', onEnd);
    secured.once('secure', () => {
      secured.off('end', onEnd);
      secured.off('close', onClose);
      this.#enter(secured, hostname);
    });
  }

  #enter(secured: SecurePeerSocket, sni: string): void {
    const { servername } = secured;
    // The library's own reading of the ClientHello. It has none of a resumed session on some versions.
    if (typeof servername === 'string' && servername !== sni && canonicalHostname(servername) !== sni) {
      this.destroy();
      return;
    }
    const visitor = { address: this.#address, sni };
    const connection =
      secured.alpnProtocol === 'h2'
        ? new Http2Connection(this.#edge, secured, visitor)
        : new Http1Connection(this.#edge, secured, visitor);
    if (this.#edge.isDraining) connection.announceDrain();
    this.#leave();
  }

  /** This connection counts as another one from here on, or is gone. The sockets' listeners hold this object as long as they live. */
  #leave(): void {
    if (!this.#edge.visitors.delete(this)) return;
    this.#received = [];
    this.#hello = null;
    this.#edge.deadlines.remove(this);
    this.#edge.visitorClosed();
  }
}

/** A listener that lives as long as the socket, and so holds nothing else. */
function destroyer(socket: SecurePeerSocket): () => void {
  return () => socket.destroy();
}
