import { Buffer } from 'node:buffer';
import net, { type Socket, type TcpNetConnectOpts } from 'node:net';
import tls, { type ConnectionOptions, type PeerCertificate, type SecureContext } from 'node:tls';
import { protocolList } from './alpn.ts';
import { acceptOnBun, connectOnBun } from './bun-socket.ts';
import { stopTelling } from './first-bytes.ts';
import { join, type Part } from './join.ts';
import { acceptOnNode, connectOnNode } from './node-socket.ts';
import { currentRuntime } from './runtime.ts';

/** What a `PeerSocket` tells, with what. */
export interface PeerSocketEvents {
  /** Which address a connection is tried to. */
  connectionAttempt: [address: string];
  /** TCP stands. */
  connect: [];
  /** The handshake that we began is done, and the peer is who it should be. */
  secureConnect: [];
  /** The handshake that the peer began is done. */
  secure: [];
  /** The peer gave a session to resume. */
  session: [session: Buffer];
  data: [data: Buffer];
  /** After a `write` that said false: all that waited is taken. */
  drain: [];
  /** The peer has sent everything. */
  end: [];
  /** All that we sent is taken, and our end of it told. */
  finish: [];
  error: [error: Error];
  close: [];
}

/** Whoever a socket belongs to, once it does. */
export interface PeerListener {
  onSocketData(data: Buffer): void;
  onSocketDrain(): void;
  onSocketEnd(): void;
  onSocketFinish?(): void;
  /** `onSocketClose` follows. */
  onSocketError(error: Error): void;
  onSocketClose(): void;
}

