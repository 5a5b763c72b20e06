import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { ECHO_HOSTNAME, HOSTNAME } from './certificates.ts';
import type { ExpectedIdentity } from './expected-identity.ts';
import { type Answer, Http1Client, NoAnswer } from './http1-client.ts';
import type { Kind, Tally } from './tally.ts';
import { OPCODE, readSmallFrame, smallFrame } from './web-socket.ts';

/** What visitors need to know. */
export interface Visit {
  readonly port: number;
  readonly ca: string;
  readonly tally: Tally;
  readonly expected: ExpectedIdentity;
  /** True when it is time to stop. */
  readonly isOver: () => boolean;
}

/** What uploads and downloads carry. */
export const MEBIBYTE = Buffer.alloc(1024 * 1024, 'x');
const KIBIBYTE = MEBIBYTE.subarray(0, 1024);
const HTTP2_STREAMS = 5;
/** A connection that is kept is made anew after so many requests, as visitors come and go. */
const REQUESTS_A_CONNECTION = 500;
/** Milliseconds that a WebSocket lives: it ends well before the hard cap on connections of an identity that went (30 s). */
const WEB_SOCKET_LIFE = 10_000;
const PATIENCE = 30_000;

const fields = (hostname: string): string => `Host: ${hostname}\r\nUser-Agent: soak\r\n`;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${fields(HOSTNAME)}\r\n`;
const UPLOAD = `POST /upload HTTP/1.1\r\n${fields(ECHO_HOSTNAME)}Content-Length: ${MEBIBYTE.length}\r\n\r\n`;
const UPGRADE = `GET /echo HTTP/1.1\r\n${fields(ECHO_HOSTNAME)}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2V5a2V5a2V5a2V5a2V5a2U=\r\n\r\n`;

/** All visitors: some of each kind, at a rate that does not depend on how fast they are answered while the edge keeps up. */
export function startVisitors(visit: Visit): Promise<unknown> {
  const lanes = [
    ...lanesOf(8, 20, () => keepAlive(visit, 'keep-alive', HOSTNAME, get('/who'), KIBIBYTE)),
    ...lanesOf(3, 100, () => newConnection(visit)),
    ...lanesOf(4, 50, () => overHttp2(visit)),
    ...lanesOf(2, 250, () => keepAlive(visit, 'upload', ECHO_HOSTNAME, UPLOAD, Buffer.from(`${MEBIBYTE.length} true`))),
    ...lanesOf(2, 250, () => keepAlive(visit, 'download', HOSTNAME, get('/1m'), MEBIBYTE)),
    ...lanesOf(10, 50, () => webSocket(visit)),
  ];
  return Promise.all(lanes.map(({ period, turn }) => pace(visit, period, turn)));
}

interface Lane {
  readonly period: number;
  readonly turn: () => Promise<void>;
}

function lanesOf(count: number, period: number, make: () => () => Promise<void>): Lane[] {
  return Array.from({ length: count }, () => ({ period, turn: make() }));
}

/** One turn after the other, a `period` apart in milliseconds. What is late is not made up for. */
async function pace({ isOver }: Visit, period: number, turn: () => Promise<void>): Promise<void> {
  await wait(Math.random() * period);
  while (!isOver()) {
    const next = performance.now() + period;
    await turn();
    await wait(Math.max(0, next - performance.now()));
  }
}

function keepAlive(visit: Visit, kind: Kind, hostname: string, head: string, wanted: Buffer): () => Promise<void> {
  let client: Http1Client | null = null;
  let left = 0;
  const connect = async () => {
    client?.socket.destroy();
    left = REQUESTS_A_CONNECTION;
    client = await Http1Client.connect(visit.port, hostname, visit.ca);
    return client;
  };
  return () =>
    visit.tally.count(kind, async () => {
      const isRight = visit.expected.begin();
      const current = client?.isUsable && left-- > 0 ? client : await connect();
      const answer = await current.request(head, kind === 'upload' ? MEBIBYTE : undefined).catch(async (error) => {
        // Only a GET may be sent again without knowing what became of it (RFC 9110 section 9.2.2).
        if (!(error instanceof NoAnswer && error.wasIdle) || !head.startsWith('GET ')) throw error;
        visit.tally.retries++;
        return await (await connect()).request(head);
      });
      check(answer, wanted, isRight);
    });
}

function newConnection({ port, ca, tally, expected }: Visit): () => Promise<void> {
  return () =>
    tally.count('new connection', async () => {
      const isRight = expected.begin();
      const client = await Http1Client.connect(port, HOSTNAME, ca);
      try {
        check(await client.request(get('/who')), KIBIBYTE, isRight);
      } finally {
        client.socket.destroy();
      }
    });
}

function check({ status, head, body }: Answer, wanted: Buffer, isRight: (seen: string | undefined) => boolean): void {
  const seen = clientOf(head);
  if (status !== 200) throw new Error(`${head}${body}`);
  if (!body.equals(wanted)) throw new Error(`${body.length} bytes, not the ${wanted.length} expected`);
  if (!isRight(seen)) throw new Error(`another identity: ${seen}`);
}

/** The client certificate that the origin saw. */
function clientOf(head: string): string | undefined {
  return /\r\nx-client: ([0-9a-f]+)\r\n/i.exec(head)?.[1];
}

function overHttp2(visit: Visit): () => Promise<void> {
  let session: ClientHttp2Session | null = null;
  let left = 0;
  const connect = async () => {
    session?.close();
    left = REQUESTS_A_CONNECTION;
    session = http2.connect(`https://127.0.0.1:${visit.port}`, { servername: HOSTNAME, ca: visit.ca });
    // A connection that fails shows in its streams.
    session.on('error', () => undefined);
    await once(session, 'connect');
    return session;
  };
  return async () => {
    left -= HTTP2_STREAMS;
    const isUsable = session !== null && !session.closed && !session.destroyed && left > 0;
    const current = isUsable ? Promise.resolve(session!) : connect();
    await Promise.all(
      Array.from({ length: HTTP2_STREAMS }, () =>
        visit.tally.count('HTTP/2', async () => stream(await current, visit.expected)),
      ),
    );
  };
}

