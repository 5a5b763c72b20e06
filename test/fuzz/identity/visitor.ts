import type { Visitor } from '../../doubles/wire.ts';
import { type IdentityChecker, pulledNothing, type Seen } from './checker.ts';
import { UNAVAILABLE } from './world.ts';

/** One request of a visitor: where to, how, and as whom the origin shall see it. */
export interface Visit {
  readonly host: string;
  readonly path: string;
  /** `grpc` over HTTP/2 only. */
  readonly kind: 'get' | 'post' | 'websocket' | 'grpc';
  readonly rightNow: () => string;
}

/** What the edge says where an identity cannot be used. */
export const UNAVAILABLE_ADVICE = 'no other may stand in';

const ANSWERED = /^HTTP\/1\.1 (\d{3}) [\s\S]*?\r\n\r\n[\s\S]*\n$/;
const X_TARGET = /\r\nX-Target: ([^\r]*)\r\n/i;

/**
 * Sends one request and has its answer checked. False where the connection cannot be used again. Throws where the
 * answer is not this request's, or none at all.
 */
export async function visit(visitor: Visitor, checker: IdentityChecker, request: Visit): Promise<boolean> {
  const { host, path, kind, rightNow } = request;
  const what = `${kind} ${host}${path}`;
  const pending = checker.begin(what, kind === 'websocket' ? 'ws' : 'h1', rightNow);
  visitor.clear();
  visitor.send(requestText(request));
  const text = kind === 'websocket' ? await visitor.end() : await visitor.until(ANSWERED);
  const status = Number(ANSWERED.exec(text)?.[1]);
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  if (status === 525 && body.includes(UNAVAILABLE_ADVICE)) {
    checker.end(pending, pulledNothing(UNAVAILABLE));
    return kind !== 'websocket' && !/\r\nConnection: close\r\n/.test(text);
  }
  if (status !== (kind === 'websocket' ? 101 : 200)) throw new Error(`${what}: ${text.slice(0, 800)}`);
  if (X_TARGET.exec(text)?.[1] !== `${kind === 'post' ? 'POST' : 'GET'} ${path}`)
    throw new Error(`${what} got another's answer: ${text}`);
  checker.end(pending, JSON.parse(body) as Seen);
  return kind !== 'websocket';
}

function requestText({ host, path, kind }: Visit): string {
  const head = (method: string) => `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n`;
  if (kind === 'post') return `${head('POST')}Content-Length: 4\r\n\r\nbody`;
  if (kind === 'get') return `${head('GET')}\r\n`;
  return `${head('GET')}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2V5a2V5a2V5a2V5a2V5a2U=\r\n\r\n`;
}
