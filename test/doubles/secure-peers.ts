import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls, { type SecureContext, type TlsOptions } from 'node:tls';
import {
  acceptTls,
  type ClientTls,
  connectTls,
  hearFirstBytes,
  type PeerSocket,
  type PeerSocketEvents,
  type SecurePeerSocket,
} from '../../src/platform/mod.ts';
import { issueServerCertificate } from '../../src/x509/mod.ts';
import { makeCa, makeClient, makeServer } from './certificates.ts';

/** Milliseconds after which nothing is waited for any more. */
const TOO_LONG = 5_000;
/** A record of the handshake, and what stands before it (RFC 8446 section 5.1). */
const RECORD_HEAD = 5;

const closers: (() => void)[] = [];

/** Ends every connection and server that was made here. */
export function closeAll(): void {
  for (const close of closers.splice(0)) close();
}

/** Lets the event loop go round some times: what was about to happen has happened. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A socket, and what it told. */
export class Peer<S extends PeerSocket = SecurePeerSocket> {
  readonly socket: S;
  /** The events in their order, without `data`. */
  readonly told: string[] = [];
  readonly sessions: Buffer[] = [];
  error: (Error & { code?: string }) | null = null;
  /** How often `data` came. */
  reads = 0;
  #received: Buffer[] = [];
  #length = 0;
  readonly #waiting = new Set<() => void>();

  constructor(socket: S) {
    this.socket = socket;
    closers.push(() => socket.destroy());
    for (const event of ['connect', 'secureConnect', 'drain', 'end', 'finish', 'close'] as const)
      socket.on(event, () => this.#tell(event));
    // `node:tls` says it on both sides: nobody asks a client for it.
    socket.on('secure', () => {
      if (!this.told.includes('connect')) this.#tell('secure');
    });
    socket.on('error', (error) => {
      this.error ??= error;
      this.#tell('error');
    });
    socket.on('session', (session) => {
      this.sessions.push(session);
      this.#wake();
    });
  }

  /** Begins to read. */
  read(): this {
    this.socket.on('data', (data) => {
      this.reads++;
      this.#received.push(Buffer.from(data));
      this.#length += data.length;
      this.#wake();
    });
    return this;
  }

  get length(): number {
    return this.#length;
  }

  /** All that came. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Resolves when an event was told, or something else holds. */
  async until(what: keyof PeerSocketEvents | (() => boolean)): Promise<void> {
    const holds = typeof what === 'string' ? () => this.told.includes(what) : what;
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        const { told, reads, length, error } = this;
        reject(new Error(`${what} never came: ${told}; ${reads} reads, ${length} bytes`, { cause: error }));
      }, TOO_LONG);
      this.#waiting.add(look);
    });
  }

  #tell(event: string): void {
    this.told.push(event);
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** A server, and the connections that came to it. */
export interface Listening {
  readonly port: number;
  /** The next connection: at once where the handshake is ours, after it where it is that of `node:tls`. */
  next(): Promise<Peer>;
}

function listening(server: net.Server): {
  readonly add: (peer: Peer) => void;
  readonly start: () => Promise<Listening>;
} {
  const peers: Peer[] = [];
  const asked: ((peer: Peer) => void)[] = [];
  closers.push(() => server.close());
  return {
    add: (peer) => {
      const next = asked.shift();
      if (next === undefined) peers.push(peer);
      else next(peer);
    },
    start: () =>
      new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () =>
          resolve({
            port: (server.address() as AddressInfo).port,
            next: async () => peers.shift() ?? new Promise((found) => asked.push(found)),
          }),
        );
      }),
  };
}

/** Listens as the edge does: the first record is read, and then answered. */
export function serveOurs(
  context: SecureContext,
  protocols: readonly string[] = [],
  isRoomy = true,
): Promise<Listening> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    let received = Buffer.alloc(0);
    const onFirstBytes = (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < RECORD_HEAD || received.length < RECORD_HEAD + received.readUInt16BE(3)) return;
      add(new Peer(acceptTls(socket, received, { context, protocols, isRoomy })));
    };
    hearFirstBytes(socket, { onFirstBytes }, true);
    socket.on('error', () => undefined);
  });
  const { add, start } = listening(server);
  return start();
}

/** Listens with `node:tls`. */
export function serveNode(options: TlsOptions): Promise<Listening> {
  const server = tls.createServer({ ...options, allowHalfOpen: true } as TlsOptions, (socket) =>
    add(new Peer(socket as SecurePeerSocket)),
  );
  const { add, start } = listening(server);
  return start();
}

/** Listens without TLS; returns the port. */
export async function servePlain(onConnection: (socket: Socket) => void): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    closers.push(() => socket.destroy());
    onConnection(socket);
  });
  const { start } = listening(server);
  return (await start()).port;
}

/** Connects as the edge does to an origin. */
export function connectOurs(port: number, options: Partial<ClientTls> & Pick<ClientTls, 'context'>): Peer {
  const defaults = {
    serverName: NAME,
    protocols: [],
    session: undefined,
    verify: true,
    onlyServerName: true,
    checkNames: () => undefined,
  };
  return new Peer(connectTls({ host: '127.0.0.1', port }, { ...defaults, ...options }));
}

/** Connects with `node:tls`. */
export function connectNode(port: number, options: tls.ConnectionOptions): Peer {
  const all = { host: '127.0.0.1', port, servername: NAME, ...options, allowHalfOpen: true };
  return new Peer(tls.connect(all as tls.ConnectionOptions) as unknown as SecurePeerSocket);
}

/** The name in the server's certificate. */
export const NAME = 'a.test';

/** Certificates and keys, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Two CAs that do not know each other, and what they issued. */
export interface Issued {
  readonly ca: string;
  readonly server: Pair;
  readonly otherName: Pair;
  readonly expired: Pair;
  /** By the other CA. */
  readonly stranger: Pair;
  readonly strangerOfOtherName: Pair;
  readonly client: Pair;
  readonly strangeClient: Pair;
}

/** Makes them. */
export async function issue(): Promise<Issued> {
  const [ca, other] = [await makeCa('Root'), await makeCa('Other root')];
  const pair = ({ certificate, privateKey }: { certificate: string; privateKey: string }): Pair => ({
    cert: certificate,
    key: privateKey,
  });
  const longAgo = { now: Date.parse('2001-01-01'), randomBytes, installationId: '0'.repeat(32) };
  return {
    ca: ca.certificate,
    server: pair(await makeServer(ca, NAME)),
    otherName: pair(await makeServer(ca, 'b.test')),
    expired: pair(await issueServerCertificate(ca, [NAME], longAgo)),
    stranger: pair(await makeServer(other, NAME)),
    strangerOfOtherName: pair(await makeServer(other, 'b.test')),
    client: pair(await makeClient(ca, 'client')),
    strangeClient: pair(await makeClient(other, 'strange client')),
  };
}
