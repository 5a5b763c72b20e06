import type { Visitor } from '../../doubles/wire.ts';
import type { IdentityChecker, Seen } from './checker.ts';

/** One request of a visitor: where to, how, and as whom the origin shall see it. */
export interface Visit {
  readonly host: string;
  readonly path: string;
  readonly kind: 'get' | 'post' | 'websocket';
  readonly rightNow: () => string;
}

const ANSWERED = /^HTTP\/1\.1 (\d{3}) [\s\S]*?\r\n\r\n[\s\S]*\n$/;

/**
 * Sends one request and has its answer checked. False where the connection cannot be used again. Throws where the
 * answer is not this request's, or none at all.
 */
export async function visit(visitor: Visitor, checker: IdentityChecker, request: Visit): Promise<boolean> {
  const { host, path, kind, rightNow } = request;
  const what = `${kind} ${host}${path}`;
  const pending = checker.begin(what, rightNow);
  visitor.clear();
  visitor.send(requestText(request));
  const text = kind === 'websocket' ? await visitor.end() : await visitor.until(ANSWERED);
  const status = Number(ANSWERED.exec(text)?.[1]);
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  if (status === 525 && body.includes('no other may stand in')) {
    checker.end(pending, { identity: 'unavailable', resumed: false, nth: 1, protocol: 'none' });
    return kind !== 'websocket' && !/\r\nConnection: close\r\n/.test(text);
  }
  if (status !== (kind === 'websocket' ? 101 : 200)) throw new Error(`${what}: ${text.slice(0, 800)}`);
  if (!text.includes(`\r\nX-Target: ${kind === 'post' ? 'POST' : 'GET'} ${path} HTTP/1.1\r\n`))
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
