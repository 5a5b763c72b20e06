import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';

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

const LIMITS = { requestTimeout: 30_000, headersTimeout: 15_000, keepAliveTimeout: 75_000 };

/** Serves a fetch handler. Rejects with what the system says where the address cannot be listened on. */
export function serveApi({ fetch, host, port, tls }: ServeOptions): Promise<ServedApi> {
  const listener = getRequestListener(fetch as Parameters<typeof getRequestListener>[0]);
  const server: Server =
    tls === undefined
      ? createServer(LIMITS, listener)
      : (createTlsServer(
          { ...LIMITS, cert: tls.certificate, key: tls.privateKey, minVersion: 'TLSv1.2' },
          listener,
        ) as unknown as Server);
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
