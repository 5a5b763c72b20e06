import { Buffer } from 'node:buffer';
import tls, { type TLSSocket } from 'node:tls';
import { percentile } from './statistics.ts';

/** What to ask for. */
export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  /** Names that connections take in turn, as server name and `Host`. */
  readonly hosts: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests after which a connection is closed and another opened; 0 for no end. */
  readonly requestsPerConnection: number;
  /** Offers the last session of the same name in each new connection. */
  readonly resumes: boolean;
}

/** What came back. Times in microseconds. */
export interface Load {
  readonly requests: number;
  readonly connections: number;
  readonly resumed: number;
  readonly p50: number;
  readonly p99: number;
}

/** Asks with GET over TLS 1.3 for some seconds. Rejects on the first answer that is not a whole 200, or a connection that fails. */
export async function generate(options: LoadOptions): Promise<Load> {
  const run = new Run(options);
  return await run.result;
}

/** Opens connections that have asked once and then stay idle. Resolves with what closes them all. */
export async function openIdle(
  { port, path, hosts }: Pick<LoadOptions, 'port' | 'path' | 'hosts'>,
  count: number,
): Promise<() => void> {
  const sockets: TLSSocket[] = [];
  const open = async () => {
    while (sockets.length < count) {
      const host = hosts[sockets.length % hosts.length]!;
      const socket = connect(port, host);
      sockets.push(socket);
      await new Promise<void>((resolve, reject) => {
        const answer = new Answer();
        socket.on('error', reject);
        socket.on('close', () => reject(new Error(`port ${port}: closed after ${sockets.length} connections`)));
        socket.on('secureConnect', () => socket.write(request(path, host)));
        socket.on('data', (data: Buffer) => {
          if (answer.take(data)) resolve();
        });
      });
    }
  };
  await Promise.all(Array.from({ length: 16 }, open));
  return () => {
    for (const socket of sockets) {
      socket.removeAllListeners('close');
      socket.destroy();
    }
  };
}

function connect(port: number, host: string, session?: Buffer): TLSSocket {
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    servername: host,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_128_GCM_SHA256',
    // Left alone, some peers would agree on a hybrid with ML-KEM and others, which do not know it, do less work.
    ecdhCurve: 'X25519',
    ALPNProtocols: ['http/1.1'],
    ...(session === undefined ? {} : { session }),
  });
  socket.setNoDelay(true);
  return socket;
}

function request(path: string, host: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** One answer on its way: a head with `Content-Length`, and the body. */
class Answer {
  #head: Buffer | null = null;
  #left = -1;

  /** True when the answer is whole. Throws where it is not a 200. */
  take(data: Buffer): boolean {
    if (this.#left < 0) {
      const head = this.#head === null ? data : Buffer.concat([this.#head, data]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#head = head;
        return false;
      }
      const text = head.toString('latin1', 0, end);
      const length = /^content-length: *(\d+)/im.exec(text)?.[1];
      if (!text.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(`unexpected answer: ${text}`);
      this.#head = null;
      this.#left = Number(length) - (head.length - end - 4);
    } else {
      this.#left -= data.length;
    }
    if (this.#left > 0) return false;
    if (this.#left < 0) throw new Error('more than an answer');
    this.#left = -1;
    return true;
  }
}

class Run {
  readonly result: Promise<Load>;
  readonly #options: LoadOptions;
  readonly #sessions = new Map<string, Buffer>();
  readonly #times: number[] = [];
  #resolve!: (load: Load) => void;
  #reject!: (error: Error) => void;
  readonly #endsAt: number;
  #lanes = 0;
  #connections = 0;
  #resumed = 0;
  #host = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#endsAt = performance.now() + options.seconds * 1000;
    for (let i = 0; i < options.connections; i++) this.#open();
  }

  get #isOver(): boolean {
    return performance.now() >= this.#endsAt;
  }

  #open(): void {
    const host = this.#options.hosts[this.#host++ % this.#options.hosts.length]!;
    const socket = connect(this.#options.port, host, this.#options.resumes ? this.#sessions.get(host) : undefined);
    const lane = new Lane(socket, request(this.#options.path, host), (startedAt) => this.#answered(lane, startedAt));
    this.#lanes++;
    this.#connections++;
    socket.on('session', (session: Buffer) => this.#sessions.set(host, session));
    socket.on('secureConnect', () => {
      if (socket.isSessionReused()) this.#resumed++;
      this.#next(lane);
    });
    socket.on('error', (error) => this.#reject(error));
    socket.on('close', () => {
      if (!lane.isClosing) this.#reject(new Error(`port ${this.#options.port} closed a connection`));
    });
    lane.onFault = this.#reject;
  }

  #answered(lane: Lane, startedAt: number): void {
    this.#times.push(performance.now() - startedAt);
    const limit = this.#options.requestsPerConnection;
    if (limit > 0 && lane.answers >= limit && !this.#isOver) {
      this.#close(lane, false);
      this.#open();
    } else {
      this.#next(lane);
    }
  }

  #next(lane: Lane): void {
    if (this.#isOver) this.#close(lane);
    else lane.ask();
  }

  #close(lane: Lane, mayEnd = true): void {
    lane.close();
    if (--this.#lanes > 0 || !mayEnd) return;
    const micros = (share: number) => 1000 * percentile(this.#times, share);
    const counted = { connections: this.#connections, resumed: this.#resumed };
    this.#resolve({ requests: this.#times.length, ...counted, p50: micros(0.5), p99: micros(0.99) });
  }
}

/** One connection, one request at a time. */
class Lane {
  answers = 0;
  isClosing = false;
  onFault: (error: Error) => void = () => undefined;
  readonly #socket: TLSSocket;
  readonly #request: string;
  readonly #answer = new Answer();
  #startedAt = 0;

  constructor(socket: TLSSocket, text: string, onAnswer: (startedAt: number) => void) {
    this.#socket = socket;
    this.#request = text;
    socket.on('data', (data: Buffer) => {
      try {
        if (!this.#answer.take(data)) return;
      } catch (error) {
        this.onFault(error as Error);
        return;
      }
      this.answers++;
      onAnswer(this.#startedAt);
    });
  }

  ask(): void {
    this.#startedAt = performance.now();
    this.#socket.write(this.#request, 'latin1');
  }

  close(): void {
    this.isClosing = true;
    this.#socket.destroy();
  }
}
