import type { Socket } from 'node:net';
import type tls from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { IssuedCertificate } from '../../../src/x509/mod.ts';
import { eachRequest, response, type ScriptedOrigin, scriptedOrigin } from '../../doubles/wire.ts';
import type { Seen } from './checker.ts';

/** Origins of all versions. */
export interface EchoOrigins {
  readonly tls12: ScriptedOrigin;
  readonly tls13: ScriptedOrigin;
  readonly plain: ScriptedOrigin;
  close(): void;
}

/**
 * Starts origins that ask for a client certificate, take any and none, give out session tickets, and answer with what
 * they saw. A path that contains `close` ends its connection, so that the next one resumes.
 */
export async function startEchoOrigins(server: IssuedCertificate): Promise<EchoOrigins> {
  const options = (version: tls.SecureVersion): tls.TlsOptions => ({
    cert: server.certificate,
    key: server.privateKey,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  });
  const tls12 = await scriptedOrigin(echo, options('TLSv1.2'));
  const tls13 = await scriptedOrigin(echo, options('TLSv1.3'));
  const plain = await scriptedOrigin(echo);
  const close = () => {
    for (const origin of [tls12, tls13, plain]) origin.close();
  };
  return { tls12, tls13, plain, close };
}

function echo(socket: Socket | TLSSocket): void {
  let nth = 0;
  eachRequest(socket, (request) => {
    const seen = JSON.stringify({ ...look(socket), nth: ++nth } satisfies Seen);
    const target = request.slice(0, request.indexOf('\r\n'));
    if (/\r\nUpgrade: websocket\r\n/i.test(request)) {
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Target: ${target}\r\n\r\n${seen}\n`,
      );
      return;
    }
    const close = target.includes('close');
    const fields = `X-Target: ${target}\r\n${close ? 'Connection: close\r\n' : ''}`;
    socket.write(response(`${seen}\n`, '200 OK', fields));
    if (close) socket.end();
  });
}

function look(socket: Socket | TLSSocket): Omit<Seen, 'nth'> {
  if (!('isSessionReused' in socket)) return { identity: 'plain', resumed: false, protocol: 'none' };
  return {
    identity: socket.getPeerX509Certificate()?.fingerprint256 ?? 'none',
    resumed: socket.isSessionReused(),
    protocol: socket.getProtocol() ?? 'none',
  };
}
