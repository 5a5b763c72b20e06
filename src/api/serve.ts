import { createServer, type Server, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { API_CODES } from '../core/mod.ts';

/** A listener of the API. */
export interface ServedApi {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, and resolves when what is under way is answered. */
  close(): Promise<void>;
}

/** What `serveApi` listens on; with a certificate and key (PEM) it speaks HTTPS. */
export interface ServeOptions {
  readonly fetch: (request: Request, env: unknown) => Response | Promise<Response>;
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly certificate: string; readonly privateKey: string };
}

/** What the HTTP parser refuses never becomes a request, yet clients expect the envelope of every error (spec/api.md section 0, row 3). */
function refusal(name: 'request_malformed' | 'headers_too_large'): { status: number; body: string } {
  const { status, code, message } = API_CODES[name];
  return { status, body: JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null }) };
}

function malformedTarget(): Response {
  const { status, body } = refusal('request_malformed');
  return new Response(body, { status, headers: { 'Content-Type': 'application/json', Connection: 'close' } });
}

function refuseUnparsed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, body } = refusal(error.code === 'HPE_HEADER_OVERFLOW' ? 'headers_too_large' : 'request_malformed');
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const LIMITS = { requestTimeout: 30_000, headersTimeout: 15_000, keepAliveTimeout: 75_000 };

/** Serves a fetch handler. Rejects with what the system says where the address cannot be listened on. */
export function serveApi({ fetch, host, port, tls }: ServeOptions): Promise<ServedApi> {
  const listener = getRequestListener(fetch as Parameters<typeof getRequestListener>[0], {
    // The API answers its own errors: what comes here is a request target or Host that is no URL.
    errorHandler: malformedTarget,
  });
  const server: Server =
    tls === undefined
      ? createServer(LIMITS, listener)
      : (createTlsServer(
          { ...LIMITS, cert: tls.certificate, key: tls.privateKey, minVersion: 'TLSv1.2' },
          listener,
        ) as unknown as Server);
  server.on('clientError', refuseUnparsed);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve({ host, port: (server.address() as AddressInfo).port, close: () => close(server) });
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 2_000).unref();
  });
}
