import { createHash, X509Certificate } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';

/** What the demo origin is told, as one line of JSON on stdin. Certificates and keys are PEM. */
export interface DemoOriginSettings {
  readonly certificate: string;
  readonly privateKey: string;
  /** CAs whose clients may connect at all. */
  readonly clientCas: readonly string[];
  /** By hostname: the CA (PEM) that the client's certificate must come from. */
  readonly trust: Readonly<Record<string, string>>;
}

/** Answers only clients whose certificate comes from the CA that the hostname trusts; says which certificate it saw. */
function answer(settings: DemoOriginSettings, request: IncomingMessage, response: ServerResponse): void {
  const socket = request.socket as TLSSocket;
  const hostname = (request.headers.host ?? '').replace(/:\d+$/, '');
  const peer = socket.getPeerX509Certificate();
  const ca = settings.trust[hostname];
  const trusted =
    peer !== undefined &&
    ca !== undefined &&
    peer.checkIssued(new X509Certificate(ca)) &&
    peer.verify(new X509Certificate(ca).publicKey);
  response.setHeader('Content-Type', 'application/json');
  response.statusCode = trusted ? 200 : 403;
  response.end(
    `${JSON.stringify({
      origin: 'countersign demo',
      hostname,
      method: request.method,
      path: request.url,
      client_certificate: peer && {
        subject: peer.subject.trim().replaceAll('\n', ', '),
        issuer: peer.issuer.trim().replaceAll('\n', ', '),
        fingerprint: createHash('sha256').update(peer.raw).digest('hex'),
      },
      ray: request.headers['cf-ray'] ?? null,
    })}\n`,
  );
}

function main(settings: DemoOriginSettings): void {
  const http = createServer((request, response) => answer(settings, request, response));
  const server = tls.createServer(
    {
      cert: settings.certificate,
      key: settings.privateKey,
      ca: [...settings.clientCas],
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    },
    (socket) => http.emit('connection', socket),
  );
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
}

let text = '';
process.stdin.on('data', (data) => {
  text += data;
  if (!text.endsWith('\n')) return;
  main(JSON.parse(text) as DemoOriginSettings);
  text = '';
});
// The demo's end of the pipe closes with the demo.
process.stdin.on('end', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
