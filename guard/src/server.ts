import http, { type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import type { GuardTlsOptions, Verdict } from './guard.ts';
import type { Guarded } from './middleware.ts';
import type { OriginPull } from './options.ts';
import { respond, respondOnSocket } from './respond.ts';
import { httpOverTls, WITH_RESPONSE, WITH_SOCKET } from './tls-front.ts';

/** Options of a server, without those that the guard decides about. */
export type GuardedServerOptions = Omit<TlsOptions, 'ca' | 'requestCert' | 'rejectUnauthorized' | 'ticketKeys'> &
  http.ServerOptions;

/** Makes an https server that the guard stands in front of. */
export type CreateServer = (
  listener: ((request: Guarded<IncomingMessage>, response: ServerResponse) => unknown) | undefined,
  options: GuardedServerOptions,
) => https.Server;

type Check = (request: IncomingMessage) => Verdict;

/**
 * `guard.createServer`. The verdict comes before any listener of the server runs, whoever added it: a library that listens for
 * `upgrade` by itself is guarded as well.
 */
export function createServerWith(check: Check, tlsOptions: GuardTlsOptions): CreateServer {
  return (listener, options) => {
    const all = {
      ...options,
      ...tlsOptions,
      minVersion: options.minVersion === 'TLSv1.3' ? options.minVersion : tlsOptions.minVersion,
      secureOptions: (options.secureOptions ?? 0) | tlsOptions.secureOptions,
    };
    if (process.versions.bun === undefined)
      return guardEvents(https.createServer(all, listener as RequestListener), check);
    return httpOverTls(guardEvents(http.createServer(options, listener as RequestListener), check), all);
  };
}

function guardEvents<T extends Server>(server: T, check: Check): T {
  const emit = server.emit.bind(server) as (event: unknown, ...values: unknown[]) => boolean;
  server.emit = ((event: unknown, ...values: unknown[]) => {
    const withSocket = WITH_SOCKET.includes(event);
    if (!withSocket && !WITH_RESPONSE.includes(event)) return emit(event, ...values);
    const request = values[0] as IncomingMessage & { originPull?: OriginPull };
    const { refusal, originPull } = check(request);
    request.originPull = originPull;
    if (refusal === null) return emit(event, ...values);
    if (withSocket) respondOnSocket(values[1] as Duplex, refusal);
    else respond(values[1] as ServerResponse, refusal, request.httpVersionMajor);
    return true;
  }) as T['emit'];
  return server;
}
