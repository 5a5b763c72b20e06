import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type https from 'node:https';
import type { Duplex } from 'node:stream';
import tls, { type TlsOptions } from 'node:tls';

/** Events of an HTTP server that hand a request and its response over. */
export const WITH_RESPONSE: readonly unknown[] = ['request', 'checkContinue', 'checkExpectation'];
/** Events of an HTTP server that hand a request and its socket over. */
export const WITH_SOCKET: readonly unknown[] = ['upgrade', 'connect'];

const HEADERS_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_TIMEOUT_MS = 5_000;

/**
 * An https server out of a TLS server that feeds an HTTP server. Bun's own https server does not show the peer's certificate;
 * its TLS server does (Bun 1.4.5). An HTTP server that listens to nothing looks after no timeouts, so that is done here.
 */
export function httpOverTls(inner: Server, options: TlsOptions & ServerOptions): https.Server {
  const sockets = new Map<Duplex, NodeJS.Timeout | null>();
  const wait = (socket: Duplex, milliseconds: number | null) => {
    clearTimeout(sockets.get(socket) ?? undefined);
    if (socket.destroyed) return;
    sockets.set(socket, milliseconds === null ? null : setTimeout(() => socket.destroy(), milliseconds));
  };
  const outer = tls.createServer({ ALPNProtocols: ['http/1.1'], ...options }, (socket) => {
    wait(socket, options.headersTimeout ?? HEADERS_TIMEOUT_MS);
    socket.on('close', () => {
      wait(socket, null);
      sockets.delete(socket);
    });
    inner.emit('connection', socket);
  });

  const emit = inner.emit.bind(inner) as (event: unknown, ...values: unknown[]) => boolean;
  inner.emit = ((event: unknown, ...values: unknown[]) => {
    const { socket } = (values[0] ?? {}) as { socket?: Duplex };
    if (socket !== undefined && WITH_SOCKET.includes(event)) wait(socket, null);
    if (socket !== undefined && WITH_RESPONSE.includes(event)) {
      const request = values[0] as IncomingMessage;
      wait(socket, hasBody(request) ? (options.requestTimeout ?? REQUEST_TIMEOUT_MS) : null);
      request.once('end', () => wait(socket, null));
      const done = () => wait(socket, options.keepAliveTimeout ?? KEEP_ALIVE_TIMEOUT_MS);
      (values[1] as ServerResponse).once('close', done);
    }
    return emit(event, ...values);
  }) as Server['emit'];

  // Listeners of HTTP events belong to the server that has them.
  const own = outer.on.bind(outer);
  const on = (event: string, listener: (...values: unknown[]) => void) => {
    if ([...WITH_RESPONSE, ...WITH_SOCKET, 'clientError'].includes(event)) inner.on(event, listener);
    else own(event, listener);
    return outer;
  };
  return Object.assign(outer as unknown as https.Server, {
    on,
    addListener: on,
    closeAllConnections: () => {
      for (const socket of sockets.keys()) socket.destroy();
    },
    closeIdleConnections: () => {
      for (const [socket, timer] of sockets) if (timer !== null) socket.destroy();
    },
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
