import { Buffer } from 'node:buffer';
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type tls from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { IssuedCertificate } from '../../../src/x509/mod.ts';
import { eachRequest, response, type Script, type ScriptedOrigin, scriptedOrigin } from '../../doubles/wire.ts';
import type { Seen } from './checker.ts';

/** Origins of all versions. */
export interface EchoOrigins {
  /** These two speak HTTP/2 and HTTP/1.1, as ALPN chooses. */
  readonly tls12: ScriptedOrigin;
  readonly tls13: ScriptedOrigin;
  /** Speaks HTTP/1.1 only, whatever it is offered. */
  readonly http1: ScriptedOrigin;
  readonly plain: ScriptedOrigin;
  close(): void;
}

/** What stays the same on a connection. */
type Connection = Omit<Seen, 'nth' | 'http'>;

/**
 * Starts origins that ask for a client certificate, take any and none, give out session tickets, and answer with what
 * they saw. A path that contains `close` ends its connection, so that the next one resumes.
 */
export async function startEchoOrigins(server: IssuedCertificate): Promise<EchoOrigins> {
  const options = (version: tls.SecureVersion, ...protocols: string[]): tls.TlsOptions => ({
    cert: server.certificate,
    key: server.privateKey,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(protocols.length > 0 ? { ALPNProtocols: protocols } : {}),
  });
  const both = echoBoth();
  const tls12 = await scriptedOrigin(both, options('TLSv1.2', 'h2', 'http/1.1'));
  const tls13 = await scriptedOrigin(both, options('TLSv1.3', 'h2', 'http/1.1'));
  const http1 = await scriptedOrigin(echoHttp1, options('TLSv1.3'));
  const plain = await scriptedOrigin(echoHttp1);
  const close = () => {
    for (const origin of [tls12, tls13, http1, plain]) origin.close();
  };
  return { tls12, tls13, http1, plain, close };
}

/** A gRPC message: not compressed, its length, itself. */
export function grpcMessage(text: string): Buffer {
  const message = Buffer.alloc(5 + text.length);
  message.writeUInt32BE(text.length, 1);
  message.write(text, 5, 'latin1');
  return message;
}

function echoHttp1(socket: Socket | TLSSocket): void {
  const connection = look(socket);
  let nth = 0;
  eachRequest(socket, (request) => {
    const target = request.slice(0, request.indexOf(' HTTP/1.1\r\n'));
    const isWebSocket = /\r\nUpgrade: websocket\r\n/i.test(request);
    const seen = tell({ ...connection, nth: ++nth, http: isWebSocket ? 'ws' : 'h1' });
    if (isWebSocket) {
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Target: ${target}\r\n\r\n${seen}`,
      );
      return;
    }
    const close = target.includes('close');
    const fields = `X-Target: ${target}\r\n${close ? 'Connection: close\r\n' : ''}`;
    socket.write(response(seen, '200 OK', fields));
    if (close) socket.end();
  });
}

/** HTTP/2 by the runtime's own server where ALPN chose it, else HTTP/1.1. */
function echoBoth(): Script {
  const server = http2.createServer();
  const connections = new WeakMap<ServerHttp2Session, Connection & { nth: number }>();
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const connection = connections.get(stream.session as ServerHttp2Session)!;
    echoHttp2(stream, headers, { ...connection, nth: ++connection.nth });
  });
  server.on('sessionError', () => undefined);
  return (socket) => {
    if ((socket as TLSSocket).alpnProtocol !== 'h2') {
      echoHttp1(socket);
      return;
    }
    const connection = { ...look(socket), nth: 0 };
    server.once('session', (session) => connections.set(session, connection));
    server.emit('connection', socket);
  };
}

function echoHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, seen: Omit<Seen, 'http'>): void {
  const path = headers[':path']!;
  const isGrpc = headers['content-type'] === 'application/grpc';
  stream.on('error', () => undefined);
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('end', () => {
    const text = tell({ ...seen, http: isGrpc ? 'grpc' : 'h2' });
    const fields = { ':status': 200, 'x-target': `${headers[':method']} ${path}` };
    if (isGrpc) stream.respond(fields, { waitForTrailers: true });
    else stream.respond({ ...fields, 'content-length': String(text.length) });
    stream.end(isGrpc ? grpcMessage(text) : text);
    // GOAWAY, and the end once the streams are through.
    if (path.includes('close')) stream.session?.close();
  });
  stream.resume();
}

function look(socket: Socket | TLSSocket): Connection {
  if (!('isSessionReused' in socket)) return { identity: 'plain', resumed: false, protocol: 'none' };
  return {
    identity: socket.getPeerX509Certificate()?.fingerprint256 ?? 'none',
    resumed: socket.isSessionReused(),
    protocol: socket.getProtocol() ?? 'none',
  };
}

function tell(seen: Seen): string {
  return `${JSON.stringify(seen)}\n`;
}
