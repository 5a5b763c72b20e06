import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2, {
  type ClientHttp2Session,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { after, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { makeCa, makeClient, makeServer } from '../../../test/doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../../../test/doubles/edge.ts';
import { PREFACE, rawBlock, rawFrame } from '../../../test/doubles/http2-wire.ts';
import { scriptedOrigin } from '../../../test/doubles/wire.ts';
import type { IssuedCertificate } from '../../x509/mod.ts';
import { ERROR_CODE, FRAME } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import * as frame from './frame-writer.ts';

const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

const ca = await makeCa('Client CA');
const serverPair = await makeServer(await makeCa('Origin CA'), 'www.a.test');
const identities: Readonly<Record<'hostname' | 'zone' | 'global', IssuedCertificate>> = {
  hostname: await makeClient(ca, 'of hostname'),
  zone: await makeClient(ca, 'of zone'),
  global: await makeClient(ca, 'of all'),
};

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** An HTTP/2 origin that asks for a client certificate; `subjects` tells, connection by connection, whose it saw. */
async function startOrigin(
  handler: Handler,
  enforce = false,
  settings: http2.Settings = {},
): Promise<{ port: number; subjects: string[]; server: Http2SecureServer }> {
  const server = http2.createSecureServer({
    cert: serverPair.certificate,
    key: serverPair.privateKey,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: enforce,
    settings,
  });
  const subjects: string[] = [];
  server.on('session', (session) => {
    const socket = session.socket as TLSSocket;
    subjects.push(String(socket.getPeerCertificate()?.subject?.CN ?? 'none'));
    session.on('error', () => undefined);
  });
  server.on('stream', handler);
  server.on('tlsClientError', () => undefined);
  server.on('sessionError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => void server.close());
  return { port: (server.address() as AddressInfo).port, subjects, server };
}

function policy(port: number, level: 'hostname' | 'zone' | 'global' | 'none'): Policy {
  return {
    ssl: 'full',
    global: level !== 'none',
    zone: level === 'zone' || level === 'hostname',
    identities: {
      h: { level: 'hostname', pair: identities.hostname },
      z: { level: 'zone', pair: identities.zone },
      g: { level: 'global', pair: identities.global },
    },
    hosts: { www: { port, ...(level === 'hostname' ? { association: 'h' } : {}) } },
  };
}

async function visit(edge: TestEdge): Promise<ClientHttp2Session> {
  const session = http2.connect(`https://127.0.0.1:${edge.httpsPort}`, {
    servername: 'www.a.test',
    ca: edge.root.certificate,
  });
  session.on('error', () => undefined);
  closers.push(() => session.destroy());
  await once(session, 'connect');
  return session;
}

async function start(
  handler: Handler,
  level: 'hostname' | 'zone' | 'global' | 'none' = 'zone',
  enforce = false,
  settings: http2.Settings = {},
) {
  const origin = await startOrigin(handler, enforce, settings);
  const edge = await startEdge(policy(origin.port, level), { drain: 500 });
  closers.push(() => edge.edge.drain());
  return { origin, edge, session: await visit(edge) };
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
}

const GRPC = { ':method': 'POST', ':authority': 'www.a.test', 'content-type': 'application/grpc', te: 'trailers' };

function call(session: ClientHttp2Session, path: string, fields: Record<string, string> = {}) {
  const stream = session.request({ ...GRPC, ':path': path, ...fields });
  const answer = { headers: {} as IncomingHttpHeaders, trailers: {} as IncomingHttpHeaders, body: '' };
  stream.on('error', () => undefined);
  stream.on('response', (headers) => {
    answer.headers = headers;
  });
  stream.on('trailers', (trailers) => {
    answer.trailers = trailers;
  });
  stream.on('data', (data: Buffer) => {
    answer.body += data.toString('latin1');
  });
  return { stream, answer: new Promise<Answer>((resolve) => stream.on('close', () => resolve(answer))) };
}

/** A unary call: one message, framed as gRPC does. */
async function unary(session: ClientHttp2Session, path: string): Promise<Answer> {
  const { stream, answer } = call(session, path);
  stream.end('\0\0\0\0\x05hello');
  return await answer;
}

const echo: Handler = (stream, headers) => {
  let body = '';
  stream.on('error', () => undefined);
  stream.on('data', (data) => {
    body += data;
  });
  stream.on('end', () => {
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'x-te': String(headers.te),
        'x-path': String(headers[':path']),
      },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
    stream.end(body);
  });
};

for (const level of ['hostname', 'zone', 'global', 'none'] as const) {
  test(`a unary gRPC call goes through with its trailers: level ${level}`, async () => {
    const { session, origin, edge } = await start(echo, level);
    const { headers, body, trailers } = await unary(session, '/pkg.Service/Method');
    assert.equal(Number(headers[':status']), 200);
    assert.equal(headers['x-te'], 'trailers');
    assert.equal(headers['x-path'], '/pkg.Service/Method');
    assert.equal(body, '\0\0\0\0\x05hello');
    assert.equal(trailers['grpc-status'], '0');
    const expected = { hostname: 'of hostname', zone: 'of zone', global: 'of all', none: 'none' }[level];
    assert.deepEqual(origin.subjects, [expected]);
    assert.equal(edge.log().at(-1)!.OriginClientCertLevel, level);
  });
}

test('calls share one connection, and a change of level takes another at once', async () => {
  const { session, origin, edge } = await start(echo, 'zone');
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => unary(session, `/${i}`)));
  assert.deepEqual(
    answers.map(({ headers }) => headers['x-path']),
    answers.map((_, i) => `/${i}`),
  );
  assert.deepEqual(origin.subjects, ['of zone']);
  await edge.apply(policy(origin.port, 'hostname'));
  await unary(session, '/after');
  assert.deepEqual(origin.subjects, ['of zone', 'of hostname']);
});

