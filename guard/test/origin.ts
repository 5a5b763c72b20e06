import http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import tls, { type ConnectionOptions } from 'node:tls';
import type { Identity } from './pki.ts';

/** What came back. */
export interface Answer {
  readonly status: number;
  /** The body, read as JSON. */
  readonly body: Record<string, unknown>;
}

/** Listens on a free port of loopback; resolves with it. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Who asks, and for what. */
export interface Question extends ConnectionOptions {
  readonly as?: Identity | undefined;
  /** What comes with the certificate. */
  readonly chain?: string;
  readonly host?: string;
  readonly target?: string;
  readonly method?: string;
  /** Lines of the request's head, each with its end. */
  readonly lines?: string;
}

/** One HTTP/1.1 request on a TLS connection of its own. */
export async function ask(port: number, question: Question = {}): Promise<Answer> {
  return readAnswer(await rawAsk(port, question));
}

/** As `ask`; resolves with all bytes that came back, or with the code of the error that ended the connection. */
export function rawAsk(port: number, question: Question): Promise<string> {
  const { as, chain = '', host = 'a.test', target = '/', method = 'GET', lines = '', ...options } = question;
  const credentials = as === undefined ? {} : { key: as.key, cert: as.cert + chain };
  return new Promise((resolve) => {
    let text = '';
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername: host,
      rejectUnauthorized: false,
      ...credentials,
      ...options,
    });
    socket.on('secureConnect', () => {
      socket.write(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${lines}\r\n`);
    });
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(text || String(error.code)));
    socket.on('close', () => resolve(text));
  });
}

/** Reads an HTTP/1.1 answer whose body is one line of JSON. */
export function readAnswer(text: string): Answer {
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);
  const json = /\r\n(\{.*\})\s/.exec(`${text}\n`)?.[1];
  return { status, body: json === undefined ? { text } : JSON.parse(json) };
}

/** One HTTP/2 request on a connection of its own. */
export function ask2(
  port: number,
  { as, host = 'a.test', servername = host }: Question = {},
  headers = {},
): Promise<Answer> {
  const credentials = as === undefined ? {} : { key: as.key, cert: as.cert };
  return new Promise((resolve, reject) => {
    const session = http2.connect(`https://127.0.0.1:${port}`, {
      servername,
      rejectUnauthorized: false,
      ...credentials,
    });
    session.on('error', reject);
    const request = session.request({ ':path': '/', ':authority': host, ...headers });
    let body = '';
    let status = 0;
    request.setEncoding('utf8');
    request.on('response', (fields) => {
      status = Number(fields[':status']);
    });
    request.on('data', (data) => {
      body += data;
    });
    request.on('error', reject);
    request.on('end', () => {
      session.close();
      resolve({ status, body: JSON.parse(body) });
    });
    request.end();
  });
}

const PATIENCE_MS = 20_000;

/** Resolves when a condition that nothing announces is met: it is looked at again and again. */
export async function until(meets: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await meets())) {
    if (Date.now() > deadline) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
