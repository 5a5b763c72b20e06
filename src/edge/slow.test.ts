import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { GET, rawBlock, rawFrame, visitHttp2 as rawVisit } from '../../test/doubles/http2-wire.ts';
import { eachRequest, get, response, type Script, scriptedOrigin, visitHttp } from '../../test/doubles/wire.ts';
import type { Limits } from '../core/mod.ts';
import type { IssuedCertificate } from '../x509/mod.ts';
import { FRAME } from './http2/frame.ts';

const MEGABYTE = 1024 * 1024;
const SIZE = 24 * MEGABYTE;

let server: IssuedCertificate;
const cleanUp: (() => unknown)[] = [];
before(async () => {
  server = await makeServer(await makeCa('Origin CA'), 'www.a.test');
});
after(async () => {
  for (const clean of cleanUp.reverse()) await clean();
});

async function edgeTo(policy: Policy, limits: Partial<Limits>): Promise<TestEdge> {
  // A short linger makes the edge look at its deadlines every 50 ms.
  const edge = await startEdge(policy, { drain: 500, linger: 50, ...limits });
  cleanUp.push(() => edge.edge.drain());
  return edge;
}

/** An edge to an origin over plain http. */
async function edgeToHttp1(script: Script, limits: Partial<Limits>): Promise<TestEdge> {
  const origin = await scriptedOrigin(script);
  cleanUp.push(() => origin.close());
  return await edgeTo({ ssl: 'flexible', hosts: { www: { port: 1, httpPort: origin.port } } }, limits);
}

/** An edge to an origin over HTTP/2. */
async function edgeToHttp2(
  onStream: (stream: http2.ServerHttp2Stream) => void,
  limits: Partial<Limits>,
): Promise<TestEdge> {
  const origin = http2.createSecureServer({ cert: server.certificate, key: server.privateKey });
  origin.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    onStream(stream);
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  cleanUp.push(() => origin.close());
  return await edgeTo({ hosts: { www: { port: (origin.address() as AddressInfo).port } } }, limits);
}

function visitHttp2({ httpsPort, root }: TestEdge): ClientHttp2Session {
  const session = http2.connect(`https://127.0.0.1:${httpsPort}`, { servername: 'www.a.test', ca: root.certificate });
  session.on('error', () => undefined);
  cleanUp.push(() => session.destroy());
  return session;
}

const ask = (session: ClientHttp2Session, method: string): ClientHttp2Stream => {
  const stream = session.request({ ':method': method, ':path': '/', ':authority': 'www.a.test' });
  stream.on('error', () => undefined);
  return stream;
};

/** Resolves when so much time has passed on the edge's own clock for deadlines. */
async function pass({ edge: { deadlines } }: TestEdge, time: number): Promise<void> {
  const begin = deadlines.now;
  while (deadlines.now - begin < time) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** An origin that answers when the body's last byte came, which is `!`. */
const takesAll: Script = (socket) => {
  socket.on('data', (data: Buffer) => {
    if (data.includes('!')) socket.write(response('got it'));
  });
};

for (const version of ['HTTP/1.1', 'HTTP/2'] as const) {
  test(`a slow upload over HTTP/2, to ${version}, is not an idle origin`, async () => {
    const limits = { originRead: 100 };
    const edge =
      version === 'HTTP/1.1'
        ? await edgeToHttp1(takesAll, limits)
        : await edgeToHttp2((stream) => {
            stream.on('data', () => undefined);
            stream.on('end', () => stream.end('got it'));
          }, limits);
    const stream = ask(visitHttp2(edge), 'POST');
    let text = '';
    stream.on('data', (data: Buffer) => {
      text += data.toString();
    });
    for (const part of ['a', 'b', 'c']) {
      stream.write(part);
      await pass(edge, 250);
    }
    stream.end('!');
    await once(stream, 'close');
    assert.equal(text, 'got it');
  });

  test(`a slow body from ${version} is passed on while it moves, and cut where it stands still`, async () => {
    const moves = async (edge: TestEdge, write: (part: string) => void): Promise<void> => {
      for (const part of ['a', 'b', 'c', 'd']) {
        write(part);
        await pass(edge, 300);
      }
    };
    const limits = { originRead: 600 };
    let edge: TestEdge;
    if (version === 'HTTP/1.1') {
      edge = await edgeToHttp1((socket) => {
        socket.once('data', async () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
          await moves(edge, (part) => socket.write(part));
        });
      }, limits);
    } else {
      edge = await edgeToHttp2(async (stream) => {
        stream.respond({ ':status': 200, 'content-length': '5' });
        await moves(edge, (part) => stream.write(part));
      }, limits);
    }
    const answered = await get(edge, 'www');
    assert.match(answered, /Content-Length: 5\r\n[\s\S]*\r\n\r\nabcd$/);
    // The visitor sees the end before the log does.
    while (edge.log().length === 0) await pass(edge, 1);
    assert.equal(edge.log().at(-1)!.OriginFailure, 'read_timeout');
  });
}

