import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { Certificates } from './certificates.ts';
import { OPCODE, readSmallFrame, smallFrame } from './web-socket.ts';

/** An origin in this process. */
export interface EchoOrigin {
  readonly port: number;
  stop(): void;
}

/**
 * Starts an origin that demands a client certificate and does what nginx does not: it answers an upload with the bytes that came,
 * counted and compared with `expected`, and opens WebSockets that echo. `X-Client` is the client certificate's fingerprint.
 */
export async function startEchoOrigin(certificates: Certificates, expected: Buffer): Promise<EchoOrigin> {
  const pair = readFileSync(certificates.files.origin, 'utf8');
  const sockets = new Set<TLSSocket>();
  const server = tls.createServer(
    { cert: pair, key: pair, ca: certificates.ca, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      serve(socket, expected);
    },
  );
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serve(socket: TLSSocket, expected: Buffer): void {
  const client = `X-Client: ${fingerprintText(socket.getPeerCertificate().fingerprint)}\r\n`;
  let head = '';
  let parts: Buffer[] = [];
  let left = 0;
  let take = readHead;
  socket.on('data', (data: Buffer) => take(data));

  function readHead(data: Buffer): void {
    head += data.toString('latin1');
    const end = head.indexOf('\r\n\r\n') + 4;
    if (end < 4) return;
    const body = Buffer.from(head.slice(end), 'latin1');
    const fields = head.slice(0, end);
    head = '';
    if (/\r\nUpgrade: websocket\r\n/i.test(fields)) {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${client}\r\n`);
      take = echoFrames;
    } else {
      left = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(fields)?.[1] ?? 0);
      take = readBody;
    }
    take(body);
  }

  function readBody(data: Buffer): void {
    parts.push(data);
    left -= data.length;
    if (left > 0) return;
    const body = Buffer.concat(parts);
    const text = `${body.length} ${body.equals(expected)}`;
    parts = [];
    take = readHead;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n${client}\r\n${text}`);
  }

  function echoFrames(data: Buffer): void {
    let held = Buffer.concat([...parts, data]);
    for (let read = readSmallFrame(held); read !== null; read = readSmallFrame(held)) {
      const { opcode, payload } = read.frame;
      held = held.subarray(read.size);
      socket.write(smallFrame(opcode, payload.toString(), false));
      if (opcode === OPCODE.CLOSE) socket.end();
    }
    parts = [held];
  }
}

/** A fingerprint as nginx writes it. */
export function fingerprintText(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
