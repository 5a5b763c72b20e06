import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { eachRequest, response, type ScriptedOrigin, scriptedOrigin, Visitor } from '../../test/doubles/wire.ts';

let edge: TestEdge;
let origin: ScriptedOrigin;

before(async () => {
  origin = await scriptedOrigin((socket) => eachRequest(socket, (request) => socket.write(response(request))));
  const balancers = [{ address: '127.0.0.1', prefix: 32 }];
  edge = await startEdge(
    { ssl: 'flexible', hosts: { www: { port: origin.port } } },
    { drain: 500, linger: 100, visitorHandshake: 300 },
    balancers,
  );
});
after(async () => {
  await edge.edge.drain();
  origin.close();
});

/** Connects from an address of loopback, and sends something first. */
function connect(port: number, from: string, first: string | Buffer): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true }, () => {
      if (first.length > 0) socket.write(first);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

const BALANCER = '127.0.0.1';
const STRANGER = '127.0.0.2';
const HEADER = 'PROXY TCP4 203.0.113.7 127.0.0.1 4711 443\r\n';
const REQUEST = 'GET / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\n\r\n';

async function getHttp(from: string, text: string): Promise<string> {
  return await new Visitor(await connect(edge.httpPort, from, text)).end();
}

async function getHttps(from: string, first: string | Buffer): Promise<string> {
  const socket = await connect(edge.httpsPort, from, first);
  const secured = tls.connect({ socket, servername: 'www.a.test', ca: edge.root.certificate });
  const visitor = new Visitor(secured);
  secured.write(REQUEST);
  return await visitor.end();
}

/** What the origin and the log say about whose request it was. */
function assertVisitor(answered: string, address: string): void {
  assert.match(answered, /^HTTP\/1\.1 200 /);
  assert.ok(answered.includes(`\r\nCF-Connecting-IP: ${address}\r\n`), answered);
  assert.ok(answered.includes(`\r\nX-Forwarded-For: ${address}\r\n`), answered);
  assert.equal(edge.log().at(-1)!.ClientIP, address);
}

test('over http, a listed address says whose connection it passes on', async () => {
  assertVisitor(await getHttp(BALANCER, HEADER + REQUEST), '203.0.113.7');
});

test('over https, the header comes before TLS', async () => {
  assertVisitor(await getHttps(BALANCER, HEADER), '203.0.113.7');
});

test('version 2, with an extension', async () => {
  const header = Buffer.from('0d0a0d0a000d0a515549540a2121002920010db8', 'hex');
  const addresses = Buffer.concat([Buffer.alloc(11), Buffer.from([7]), Buffer.alloc(16), Buffer.from([1, 2, 1, 187])]);
  assertVisitor(
    await getHttps(BALANCER, Buffer.concat([header, addresses, Buffer.from('0400020000', 'hex')])),
    '2001:db8::7',
  );
});

test('a header that comes byte by byte, and the request after it likewise', async () => {
  const socket = await connect(edge.httpPort, BALANCER, '');
  const visitor = new Visitor(socket);
  for (const byte of HEADER + REQUEST) await new Promise((done) => socket.write(byte, done));
  assertVisitor(await visitor.end(), '203.0.113.7');
});

test('a balancer that speaks for itself is the visitor', async () => {
  assertVisitor(await getHttp(BALANCER, `PROXY UNKNOWN\r\n${REQUEST}`), BALANCER);
});

test('a trace tells the real address too', async () => {
  const answered = await getHttp(BALANCER, HEADER + REQUEST.replace('/', '/cdn-cgi/trace'));
  assert.match(answered, /\nip=203\.0\.113\.7\n/);
});

test('a listed address without a header gets no answer, at once or after the time it has', async () => {
  assert.equal(await getHttp(BALANCER, REQUEST), '');
  await assert.rejects(getHttps(BALANCER, '').then((answered) => assert.notEqual(answered, '')));
  assert.equal(await getHttp(BALANCER, 'PROXY TCP4 203.0.113.7'), '');
  assert.equal(await getHttp(BALANCER, ''), '');
});

test('any other address has no header to send: it would be the request, or the handshake', async () => {
  assertVisitor(await getHttp(STRANGER, REQUEST), STRANGER);
  assertVisitor(await getHttps(STRANGER, ''), STRANGER);
  assert.match(await getHttp(STRANGER, HEADER + REQUEST), /^HTTP\/1\.1 400 /);
  await assert.rejects(getHttps(STRANGER, HEADER).then((answered) => assert.notEqual(answered, '')));
});

test('one header a connection: a second one is part of the request', async () => {
  assert.match(await getHttp(BALANCER, HEADER + HEADER + REQUEST), /^HTTP\/1\.1 400 /);
});

/** A ClientHello as the runtime writes it. */
async function clientHello(): Promise<Buffer> {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  const arrived = once(listener, 'connection') as Promise<[net.Socket]>;
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'www.a.test' }).on('error', () => undefined);
  const [socket] = await arrived;
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return hello;
}

for (const [what, leave] of [
  ['ends its connection', (socket: net.Socket) => socket.end()],
  ['resets its connection', (socket: net.Socket) => socket.resetAndDestroy()],
] as const)
  test(`a visitor that ${what} within the handshake is gone at once`, async () => {
    const patient = await startEdge(
      { ssl: 'flexible', hosts: { www: { port: origin.port } } },
      { visitorHandshake: 60_000 },
    );
    const socket = await connect(patient.httpsPort, STRANGER, await clientHello());
    await once(socket, 'data');
    leave(socket);
    const closed = once(socket, 'close');
    if (!socket.destroyed) socket.resume();
    await closed;
    const before = performance.now();
    assert.equal(await patient.edge.drain(), 0);
    assert.ok(performance.now() - before < 1_000);
  });

test('a visitor that says nothing more within the handshake is closed when its time is over', async () => {
  const socket = await connect(edge.httpsPort, STRANGER, await clientHello());
  // The rest of the edge's flight: from here on it waits for the visitor's.
  socket.resume();
  await once(socket, 'close');
});

test('a visitor within the handshake is cut off when a drain has lasted long enough', async () => {
  const brief = await startEdge(
    { ssl: 'flexible', hosts: { www: { port: origin.port } } },
    { visitorHandshake: 60_000, drain: 300 },
  );
  const socket = await connect(brief.httpsPort, STRANGER, await clientHello());
  await once(socket, 'data');
  socket.resume();
  const closed = once(socket, 'close');
  assert.equal(await brief.edge.drain(), 1);
  await closed;
});
