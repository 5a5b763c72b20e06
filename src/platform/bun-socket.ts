import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';
import net, { type Socket } from 'node:net';
import type { PeerCertificate, SecureContext } from 'node:tls';
import { protocolList } from './alpn.ts';
import { duplicateDescriptor } from './duplicate.ts';
import { join, type Part } from './join.ts';
import { writeLatin1 } from './latin1.ts';
import type { ClientTls, SecurePeerSocket, ServerTls } from './secure-socket.ts';

// TLS on Bun's own sockets. `tls.TLSSocket` stands on these too, with a stream in between that costs a request some 2 us
// and a connection some 30 (docs/decisions/0023). TCP is left to `node:net`: it looks names up, tries one address after the
// other, and can be called off.

/** A socket of TCP, which TLS can be put on: what is left of it then still tells what comes, as ciphertext. */
interface TcpSocket {
  data: unknown;
  readonly fd: number;
  close(): void;
  /** Sets whom it tells what. */
  reload(options: { readonly socket: object }): void;
  upgradeTLS(options: object): readonly [raw: TcpSocket, tls: NativeSocket] | undefined;
}

/** One of Bun's own sockets (https://bun.sh/docs/api/tcp). */
interface NativeSocket {
  data: BunSocket | undefined;
  readonly alpnProtocol: string | false | null;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** Bytes taken, or less than 0 where nothing more is. */
  write(data: Uint8Array, offset: number, length: number): number;
  pause(): void;
  resume(): void;
  /** Sends the end of our side. */
  shutdown(): void;
  close(): void;
  setNoDelay(on: boolean): boolean;
  setSession(session: Uint8Array): void;
  getServername(): string | undefined;
  getTLSVersion(): string | undefined;
  getCipher(): { readonly standardName?: string } | undefined;
  getPeerCertificate(): PeerCertificate | undefined;
}

/** What one error of the TLS library looks like on Bun. */
interface NativeError extends Error {
  code?: string;
  reason?: string;
}

const HANDLERS = {
  binaryType: 'buffer',
  open: (socket: NativeSocket) => socket.data?.onOpen(socket),
  handshake: (socket: NativeSocket, isDone: boolean, error: NativeError | null) =>
    socket.data?.onHandshake(socket, isDone, error),
  data: (socket: NativeSocket, data: Buffer) => socket.data?.onData(data),
  drain: (socket: NativeSocket) => socket.data?.onDrain(),
  session: (socket: NativeSocket, session: Buffer) => socket.data?.onSession(session),
  end: (socket: NativeSocket) => socket.data?.onEnd(),
  error: (socket: NativeSocket, error: NativeError) => socket.data?.onError(error),
  close: (socket: NativeSocket, error: NativeError | undefined) => socket.data?.onClose(error),
};

/** Where texts become bytes on their way out: what the system does not take at once is copied. */
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Stands for the streams of TCP that sockets were taken from. Bun goes on telling those what comes, as ciphertext: where there is none, that
 * ends in an exception for every read, a tenth of a small request. Servers' sockets name their stream, clients' an object that does.
 */
export const DEAF: Socket & { self?: Socket } = Object.assign(new net.Socket(), {
  push: () => true,
  destroy: () => DEAF,
});
DEAF.self = DEAF;
DEAF.on('error', () => undefined);
/** Bun wants to be told of `data` or of `drain`: nothing is ever written here that could drain. */
const SAYS_NOTHING = { drain: () => undefined, error: () => undefined };

/** What is used of Bun (https://bun.sh/docs/api/tcp). */
interface BunApi {
  connect(options: { fd: number; allowHalfOpen: boolean; socket: object }): Promise<unknown>;
}
/** Opened last by `separate`. */
let opened: TcpSocket | null = null;
const TELLS_ITS_OPENING = {
  ...SAYS_NOTHING,
  open: (socket: TcpSocket) => {
    opened = socket;
  },
};

/**
 * An accepted connection on a socket of its own. Those of a server share with all others of their listener whom they tell what, and tell it of
 * what comes as ciphertext too: every read is copied for that. Null where the connection is lost.
 */
