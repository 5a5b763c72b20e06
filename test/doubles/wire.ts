import { Buffer } from 'node:buffer';
import net, { type Server, type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { type TestEdge, ZONE } from './edge.ts';

/** A raw visitor: what it sends and gets are bytes. */
export class Visitor {
  readonly socket: Socket;
  #text = '';
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data: Buffer) => {
      this.#text += data.toString('latin1');
      this.#notify();
    });
    for (const event of ['end', 'close', 'error'] as const) {
      socket.on(event, () => {
        this.#ended = true;
        this.#notify();
      });
    }
  }

  get text(): string {
    return this.#text;
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Resolves with everything that came when it matches; rejects when the connection ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.#text)) {
      if (this.#ended)
        throw new Error(`the connection ended before ${pattern}: ${JSON.stringify(this.#text.slice(0, 500))}`);
      await this.#change();
    }
    return this.#text;
  }

  /** Resolves with everything that came when the connection ends. */
  async end(): Promise<string> {
    while (!this.#ended) await this.#change();
    return this.#text;
  }

  /** Forgets what came so far. */
  clear(): void {
    this.#text = '';
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** Connects to the edge's https port as a visitor of `label`. */
export function visitHttps(edge: TestEdge, label: string, options: tls.ConnectionOptions = {}): Promise<Visitor> {
  return connectHttps(edge.httpsPort, { servername: `${label}.${ZONE}`, ca: edge.root.certificate, ...options });
}

/** Connects to the edge's http port. */
export function visitHttp(edge: TestEdge): Promise<Visitor> {
  return connectHttp(edge.httpPort);
}

/** Connects to a port of loopback over TLS. */
export function connectHttps(port: number, options: tls.ConnectionOptions): Promise<Visitor> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ...options }, () => resolve(new Visitor(socket)));
    socket.once('error', reject);
  });
}

/** Connects to a port of loopback. */
export function connectHttp(port: number): Promise<Visitor> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => resolve(new Visitor(socket)));
    socket.once('error', reject);
  });
}

/** One request on a connection of its own; resolves with the whole answer. */
export async function get(edge: TestEdge, label: string, path = '/', fields = ''): Promise<string> {
  const visitor = await visitHttps(edge, label);
  visitor.send(`GET ${path} HTTP/1.1\r\nHost: ${label}.${ZONE}\r\nConnection: close\r\n${fields}\r\n`);
  return await visitor.end();
}

/** What a scripted origin does with a connection. */
export type Script = (socket: Socket | TLSSocket, connection: number) => void;

/** An origin on loopback that does as it is told. */
export interface ScriptedOrigin {
  readonly port: number;
  readonly connections: () => number;
  close(): void;
}

/** Starts a scripted origin: TLS where options are given. */
export function scriptedOrigin(
  script: Script,
  options?: tls.TlsOptions,
  { host, port }: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<ScriptedOrigin> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const onSocket = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    script(socket, ++connections);
  };
  const server: Server =
    options === undefined
      ? net.createServer({ allowHalfOpen: true }, onSocket)
      : tls.createServer({ minVersion: 'TLSv1.2', ...options }, onSocket);
  server.on('tlsClientError', () => undefined);
  return new Promise((resolve) => {
    server.listen(port, host, () => {
      resolve({
        port: (server.address() as net.AddressInfo).port,
        connections: () => connections,
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}

/** Calls `onRequest` with each complete request (body included, by Content-Length or chunked) as text. */
export function eachRequest(socket: Socket, onRequest: (request: string) => void): void {
  let text = '';
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
    for (let length = requestLength(text); length > 0; length = requestLength(text)) {
      const request = text.slice(0, length);
      text = text.slice(length);
      onRequest(request);
    }
  });
}

function requestLength(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const fields = text.slice(0, head);
  if (/\r\ntransfer-encoding: chunked/i.test(fields)) {
    const end = /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(head + 2));
    return end === null ? 0 : head + 2 + end.index + end[0].length;
  }
  const length = head + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(fields)?.[1] ?? 0);
  return text.length >= length ? length : 0;
}

/** A response with Content-Length. */
export function response(body: string, status = '200 OK', fields = ''): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\n${fields}\r\n${body}`;
}
