import { once } from 'node:events';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { type IdentityChecker, pulledNothing, type Seen } from './checker.ts';
import { grpcMessage } from './echo-origin.ts';
import type { VisitorProtocol } from './protocols.ts';
import { UNAVAILABLE_ADVICE, type Visit } from './visitor.ts';
import { NO_HTTP2, UNAVAILABLE } from './world.ts';

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
}

const PROTOCOLS: Readonly<Record<Visit['kind'], VisitorProtocol>> = {
  get: 'h2',
  post: 'h2',
  websocket: 'ws over h2',
  grpc: 'grpc',
};
const METHODS: Readonly<Record<Visit['kind'], string>> = {
  get: 'GET',
  post: 'POST',
  websocket: 'CONNECT',
  grpc: 'POST',
};
const NO_HTTP2_ADVICE = 'does not offer HTTP/2';

/** Connects a visitor of `hostname` to a port of loopback, by the runtime's own HTTP/2. */
export async function connectHttp2(port: number, hostname: string, root: string): Promise<ClientHttp2Session> {
  const session = http2.connect(`https://127.0.0.1:${port}`, { servername: hostname, ca: root });
  // A connection that fails shows in its streams, none of which is answered then.
  session.on('error', () => undefined);
  // An extended CONNECT may be sent only once the server has said that it takes them (RFC 8441 section 3).
  await once(session, 'remoteSettings');
  return session;
}

/** Sends one request on a stream of its own and has its answer checked. Throws as `visit` does. */
export async function visitHttp2(session: ClientHttp2Session, checker: IdentityChecker, request: Visit): Promise<void> {
  const { host, path, kind, rightNow } = request;
  const what = `HTTP/2 ${kind} ${host}${path}`;
  const pending = checker.begin(what, PROTOCOLS[kind], rightNow);
  const { headers, trailers, body } = await ask(session, request);
  const refusal = kind === 'grpc' ? decodeURIComponent(String(headers['grpc-message'] ?? '')) : body;
  if (refusal.includes(UNAVAILABLE_ADVICE)) {
    checker.end(pending, pulledNothing(UNAVAILABLE));
    return;
  }
  if (kind === 'grpc' && refusal.includes(NO_HTTP2_ADVICE)) {
    checker.end(pending, pulledNothing(NO_HTTP2));
    return;
  }
  const isWhole = body.endsWith('\n') && (kind !== 'grpc' || trailers['grpc-status'] === '0');
  if (Number(headers[':status']) !== 200 || !isWhole)
    throw new Error(
      `${what}: ${JSON.stringify({ ...headers })} ${body.slice(0, 800)} ${JSON.stringify({ ...trailers })}`,
    );
  if (headers['x-target'] !== `${kind === 'websocket' ? 'GET' : METHODS[kind]} ${path}`)
    throw new Error(`${what} got another's answer: ${body}`);
  checker.end(pending, JSON.parse(body.slice(body.indexOf('{'))) as Seen);
}

/**
 * Asks for a hostname that the connection was not made for, though the certificate names it too, as clients do that
 * coalesce (RFC 9113 section 9.1.1). Throws unless the answer is 421 and the edge's own.
 */
export async function visitMisdirected(session: ClientHttp2Session, host: string, path: string): Promise<void> {
  const { headers } = await ask(session, { host, path, kind: 'get' });
  if (Number(headers[':status']) !== 421 || headers['x-target'] !== undefined)
    throw new Error(`HTTP/2 ${host}${path} on a connection of another: ${JSON.stringify({ ...headers })}`);
}

async function ask(session: ClientHttp2Session, { host, path, kind }: Omit<Visit, 'rightNow'>): Promise<Answer> {
  const fields: OutgoingHttpHeaders = {
    ':method': METHODS[kind],
    ':scheme': 'https',
    ':authority': host,
    ':path': path,
    accept: 'application/json',
    ...(kind === 'websocket' ? { ':protocol': 'websocket', 'sec-websocket-version': '13' } : {}),
    ...(kind === 'grpc' ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
  };
  const stream = session.request(fields, { endStream: kind === 'get' });
  const answer = { headers: {} as IncomingHttpHeaders, trailers: {} as IncomingHttpHeaders, body: '' };
  stream.on('error', () => undefined);
  stream.on('response', (headers) => {
    answer.headers = headers;
  });
  stream.on('trailers', (trailers) => {
    answer.trailers = trailers;
  });
  stream.on('data', (data) => {
    answer.body += data.toString('latin1');
  });
  if (kind === 'post') stream.end('body');
  if (kind === 'grpc') stream.end(grpcMessage('call'));
  // A tunnel is open until both have said their end.
  if (kind === 'websocket') stream.on('end', () => stream.end());
  await once(stream, 'close');
  return answer;
}