const sendsMuch: (closed: (socket: Socket) => void) => Script = (closed) => (socket) => {
  eachRequest(socket, () => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
    socket.write(Buffer.alloc(SIZE, 'x'));
  });
  for (const event of ['end', 'close']) socket.on(event, () => closed(socket));
};

/** Reads in bursts with pauses between, and resolves with the number of bytes that came. */
async function readInBursts(edge: TestEdge, source: Socket | ClientHttp2Stream): Promise<number> {
  let received = 0;
  let burst = 0;
  source.on('data', (data: Buffer) => {
    received += data.length;
    burst += data.length;
    if (burst < SIZE / 16) return;
    burst = 0;
    source.pause();
    void pass(edge, 150).then(() => source.resume());
  });
  await once(source, 'close');
  return received;
}

test('a reader that takes its time is served while it reads, over HTTP/1.1 and HTTP/2', async () => {
  const edge = await edgeToHttp1(
    sendsMuch(() => undefined),
    { visitorStall: 1_000 },
  );
  const visitor = await visitHttp(edge);
  visitor.socket.removeAllListeners('data');
  visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\n\r\n');
  visitor.socket.once('end', () => visitor.socket.end());
  assert.ok((await readInBursts(edge, visitor.socket)) > SIZE);
  const stream = ask(visitHttp2(edge), 'GET');
  stream.end();
  assert.equal(await readInBursts(edge, stream), SIZE);
});

test('a reader that stands still is cut off, and its origin connection with it, over HTTP/1.1 and HTTP/2', async () => {
  let closed = Promise.withResolvers<Socket>();
  const edge = await edgeToHttp1(
    sendsMuch((socket) => closed.resolve(socket)),
    { visitorStall: 300 },
  );
  const visitor = await visitHttp(edge);
  visitor.socket.removeAllListeners('data');
  visitor.socket.pause();
  visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\n\r\n');
  await closed.promise;
  visitor.socket.destroy();
  closed = Promise.withResolvers();
  const stream = ask(visitHttp2(edge), 'GET');
  stream.end();
  stream.once('response', () => stream.pause());
  await closed.promise;
  assert.deepEqual(
    edge.log().map((record) => record.EdgeResponseBytes < SIZE),
    [true, true],
  );
});

const PIPELINED: readonly [what: string, fields: string, count: number, answerSize: number][] = [
  ['from the origin', '', 600, 60_000],
  ['from the edge itself', 'CF-Connecting-IP: 1\r\n', 40_000, 700],
];
for (const [what, fields, count, size] of PIPELINED) {
  test(`a visitor that pipelines and does not read: answers ${what} go no further than its connection takes`, async () => {
    const edge = await edgeToHttp1(
      (socket) => eachRequest(socket, () => socket.write(response('x'.repeat(60_000)))),
      {},
    );
    const visitor = await visitHttp(edge);
    visitor.socket.removeAllListeners('data');
    visitor.socket.pause();
    const request = `GET / HTTP/1.1\r\nHost: www.a.test\r\n${fields}`;
    visitor.send(`${`${request}\r\n`.repeat(count - 1)}${request}Connection: close\r\n\r\n`);
    for (let last = -1, now = 0; last !== now || now === 0; now = edge.log().length) {
      last = now;
      await pass(edge, 300);
    }
    assert.ok(edge.log().length < count / 2, `${edge.log().length} requests are answered to nobody`);
    let received = 0;
    visitor.socket.on('data', (data: Buffer) => {
      received += data.length;
    });
    visitor.socket.resume();
    await once(visitor.socket, 'end');
    assert.ok(received > count * size);
  });
}

test('an HTTP/2 visitor that asks on and does not read is no longer read itself, until it reads', async () => {
  const most = 2_000;
  let asked = 0;
  const edge = await edgeToHttp1(
    (socket) =>
      eachRequest(socket, () => {
        asked++;
        socket.write(`HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(30_000)}\r\nContent-Length: 0\r\n\r\n`);
      }),
    {},
  );
  const visitor = await rawVisit(edge);
  visitor.socket.pause();
  const head = rawBlock([[':method', 'HEAD'], ...GET.slice(1)]);
  let sent = 0;
  // As many at a time as a connection may have, so that no stream is refused.
  for (let isServed = true; isServed && sent < most; ) {
    const frames = Array.from({ length: 50 }, (_, i) => rawFrame(FRAME.HEADERS, 5, 2 * (sent + i) + 1, head));
    visitor.send(Buffer.concat(frames));
    sent += frames.length;
    for (const until = edge.edge.deadlines.now + 1_500; isServed && asked < sent; ) {
      await new Promise((resolve) => setImmediate(resolve));
      isServed = edge.edge.deadlines.now < until;
    }
  }
  assert.ok(asked < most / 2, `${asked} requests are answered to nobody`);
  visitor.socket.resume();
  assert.equal(await visitor.outcome(2 * sent - 1), -1);
  visitor.socket.destroy();
});