function separate(accepted: TcpSocket): TcpSocket | null {
  const fd = duplicateDescriptor(accepted.fd);
  accepted.data = DEAF;
  if (fd === null) return accepted;
  accepted.close();
  if (fd < 0) return null;
  opened = null;
  const { connect } = (globalThis as unknown as { Bun: BunApi }).Bun;
  // It is opened within the call.
  connect({ fd, allowHalfOpen: true, socket: TELLS_ITS_OPENING }).catch(() => undefined);
  return opened;
}

/** Answers a handshake (`acceptTls`). */
export function acceptOnBun(socket: Socket, received: Buffer, { context, protocols }: ServerTls): SecurePeerSocket {
  const secured = new BunSocket(null);
  const waiting: Buffer | null = socket.read();
  const initialData = waiting === null ? received : Buffer.concat([received, waiting]);
  secured.secure(socket, { isServer: true, initialData }, context, { ALPNProtocols: protocolList(protocols) });
  return secured;
}

/** Shakes hands on a connection that is being made (`connectTls`). */
export function connectOnBun(socket: Socket, options: ClientTls): SecurePeerSocket {
  const { context, serverName, protocols, verify } = options;
  const secured = new BunSocket(options);
  secured.follow(socket, () =>
    secured.secure(socket, {}, context, {
      ALPNProtocols: protocolList(protocols),
      serverName,
      servername: serverName,
      // Within the handshake: after it the peer would have our certificate (spec/threats.md section 1).
      rejectUnauthorized: verify,
    }),
  );
  return secured;
}

/** TLS on one of Bun's own sockets. Made by `acceptOnBun` and `connectOnBun`. */
export class BunSocket extends EventEmitter implements SecurePeerSocket {
  destroyed = false;
  alpnProtocol: string | false | null = null;
  servername: string | false | null = null;
  /** Null on the side of the server. */
  readonly #client: ClientTls | null;
  /** The connection as long as TCP does not stand. */
  #connecting: Socket | null = null;
  #handle: NativeSocket | null = null;
  /** What the system has not taken yet. */
  #waiting: Buffer[] = [];
  #waitingLength = 0;
  #isEnding = false;
  #hasToldFinish = false;
  /** The peer takes nothing more. Why comes with what is read. */
  #isCut = false;
  /** Null until somebody listens. */
  #flows: boolean | null = null;
  /** What came while nothing flowed. */
  #unread: Buffer[] = [];
  #hasEnded = false;
  #hasToldEnd = false;
  #isClosed = false;

  constructor(client: ClientTls | null) {
    super();
    this.#client = client;
  }

  get writableLength(): number {
    return this.#waitingLength;
  }

