import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net, { type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { createGuard, type Guard, type GuardOptions } from '../dist/mod.js';
import { ask, listen, rawAsk, readAnswer } from './origin.ts';
import type { Identity } from './pki.ts';
import { makeVisitors, type Visitors } from './visitors.ts';

let visitors: Visitors;
let edge: Identity;
let stranger: Identity;
let credentials: { cert: string; key: string };
const closing: (() => void)[] = [];

before(async () => {
  visitors = await makeVisitors();
  edge = visitors.cases[0]![1]!;
  stranger = visitors.cases[2]![1]!;
  credentials = { cert: visitors.server.cert, key: visitors.server.key };
});
after(() => {
  for (const close of closing) close();
});

function make(options: Partial<GuardOptions> = {}): Guard {
  const guard = createGuard({ ...visitors.options, ...options });
  closing.push(guard.close);
  return guard;
}

async function start(server: Server): Promise<number> {
  closing.push(() => server.close());
  return await listen(server);
}

const as = ({ cert, key }: Identity) => ({ cert, key });
const UPGRADE = { lines: 'Connection: upgrade\r\nUpgrade: websocket\r\n' };
const switchProtocols = (_request: unknown, socket: NodeJS.WritableStream) => {
  socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
};

test('upgrades: decided before any listener of the server runs', async () => {
  const server = make().createServer((_request, response) => response.end('{}'), credentials);
  server.on('upgrade', switchProtocols);
  const port = await start(server);
  for (const [who, as, code] of visitors.cases) {
    const { status, body } = readAnswer(await rawAsk(port, { as, ...UPGRADE }));
    assert.deepEqual([status, body.code ?? null], [code === null ? 101 : 403, code], who);
  }
});

test('upgrades on a server of somebody else: guard.upgrade()', async () => {
  const guard = make();
  const inner = http.createServer();
  inner.on('upgrade', guard.upgrade(switchProtocols));
  const port = await start(
    tls.createServer({ ...guard.tlsOptions, ...credentials }, (socket) => inner.emit('connection', socket)),
  );
  for (const [who, as, code] of visitors.cases) {
    const { status, body } = readAnswer(await rawAsk(port, { as, ...UPGRADE }));
    assert.deepEqual([status, body.code ?? null], [code === null ? 101 : 403, code], who);
  }
});

test('CONNECT and Expect are requests as well', async () => {
  const server = make().createServer((_request, response) => response.end('{}'), credentials);
  server.on('connect', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  server.on('checkContinue', (_request, response) => response.end('{}'));
  const port = await start(server);
  const asked = { method: 'CONNECT', target: 'a.test:443' };
  assert.equal(readAnswer(await rawAsk(port, { as: edge, ...asked })).status, 200);
  assert.equal(readAnswer(await rawAsk(port, { as: stranger, ...asked })).status, 403);
  assert.equal(readAnswer(await rawAsk(port, { as: edge, ...asked, target: 'b.test:443' })).status, 421);
  const expecting = { method: 'POST', lines: 'Expect: 100-continue\r\nContent-Length: 0\r\n' };
  assert.equal((await ask(port, { as: edge, ...expecting })).status, 200);
  assert.equal((await ask(port, { as: stranger, ...expecting })).status, 403);
});

test('TLS settings of the application do not loosen those of the guard', async () => {
  const loose = { ...credentials, requestCert: false, rejectUnauthorized: true, ca: edge.cert, minVersion: 'TLSv1.3' };
  const server = make().createServer((_request, response) => response.end('{}'), loose as typeof credentials);
  const port = await start(server);
  assert.equal((await ask(port, { as: edge })).status, 200);
  assert.equal((await ask(port, { as: stranger })).status, 403);
  assert.doesNotMatch(await rawAsk(port, { as: edge, maxVersion: 'TLSv1.2' }), /^HTTP/, 'a stricter version counts');
});

test('connections that send no request in time, not all of one, or no further one, are closed', async () => {
  const timeouts = { headersTimeout: 300, requestTimeout: 300, keepAliveTimeout: 100, connectionsCheckingInterval: 50 };
  const server = make().createServer((request, response) => request.resume().on('end', () => response.end('{}')), {
    ...credentials,
    ...timeouts,
  });
  const port = await start(server);
  for (const text of [
    '',
    'GET / HTTP/1.1\r\nHost: a',
    'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n12345',
    'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n',
    'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
  ]) {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername: 'a.test',
      rejectUnauthorized: false,
      ...as(edge),
    });
    socket.on('error', () => undefined);
    socket.resume();
    socket.on('secureConnect', () => socket.write(text));
    await new Promise((resolve) => socket.on('close', resolve));
  }
  assert.equal((await ask(port, { as: edge })).status, 200);
});