/** A stream of bytes to a visitor or an origin: what the edge uses of `net.Socket` and `tls.TLSSocket`. */
export interface PeerSocket {
  readonly destroyed: boolean;
  /** Bytes that wait until the system takes them. */
  readonly writableLength: number;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  on<E extends keyof PeerSocketEvents>(event: E, listener: (...args: PeerSocketEvents[E]) => void): unknown;
  once<E extends keyof PeerSocketEvents>(event: E, listener: (...args: PeerSocketEvents[E]) => void): unknown;
  off<E extends keyof PeerSocketEvents>(event: E, listener: (...args: PeerSocketEvents[E]) => void): unknown;
  /** False where the system wants no more for now. A text is latin1 and says so. */
  write(data: Buffer): boolean;
  write(data: string, encoding: 'latin1'): boolean;
  /** As the function `writeJoined`, where the socket has a better way than one buffer more. */
  writeJoined?(parts: Part[], length: number): boolean;
  /** Sends what waits, then the end of our side. */
  end(): unknown;
  destroy(): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** A `PeerSocket` with TLS. What is said of the handshake is there from its end on. */
export interface SecurePeerSocket extends PeerSocket {
  readonly alpnProtocol: string | false | null;
  /** The name that the ClientHello asked for. */
  readonly servername?: string | false | null;
  /** `TLSv1.3` and the like. */
  getProtocol(): string | null;
  getCipher(): { readonly standardName?: string } | undefined;
}

/** How a peer that begins a handshake is met. */
export interface ServerTls {
  readonly context: SecureContext;
  /** ALPN, the preferred first. */
  readonly protocols: readonly string[];
  /**
   * Whether large reads shall be cheap; on Node that takes some 9 KiB of an idle peer. Only where nothing can be on its way behind the
   * ClientHello, as early data is (RFC 8446 section 2.3).
   */
  readonly isRoomy: boolean;
}

/**
 * Whether `onlyServerName` makes a connection cheaper: then it is worth a try where another name would do as well. On Bun its own sockets
 * judge a certificate before they show ours, but only by the server name itself.
 */
export const PREFERS_SERVER_NAME: boolean = currentRuntime().name === 'bun';

/** How a peer that we begin a handshake with is asked, and believed. */
export interface ClientTls {
  readonly context: SecureContext;
  /** SNI; empty for none. */
  readonly serverName: string;
  /** ALPN. */
  readonly protocols: readonly string[];
  /** One that this very peer gave to this very identity. */
  readonly session: Buffer | undefined;
  /** Whether its certificate must be good. */
  readonly verify: boolean;
  /** Whether `checkNames` accepts no other name than `serverName`. */
  readonly onlyServerName: boolean;
  /** Says what is wrong with the names in a good certificate. */
  readonly checkNames: (certificate: PeerCertificate) => Error | undefined;
}

const LISTENER = Symbol('listener');
type Heard = PeerSocket & { [LISTENER]: PeerListener };

/** Tells a listener what becomes of a socket. All sockets share the functions that tell it, so an idle one keeps none of its own. */
export function hear(socket: PeerSocket, listener: PeerListener): void {
  (socket as Heard)[LISTENER] = listener;
  socket.on('drain', tellDrain);
  socket.on('end', tellEnd);
  if (listener.onSocketFinish !== undefined) socket.on('finish', tellFinish);
  socket.on('error', tellError);
  socket.on('close', tellClose);
  // Last: with it the reading begins.
  socket.on('data', tellData);
}

function tellData(this: Heard, data: Buffer): void {
  this[LISTENER].onSocketData(data);
}

function tellDrain(this: Heard): void {
  this[LISTENER].onSocketDrain();
}

function tellEnd(this: Heard): void {
  this[LISTENER].onSocketEnd();
}

function tellFinish(this: Heard): void {
  this[LISTENER].onSocketFinish?.();
}

function tellError(this: Heard, error: Error): void {
  this[LISTENER].onSocketError(error);
}

function tellClose(this: Heard): void {
  this[LISTENER].onSocketClose();
}

/** Writes parts, `length` bytes together, as one: small ones, for they are copied. The list is empty afterwards. */
export function writeJoined(socket: PeerSocket, parts: Part[], length: number): boolean {
  if (socket.writeJoined !== undefined) return socket.writeJoined(parts, length);
  const joined = Buffer.allocUnsafe(length);
  join(parts, joined);
  return socket.write(joined);
}

/**
 * Answers a handshake on a connection that `hearFirstBytes` was called for, and of which `received` has come. Ends in
 * `secure`, or in `error` and `close`.
 */
export function acceptTls(socket: Socket, received: Buffer, options: ServerTls): SecurePeerSocket {
  stopTelling(socket);
  if (currentRuntime().name === 'bun') return acceptOnBun(socket, received, options);
  const { context, protocols, isRoomy } = options;
  const native = { isServer: true, secureContext: context, ALPNProtocols: protocolList(protocols) };
  return acceptOnNode(socket, received, isRoomy, native);
}

/**
 * Begins a connection, half-open where the peer ends its side. Nothing waits for more to be sent with it (TCP_NODELAY).
 * Ends in `connect`, or in `error` and `close`.
 */
export function connectTcp(target: TcpNetConnectOpts): PeerSocket {
  return net.connect({ ...target, allowHalfOpen: true, noDelay: true }) as PeerSocket;
}

/** Begins a connection and a handshake on it. Ends in `secureConnect`, or in `error` and `close`. */
export function connectTls(target: TcpNetConnectOpts, options: ClientTls): SecurePeerSocket {
  const { context, serverName, protocols, session, verify, onlyServerName, checkNames } = options;
  const isBun = currentRuntime().name === 'bun';
  if (isBun && (!verify || onlyServerName))
    return connectOnBun(net.connect({ ...target, allowHalfOpen: true }), options);
  const whole = {
    ...target,
    allowHalfOpen: true,
    noDelay: true,
    servername: serverName,
    secureContext: context,
    rejectUnauthorized: verify,
    checkServerIdentity: (_host, certificate) => checkNames(certificate),
    ALPNProtocols: protocolList(protocols),
    ...(session === undefined ? {} : { session }),
  } as ConnectionOptions;
  return isBun ? (tls.connect(whole) as SecurePeerSocket) : connectOnNode(whole);
}