  get remoteAddress(): string | undefined {
    return (this.#handle ?? this.#connecting)?.remoteAddress;
  }

  get remotePort(): number | undefined {
    return (this.#handle ?? this.#connecting)?.remotePort;
  }

  get localAddress(): string | undefined {
    return (this.#handle ?? this.#connecting)?.localAddress;
  }

  get localPort(): number | undefined {
    return (this.#handle ?? this.#connecting)?.localPort;
  }

  getProtocol(): string | null {
    return this.#handle?.getTLSVersion() ?? null;
  }

  getCipher(): { readonly standardName?: string } | undefined {
    return this.#handle?.getCipher();
  }

  // --- how it begins -----------------------------------------------------------------------------------------------

  /** Passes on what becomes of a connection, until it stands. */
  follow(socket: Socket, onConnect: () => void): void {
    this.#connecting = socket;
    socket.on('connectionAttempt', (address) => this.emit('connectionAttempt', address));
    socket.on('error', (error) => this.#fail(error));
    socket.once('connect', () => {
      this.emit('connect');
      if (!this.destroyed) onConnect();
    });
  }

  /** Takes a connection over, and begins the handshake. */
  secure(socket: Socket, options: object, context: SecureContext, tls: object): void {
    const shell = socket as unknown as { _handle: TcpSocket | null };
    let handle = shell._handle;
    // The stream is done with it: nobody reads, pauses or closes it from there any more.
    shell._handle = null;
    this.#connecting = null;
    // Only the sockets of a server share their handlers.
    if (handle !== null && this.#client === null) handle = separate(handle);
    if (handle !== null) handle.data = DEAF;
    const pair = handle?.upgradeTLS({
      ...options,
      data: this,
      socket: HANDLERS,
      // What `tls.createSecureContext` wraps.
      tls: { ...tls, secureContext: context.context },
    });
    if (pair === undefined) {
      handle?.close();
      this.#fail(new Error('the connection is gone'));
      return;
    }
    pair[0].data = DEAF;
    if (this.#client !== null) pair[0].reload({ socket: SAYS_NOTHING });
    if (!this.destroyed) this.#handle = pair[1];
    else pair[1].close();
  }

  onOpen(handle: NativeSocket): void {
    this.#handle = handle;
    handle.setNoDelay(true);
    const session = this.#client?.session;
    if (session !== undefined) handle.setSession(session);
  }

  onHandshake(handle: NativeSocket, isDone: boolean, error: NativeError | null): void {
    if (this.destroyed) return;
    this.#handle = handle;
    // What a certificate lacks comes as a handshake that failed, also where nobody minds.
    if (!isDone && (this.#client === null || error === null || isOfLibrary(error))) {
      this.#fail(spelledAsNode(error));
      return;
    }
    this.alpnProtocol = handle.alpnProtocol;
    this.servername = handle.getServername() ?? false;
    const problem = this.#client === null ? undefined : this.#judge(this.#client, handle, error);
    if (problem !== undefined) this.#fail(problem);
    else this.emit(this.#client === null ? 'secure' : 'secureConnect');
  }

  /** What is wrong with the peer's certificate, if it matters. */
  #judge({ verify, checkNames }: ClientTls, handle: NativeSocket, error: NativeError | null): Error | undefined {
    if (!verify) return undefined;
    if (error !== null) return error;
    const certificate = handle.getPeerCertificate();
    return certificate === undefined ? new Error('no certificate') : checkNames(certificate);
  }

  onSession(session: Buffer): void {
    this.emit('session', session);
  }

  // --- what comes --------------------------------------------------------------------------------------------------

  override on(event: string | symbol, listener: Parameters<EventEmitter['on']>[1]): this {
    super.on(event, listener);
    if (event === 'data' && this.#flows === null) this.resume();
    return this;
  }

  onData(data: Buffer): void {
    if (this.destroyed) return;
    if (this.#flows === true && this.#unread.length === 0) this.emit('data', data);
    else this.#unread.push(data);
  }

  pause(): void {
    if (this.#flows === false) return;
    this.#flows = false;
    this.#handle?.pause();
  }

  resume(): void {
    if (this.#flows === true || this.destroyed) return;
    this.#flows = true;
    this.#handle?.resume();
    // Not within the call: whoever resumes is in the middle of something.
    if (this.#unread.length > 0 || this.#hasEnded || this.#isClosed) process.nextTick(() => this.#deliver());
  }

  /** Passes on what came while nothing flowed, in the order in which it came. */
  #deliver(): void {
    while (this.#unread.length > 0) {
      if (this.#flows !== true || this.destroyed) return;
      this.emit('data', this.#unread.shift()!);
    }
    if (this.#flows === false || this.destroyed) return;
    if (this.#hasEnded && !this.#hasToldEnd) {
      this.#hasToldEnd = true;
      this.emit('end');
      if (this.#hasToldFinish) this.destroy();
    }
    if (this.#isClosed) this.destroy();
  }

  onEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#flows !== false) this.#deliver();
  }

  onError(error: NativeError): void {
    this.#fail(isOfLibrary(error) ? spelledAsNode(error) : error);
  }

  /** The connection is gone. What came before is still passed on. */
  onClose(error: NativeError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handle = null;
    this.#discardWaiting();
    if (this.destroyed) return;
    if (error !== undefined) this.#fail(error.code === undefined ? reset() : error);
    else if (this.#flows !== false) {
      this.#hasEnded = true;
      this.#deliver();
    }
  }

  // --- what goes ---------------------------------------------------------------------------------------------------

  write(data: Buffer | string): boolean {
    const handle = this.#handle;
    if (handle === null || this.#isEnding || this.#isCut) return false;
    if (typeof data === 'string') {
      if (data.length > SCRATCH.length) return this.write(Buffer.from(data, 'latin1'));
      return this.#writeScratch(handle, writeLatin1(SCRATCH, data, 0));
    }
    if (this.#waiting.length > 0) return this.#keep(0, () => data);
    const taken = handle.write(data, 0, data.length);
    return taken === data.length || this.#keep(taken, () => data.subarray(taken));
  }

  /** As `writeJoined` of the sockets of both runtimes. */
  writeJoined(parts: Part[], length: number): boolean {
    const handle = this.#handle;
    if (handle === null || this.#isEnding || this.#isCut) {
      parts.length = 0;
      return false;
    }
    if (length > SCRATCH.length) {
      const joined = Buffer.allocUnsafe(length);
      join(parts, joined);
      return this.write(joined);
    }
    join(parts, SCRATCH);
    return this.#writeScratch(handle, length);
  }

  /** Writes the first `length` bytes of `SCRATCH`. */
  #writeScratch(handle: NativeSocket, length: number): boolean {
    const taken = this.#waiting.length > 0 ? 0 : handle.write(SCRATCH, 0, length);
    return taken === length || this.#keep(taken, () => Buffer.from(SCRATCH.subarray(taken, length)));
  }

  /** Keeps what was not taken; always false, for `write`. */
  #keep(taken: number, rest: () => Buffer): false {
    // An alert that says why may still be there to be read: nothing is closed for it.
    if (taken < 0) this.#isCut = true;
    else {
      const data = rest();
      this.#waiting.push(data);
      this.#waitingLength += data.length;
    }
    return false;
  }

  onDrain(): void {
    const handle = this.#handle;
    if (handle === null || this.#waiting.length === 0) return;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      const taken = handle.write(first, 0, first.length);
      if (taken < 0) {
        this.#isCut = true;
        this.#discardWaiting();
        return;
      }
      this.#waitingLength -= taken;
      if (taken < first.length) {
        this.#waiting[0] = first.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
    if (this.#isEnding) this.#finish();
    else this.emit('drain');
  }

  end(): void {
    if (this.#isEnding || this.destroyed) return;
    this.#isEnding = true;
    if (this.#waiting.length === 0) this.#finish();
  }

  #finish(): void {
    this.#handle?.shutdown();
    process.nextTick(() => {
      if (this.destroyed) return;
      this.#hasToldFinish = true;
      this.emit('finish');
      if (this.#hasToldEnd) this.destroy();
    });
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#connecting?.destroy();
    this.#connecting = null;
    const handle = this.#handle;
    this.#handle = null;
    this.#discardWaiting();
    this.#unread = [];
    handle?.close();
    process.nextTick(() => this.emit('close'));
  }

  #fail(error: Error): void {
    if (this.destroyed) return;
    process.nextTick(() => this.emit('error', error));
    this.destroy();
  }

  #discardWaiting(): void {
    this.#waiting = [];
    this.#waitingLength = 0;
  }
}

function isOfLibrary({ code }: NativeError): boolean {
  return code === undefined || code === 'EPROTO' || code === 'ECONNRESET' || /^ERR_(?:SSL|OSSL)_/.test(code);
}

/** An error of the TLS library by the code that `node:tls` gives it. */
function spelledAsNode(error: NativeError | null): Error {
  if (error === null || error.code === 'ECONNRESET') return reset();
  const [, reason] = /^error:[0-9a-f]+:[^:]*:[^:]*:(.+)$/.exec(error.reason ?? error.message) ?? [];
  return reason === undefined ? error : Object.assign(new Error(error.message), { code: `ERR_SSL_${reason}` });
}

function reset(): Error {
  return Object.assign(new Error('the peer reset the connection'), { code: 'ECONNRESET' });
}