test('a stream goes both ways at once', async () => {
  const { session } = await start((stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (data) => stream.write(`echo ${data}`));
    stream.on('end', () => stream.end());
  });
  const { stream, answer } = call(session, '/chat');
  for (const word of ['one', 'two', 'three']) {
    stream.write(word);
    assert.equal(String((await once(stream, 'data'))[0]), `echo ${word}`);
  }
  stream.end();
  assert.equal((await answer).trailers['grpc-status'], '0');
});

test('large messages go both ways through the windows', async () => {
  const { session } = await start(echo);
  const { stream, answer } = call(session, '/large');
  stream.end(Buffer.alloc(5_000_000, 97));
  const { body, trailers } = await answer;
  assert.equal(body.length, 5_000_000);
  assert.equal(trailers['grpc-status'], '0');
});

test('a cancelled call is cancelled at the origin', async () => {
  const asked = Promise.withResolvers<ServerHttp2Stream>();
  const { session } = await start((stream) => {
    stream.on('error', () => undefined);
    asked.resolve(stream);
  });
  const { stream } = call(session, '/slow');
  stream.end();
  const aborted = once(await asked.promise, 'close');
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await aborted;
});

test('an origin that refuses the certificate, is down, or speaks no HTTP/2 becomes a grpc-status', async () => {
  const refusing = await start(echo, 'none', true);
  const refused = await unary(refusing.session, '/');
  assert.equal(Number(refused.headers[':status']), 200);
  assert.equal(refused.headers['grpc-status'], '14');
  assert.match(decodeURIComponent(String(refused.headers['grpc-message'])), /does not accept the client certificate/);
  const down = await start(echo);
  await down.edge.apply(policy(1, 'zone'));
  assert.equal((await unary(down.session, '/')).headers['grpc-status'], '14');
  const old = await scriptedOrigin(() => undefined, { cert: serverPair.certificate, key: serverPair.privateKey });
  closers.push(() => old.close());
  await down.edge.apply(policy(old.port, 'zone'));
  const answer = await unary(down.session, '/');
  assert.equal(answer.headers['grpc-status'], '14');
  assert.match(decodeURIComponent(String(answer.headers['grpc-message'])), /HTTP\/2/);
});