async function stream(session: ClientHttp2Session, expected: ExpectedIdentity): Promise<void> {
  const isRight = expected.begin();
  const request = session.request({ ':path': '/who', ':authority': HOSTNAME });
  let headers: IncomingHttpHeaders = {};
  const parts: Buffer[] = [];
  const timer = setTimeout(() => request.close(http2.constants.NGHTTP2_CANCEL), PATIENCE);
  request.on('error', () => undefined);
  request.on('response', (fields) => {
    headers = fields;
  });
  request.on('data', (data: Buffer) => parts.push(data));
  request.end();
  await once(request, 'close');
  clearTimeout(timer);
  const head = `\r\nX-Client: ${headers['x-client']}\r\n`;
  check({ status: Number(headers[':status']), head, body: Buffer.concat(parts) }, KIBIBYTE, isRight);
}

/** Opens a WebSocket, sends a message a turn and awaits its echo, closes it, and opens the next one. */
function webSocket(visit: Visit): () => Promise<void> {
  let socket: OpenWebSocket | null = null;
  let end = 0;
  return () =>
    visit.tally.count('WebSocket', async () => {
      try {
        if (socket === null) {
          socket = await OpenWebSocket.open(visit);
          end = performance.now() + WEB_SOCKET_LIFE;
        }
        if (performance.now() < end) await socket.echo(OPCODE.TEXT, `message ${performance.now()}`);
        else {
          await socket.echo(OPCODE.CLOSE, '');
          await socket.end();
          socket = null;
        }
      } catch (error) {
        socket = null;
        throw error;
      }
    });
}

class OpenWebSocket {
  readonly #socket: TLSSocket;
  #held = Buffer.alloc(0);
  #isEnded = false;
  #wake: () => void = () => undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.removeAllListeners('data');
    socket.on('data', (data: Buffer) => {
      this.#held = Buffer.concat([this.#held, data]);
      this.#wake();
    });
    for (const event of ['end', 'close'])
      socket.on(event, () => {
        this.#isEnded = true;
        this.#wake();
      });
  }

  static async open({ port, ca, expected }: Visit): Promise<OpenWebSocket> {
    const isRight = expected.begin();
    const client = await Http1Client.connect(port, ECHO_HOSTNAME, ca);
    const { status, head } = await client.request(UPGRADE);
    const seen = clientOf(head);
    if (status !== 101) throw new Error(head);
    if (!isRight(seen)) throw new Error(`another identity: ${seen}`);
    return new OpenWebSocket(client.socket);
  }

  async echo(opcode: number, text: string): Promise<void> {
    this.#socket.write(smallFrame(opcode, text, true));
    await this.#until(() => this.#isEnded || readSmallFrame(this.#held) !== null);
    const read = readSmallFrame(this.#held);
    if (read === null) throw new Error('the WebSocket was cut');
    this.#held = this.#held.subarray(read.size);
    const { frame } = read;
    if (frame.opcode !== opcode || frame.payload.toString() !== text)
      throw new Error(`an echo of something else: ${frame.payload}`);
  }

  /** The origin ends what is closed. */
  async end(): Promise<void> {
    await this.#until(() => this.#isEnded);
    this.#socket.destroy();
  }

  /** Where nothing comes for too long the connection is ended, which is seen as a cut. */
  async #until(isReached: () => boolean): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), PATIENCE);
    while (!isReached())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    clearTimeout(timer);
  }
}
