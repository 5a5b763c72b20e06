import type { Duplex } from 'node:stream';
import { REFUSALS, type RefusalCode } from './refusal.ts';

/** A refusal as an HTTP response. */
export interface RefusalResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The response to a refused request: a stable code and a sentence, as JSON. */
export function refusalResponse(code: RefusalCode): RefusalResponse {
  const [status, message] = REFUSALS[code];
  const body = `${JSON.stringify({ code, message })}\n`;
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  };
  return { status, headers, body };
}

/** The members of a response of `node:http` and `node:http2` that a refusal needs. */
export interface ResponseLike {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(body: string): unknown;
}

/** Answers a refused request. Over HTTP/1 its connection ends: nothing else on it would fare better. */
export function respond(response: ResponseLike, code: RefusalCode, httpVersionMajor: number): void {
  const { status, headers, body } = refusalResponse(code);
  response.writeHead(status, httpVersionMajor < 2 ? { ...headers, connection: 'close' } : headers);
  response.end(body);
}

/** Answers a refused `upgrade` or `connect` on its socket, and ends it. */
export function respondOnSocket(socket: Duplex, code: RefusalCode): void {
  const { status, headers, body } = refusalResponse(code);
  const fields = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => undefined);
  // Sockets of HTTP servers may stay half open, and nobody else looks after this one any more.
  socket.end(`HTTP/1.1 ${status} Refused\r\n${fields.join('')}\r\n${body}`, () => socket.destroy());
}