test('more requests at once than an origin allows on a connection are all answered', async () => {
  const answer: Handler = (stream) => {
    stream.on('error', () => undefined);
    stream.on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end('fine');
    });
    stream.resume();
  };
  const { session } = await start(answer, 'zone', false, { maxConcurrentStreams: 10 });
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const { stream, answer } = call(session, `/${i}`, { 'content-type': 'text/plain' });
      stream.end('body');
      return await answer;
    }),
  );
  assert.deepEqual(new Set(answers.map(({ headers }) => Number(headers[':status']))), new Set([200]));
});

test('an origin that lies about its length, or resets, never looks complete', async () => {
  const { session } = await start((stream, headers) => {
    stream.on('error', () => undefined);
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'content-length': '10' });
    if (headers[':path'] === '/short') stream.end('short');
    else {
      stream.write('12345');
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    }
  });
  for (const path of ['/short', '/reset']) {
    const { stream, answer } = call(session, path);
    stream.end();
    await answer;
    assert.notEqual(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR, path);
  }
});

/** An HTTP/2 origin that does as it is told, frame by frame; `onRequest` gets the connection's number and the stream. */
async function rawOrigin(
  onRequest: (socket: Socket, connection: number, streamId: number) => void,
  onPing: (socket: Socket) => void = () => undefined,
  onBody: (socket: Socket, streamId: number, data: string) => void = () => undefined,
): Promise<number> {
  const origin = await scriptedOrigin(
    (socket, connection) => {
      const reader = new FrameReader(
        {
          onFrame: (type, _flags, streamId, payload) => {
            if (type === FRAME.HEADERS) onRequest(socket, connection, streamId);
            if (type === FRAME.PING) onPing(socket);
            if (type === FRAME.DATA) onBody(socket, streamId, payload.toString('latin1'));
          },
          onFrameTooLarge: () => undefined,
        },
        16_384,
      );
      let prefaceLeft = PREFACE.length;
      socket.on('data', (data: Buffer) => {
        const skipped = Math.min(prefaceLeft, data.length);
        prefaceLeft -= skipped;
        reader.push(data.subarray(skipped));
      });
      socket.write(frame.settings([]));
    },
    { cert: serverPair.certificate, key: serverPair.privateKey, ALPNProtocols: ['h2'] },
  );
  closers.push(() => origin.close());
  return origin.port;
}

const answered = (streamId: number, word: string): Buffer =>
  frame.headers(
    streamId,
    rawBlock([
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['x-word', word],
    ]),
    true,
    16_384,
  );

const REFUSALS: Readonly<Record<string, (streamId: number) => Buffer>> = {
  'a reset': (streamId) => frame.rstStream(streamId, ERROR_CODE.REFUSED_STREAM),
  'a GOAWAY': (streamId) => frame.goaway(Math.max(0, streamId - 2), ERROR_CODE.NO_ERROR),
};

for (const [name, refusal] of Object.entries(REFUSALS)) {
  test(`a call that an origin refuses unprocessed by ${name} is made again with its body, three times at most, if that is not too long`, async () => {
    let refusals = 0;
    let length = 10;
    let received = '';
    const port = await rawOrigin(
      () => undefined,
      undefined,
      (socket, streamId, data) => {
        received += data;
        if (received.length < length) return;
        socket.write(refusals-- > 0 ? refusal(streamId) : answered(streamId, received.slice(5)));
        received = '';
      },
    );
    const edge = await startEdge(policy(port, 'none'), { drain: 500 });
    closers.push(() => edge.edge.drain());
    const session = await visit(edge);
    assert.equal((await unary(session, '/')).headers['x-word'], 'hello');
    refusals = 3;
    assert.equal((await unary(session, '/refused')).headers['x-word'], 'hello');
    refusals = 4;
    assert.equal((await unary(session, '/always')).headers['grpc-status'], '14');
    refusals = 1;
    length = 40_000;
    const { stream, answer } = call(session, '/long');
    stream.end(Buffer.alloc(length));
    assert.equal((await answer).headers['grpc-status'], '14');
  });
}