test('a refused upgrade ends even where the other side keeps its half open', async () => {
  const server = make().createServer(undefined, credentials);
  server.on('upgrade', switchProtocols);
  const port = await start(server);
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    servername: 'a.test',
    rejectUnauthorized: false,
    allowHalfOpen: true,
  } as tls.ConnectionOptions);
  socket.on('error', () => undefined);
  socket.resume();
  socket.on('secureConnect', () => socket.write(`GET / HTTP/1.1\r\nHost: a.test\r\n${UPGRADE.lines}\r\n`));
  await new Promise((resolve) => socket.on('end', resolve));
  const open = await new Promise<number>((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
  assert.equal(open, 0);
  socket.destroy();
});

test('a plain connection is refused, whatever it says of itself', async () => {
  const guard = make();
  const port = await start(http.createServer(guard.handler((_request, response) => response.end('open'))));
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-forwarded-proto': 'https' } });
  assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [403, 'no_tls']);
});

test('a runtime whose https server shows no certificate is told so, and lets nobody in', async () => {
  const guard = make();
  const options = { ...guard.tlsOptions, ...credentials };
  const port = await start(
    https.createServer(
      options,
      guard.handler((_request, response) => response.end('{}')),
    ),
  );
  const { status, body } = await ask(port, { as: edge });
  if (process.versions.bun === undefined) assert.equal(status, 200);
  else assert.deepEqual([status, body.code], [500, 'runtime_cannot_show_certificate']);
});

/** A relay that hands each octet of a client on by itself, so that a handshake comes in as many segments as it has octets. */
function oneByOne(port: number): Server {
  return net.createServer((client: Socket) => {
    const upstream = net.connect({ host: '127.0.0.1', port, noDelay: true });
    client.on('data', (data: Buffer) => {
      for (const octet of data) upstream.write(Uint8Array.of(octet));
    });
    client.on('end', () => upstream.end());
    upstream.pipe(client);
    for (const socket of [client, upstream])
      socket.on('error', () => [client, upstream].forEach((s) => void s.destroy()));
  });
}

/** As above, and its ClientHello comes in records of one octet each. */
function oneOctetRecords(port: number): Server {
  return net.createServer((client: Socket) => {
    const upstream = net.connect({ host: '127.0.0.1', port, noDelay: true });
    client.once('data', (hello: Buffer) => {
      const body = hello.subarray(5, 5 + hello.readUInt16BE(3));
      upstream.write(Buffer.concat([...body].map((octet) => Buffer.from([22, 3, 1, 0, 1, octet]))));
      upstream.write(hello.subarray(5 + body.length));
      client.on('data', (data) => upstream.write(data));
    });
    client.on('end', () => upstream.end());
    upstream.pipe(client);
    for (const socket of [client, upstream])
      socket.on('error', () => [client, upstream].forEach((s) => void s.destroy()));
  });
}

test('a ClientHello in pieces names the same host', async () => {
  const server = make().createServer((_request, response) => response.end('{}'), credentials);
  const origin = await start(server);
  for (const relay of [oneByOne, oneOctetRecords]) {
    const port = await start(relay(origin));
    assert.equal((await ask(port, { as: edge, servername: 'A.TEST' })).status, 200, relay.name);
    assert.equal((await ask(port, { as: edge, servername: 'b.test' })).status, 421, relay.name);
    assert.equal((await ask(port, { as: edge, host: 'b.test' })).status, 403, relay.name);
    assert.equal((await ask(port, { as: stranger })).status, 403, relay.name);
  }
});
