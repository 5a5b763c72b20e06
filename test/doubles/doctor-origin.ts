import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { DoctorCertificates } from './doctor.ts';

/** An origin of a test. */
export interface DoctorOrigin {
  readonly port: number;
  close(): void;
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
export const FORBIDDEN = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** What an origin knows of whoever asks. */
export interface Guest {
  readonly socket: TLSSocket;
  /** By the right CA, in time. */
  readonly isAuthorized: boolean;
  /** Why it is not; empty where no certificate came. */
  readonly error: string;
  readonly serverName: string;
  readonly version: string;
}

/** An origin that asks for certificates and lets its application decide what it sends: text, null to close, undefined for nothing. */
export function startTlsOrigin(
  { ca, server }: DoctorCertificates,
  answer: (guest: Guest) => string | null | undefined,
): Promise<DoctorOrigin> {
  const origin = tls.createServer({
    key: server.privateKey,
    cert: server.certificate,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  });
  origin.on('tlsClientError', () => undefined);
  origin.on('secureConnection', (socket: TLSSocket & { servername?: string | false }) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      const { authorized, authorizationError: error } = socket;
      const hasCertificate = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
      const reply = answer({
        socket,
        isAuthorized: authorized,
        error: hasCertificate
          ? String(error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : error)
          : '',
        serverName: socket.servername || '',
        version: socket.getProtocol() ?? '',
      });
      if (reply === null) socket.destroy();
      else if (reply !== undefined) socket.end(reply);
    });
  });
  return listening(origin);
}

/** An origin without TLS, or without sense: `onConnection` has each connection to itself. */
export function startRawOrigin(onConnection: (socket: Socket) => void): Promise<DoctorOrigin> {
  return listening(
    net.createServer((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    }),
  );
}

/** Stands before an origin and passes bytes on, unless `spoil` takes a connection, counted from 0. */
export function startRelay(port: number, spoil: (socket: Socket, count: number) => boolean): Promise<DoctorOrigin> {
  let count = 0;
  return startRawOrigin((socket) => {
    if (spoil(socket, count++)) return;
    const onward = net.connect(port, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.end());
    socket.on('data', (bytes: Buffer) => onward.write(bytes));
    onward.on('data', (bytes: Buffer) => socket.write(bytes));
  });
}

async function listening(server: net.Server): Promise<DoctorOrigin> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