test('a GOAWAY of the origin ends nothing that is under way, and new calls take another connection', async () => {
  const asked = Promise.withResolvers<Socket>();
  const port = await rawOrigin((socket, connection, streamId) => {
    if (connection > 1) socket.write(answered(streamId, 'new'));
    else {
      // The answer to the ping says that the GOAWAY before it was read.
      socket.write(frame.goaway(streamId, ERROR_CODE.NO_ERROR));
      socket.write(rawFrame(FRAME.PING, 0, 0, '12345678'));
    }
  }, asked.resolve);
  const edge = await startEdge(policy(port, 'none'), { drain: 500 });
  closers.push(() => edge.edge.drain());
  const session = await visit(edge);
  const slow = call(session, '/slow');
  slow.stream.end();
  const socket = await asked.promise;
  assert.equal((await unary(session, '/new')).headers['x-word'], 'new');
  socket.write(answered(1, 'late'));
  assert.equal((await slow.answer).headers['x-word'], 'late');
});

const BROKEN: Readonly<Record<string, Buffer>> = {
  'a response to nothing': answered(99, 'x'),
  'a push': Buffer.from('00000405040000000100000002', 'hex'),
  'a malformed block': frame.headers(1, Buffer.from('ffffffffffffff', 'hex'), true, 16_384),
  'an answer without a status': frame.headers(1, rawBlock([['x', 'y']]), true, 16_384),
  'a status that is none': frame.headers(1, rawBlock([[':status', '20']]), true, 16_384),
  'a field of the connection': frame.headers(
    1,
    rawBlock([
      [':status', '200'],
      ['connection', 'close'],
    ]),
    true,
    16_384,
  ),
  'a CRLF in a value': frame.headers(
    1,
    rawBlock([
      [':status', '200'],
      ['x', 'a\r\nb: c'],
    ]),
    true,
    16_384,
  ),
  'a body before its head': Buffer.concat([frame.dataHeader(1, 0, 1), Buffer.from('x')]),
  'a reset': frame.rstStream(1, ERROR_CODE.INTERNAL_ERROR),
  'a frame that is too large': Buffer.from('ffffff000000000001', 'hex'),
  'too many 1xx responses': Buffer.concat(
    Array.from({ length: 101 }, () => frame.headers(1, rawBlock([[':status', '103']]), false, 16_384)),
  ),
};

for (const [name, bytes] of Object.entries(BROKEN)) {
  test(`an origin that sends ${name} becomes a grpc-status, and the next call is served`, async () => {
    const port = await rawOrigin((socket, connection, streamId) =>
      socket.write(connection === 1 && streamId === 1 ? bytes : answered(streamId, 'fine')),
    );
    const edge = await startEdge(policy(port, 'none'), { drain: 500 });
    closers.push(() => edge.edge.drain());
    const session = await visit(edge);
    const failed = await unary(session, '/');
    assert.equal(Number(failed.headers[':status']), 200);
    assert.equal(failed.headers['grpc-status'], '14');
    assert.equal((await unary(session, '/')).headers['x-word'], 'fine');
  });
}

test('a call that waits for a connection of an identity that goes is made under the new one at once', async () => {
  const connected = Promise.withResolvers<void>();
  const silent = await scriptedOrigin(() => connected.resolve());
  closers.push(() => silent.close());
  const origin = await startOrigin(echo);
  const edge = await startEdge(policy(silent.port, 'zone'), { drain: 500 });
  closers.push(() => edge.edge.drain());
  const session = await visit(edge);
  const answer = unary(session, '/waits');
  await connected.promise;
  await edge.apply(policy(origin.port, 'hostname'));
  assert.equal((await answer).trailers['grpc-status'], '0');
  assert.deepEqual(origin.subjects, ['of hostname']);
});
