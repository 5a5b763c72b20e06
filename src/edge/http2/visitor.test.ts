import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { startEdge, type TestEdge } from '../../../test/doubles/edge.ts';
import { eachRequest, response, type Script, type ScriptedOrigin, scriptedOrigin } from '../../../test/doubles/wire.ts';
import type { Limits } from '../../core/mod.ts';

const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

interface Setting {
  readonly edge: TestEdge;
  readonly origin: ScriptedOrigin;
  readonly session: ClientHttp2Session;
}

/** An edge before a plain-http origin, and a visitor's HTTP/2 session to it. */
async function visit(script: Script, limits: Partial<Limits> = {}, settings: http2.Settings = {}): Promise<Setting> {
  const origin = await scriptedOrigin(script);
  const edge = await startEdge({ ssl: 'flexible', hosts: { www: { port: 1, httpPort: origin.port } } }, limits);
  const session = http2.connect(`https://127.0.0.1:${edge.httpsPort}`, {
    servername: 'www.a.test',
    ca: edge.root.certificate,
    settings,
  });
  session.on('error', () => undefined);
  closers.push(
    () => edge.edge.drain(),
    () => origin.close(),
    () => session.destroy(),
  );
  await once(session, 'connect');
  return { edge, origin, session };
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
}

const ask = (
  session: ClientHttp2Session,
  path: string,
  fields: Record<string, string | string[]> = {},
): ClientHttp2Stream => session.request({ ':path': path, ':authority': 'www.a.test', ...fields });

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const answer = { headers: {} as IncomingHttpHeaders, trailers: {} as IncomingHttpHeaders, body: '' };
  stream.on('response', (headers) => {
    answer.headers = headers;
  });
  stream.on('trailers', (trailers) => {
    answer.trailers = trailers;
  });
  stream.on('data', (data: Buffer) => {
    answer.body += data.toString('latin1');
  });
  await once(stream, 'close');
  return answer;
}

const get = (
  session: ClientHttp2Session,
  path: string,
  fields?: Record<string, string | string[]>,
): Promise<Answer> => {
  const stream = ask(session, path, fields);
  stream.end();
  return answerOf(stream);
};

const echo: Script = (socket) => eachRequest(socket, (request) => socket.write(response(request), 'latin1'));

test('a request reaches the origin as HTTP/1.1, with its cookies in one field and nothing of the connection', async () => {
  const { session } = await visit(echo);
  const { headers, body } = await get(session, '/a?b', { cookie: ['x=1', 'y=2'], 'x-own': 'v', te: 'trailers' });
  assert.equal(headers[':status'], 200);
  assert.equal(headers.server, 'countersign');
  assert.match(String(headers['cf-ray']), /^[0-9a-f]{16}-TST$/);
  assert.match(body, /^GET \/a\?b HTTP\/1\.1\r\nHost: www\.a\.test\r\n/);
  assert.match(body, /\r\ncookie: x=1; y=2\r\n/);
  assert.match(body, /\r\nx-own: v\r\n/);
  assert.match(body, /\r\nX-Forwarded-Proto: https\r\n/);
  assert.doesNotMatch(body, /\r\nte:|transfer-encoding|\r\n:/i);
});

test('many streams at once each get their own answer', async () => {
  const { session, edge } = await visit(echo);
  const paths = Array.from({ length: 90 }, (_, i) => `/${i}`);
  const answers = await Promise.all(paths.map((path) => get(session, path)));
  assert.deepEqual(
    answers.map(({ body }) => body.split(' ')[1]),
    paths,
  );
  assert.equal(edge.log().filter(({ ClientRequestProtocol }) => ClientRequestProtocol === 'HTTP/2').length, 90);
});

test('bodies go up, sized and not, with trailers', async () => {
  const { session } = await visit(echo);
  const sized = ask(session, '/sized', { ':method': 'POST', 'content-length': '5' });
  sized.end('hello');
  assert.match((await answerOf(sized)).body, /\r\nContent-Length: 5\r\n[\s\S]*\r\n\r\nhello$/);
  const open = session.request({ ':method': 'POST', ':path': '/open', ':authority': 'www.a.test' }, {
    waitForTrailers: true,
  } as never);
  open.on('wantTrailers', () => open.sendTrailers({ 'x-sum': '5' }));
  open.write('hel');
  open.end('lo');
  const { body } = await answerOf(open);
  assert.match(body, /\r\nTransfer-Encoding: chunked\r\n/);
  assert.match(body, /\r\n0\r\nx-sum: 5\r\n\r\n$/);
});

test('a body that is not as long as it says ends the stream, and the origin never gets its end', async () => {
  const requests: string[] = [];
  const { session } = await visit((socket) => eachRequest(socket, (request) => requests.push(request)));
  const stream = ask(session, '/', { ':method': 'POST', 'content-length': '9' });
  const failed = once(stream, 'error');
  stream.end('short');
  await failed;
  assert.deepEqual(requests, []);
});

test('HEAD, 204 and 304 have no body; 103 and trailers come down', async () => {
  const { session } = await visit((socket) =>
    eachRequest(socket, (request) => {
      const path = request.split(' ')[1];
      if (path === '/none') socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      else if (path === '/unchanged') socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n');
      else if (path === '/head') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n');
      else if (path === '/early') socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${response('late')}`);
      else socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 2\r\n\r\n');
    }),
  );
  const head = await get(session, '/head', { ':method': 'HEAD' });
  assert.deepEqual([head.headers[':status'], head.headers['content-length'], head.body], [200, '1234', '']);
  assert.equal((await get(session, '/none')).headers[':status'], 204);
  assert.equal((await get(session, '/unchanged')).headers[':status'], 304);
  const stream = ask(session, '/early');
  const early = once(stream, 'headers');
  const late = answerOf(stream);
  assert.equal(((await early)[0] as IncomingHttpHeaders)[':status'], 103);
  assert.equal((await late).body, 'late');
  const { body, trailers } = await get(session, '/trailers');
  assert.equal(body, 'hi');
  assert.equal(trailers['x-sum'], '2');
});

test('a large body comes down through small windows, and a visitor that does not read holds the origin back', async () => {
  const size = 8 * 1024 * 1024;
  let origin: Socket | null = null;
  const { session } = await visit(
    (socket) =>
      eachRequest(socket, (request) => {
        if (request.startsWith('GET /small')) {
          socket.write(response('small'));
          return;
        }
        origin = socket;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        socket.write(Buffer.alloc(size, 97));
      }),
    {},
    { initialWindowSize: 20_000 },
  );
  const stream = ask(session, '/');
  stream.end();
  await once(stream, 'response');
  stream.pause();
  assert.equal((await get(session, '/small')).body, 'small', 'another stream is not held up');
  assert.ok(origin!.writableLength > size / 4, 'the origin still has most of it');
  let received = 0;
  stream.on('data', (data: Buffer) => {
    received += data.length;
  });
  stream.resume();
  await once(stream, 'end');
  assert.equal(received, size);
});

test('a large body goes up, and an origin that does not read holds the visitor back', async () => {
  const size = 4 * 1024 * 1024;
  let received = 0;
  const connected = Promise.withResolvers<Socket>();
  const { session } = await visit((socket) => {
    socket.on('data', (data: Buffer) => {
      received += data.length;
      if (data.toString('latin1').endsWith('!')) socket.write(response('got it'));
    });
    socket.pause();
    connected.resolve(socket);
  });
  const stream = ask(session, '/', { ':method': 'POST', 'content-length': String(size) });
  stream.write(Buffer.alloc(size - 1, 97));
  stream.end('!');
  const answer = answerOf(stream);
  const origin = await connected.promise;
  assert.equal((await get(session, '/cdn-cgi/trace')).headers[':status'], 200, 'another stream is not held up');
  origin.resume();
  assert.equal((await answer).body, 'got it');
  assert.ok(received > size);
});

test('a cancelled stream ends its origin request and nothing else', async () => {
  const asked = Promise.withResolvers<Socket>();
  const { session } = await visit((socket) =>
    eachRequest(socket, (request) => {
      if (request.startsWith('GET /slow')) asked.resolve(socket as Socket);
      else socket.write(response('fine'));
    }),
  );
  const slow = ask(session, '/slow');
  slow.on('error', () => undefined);
  slow.end();
  const cancelled = once(await asked.promise, 'end');
  assert.equal((await get(session, '/one')).body, 'fine');
  slow.close(http2.constants.NGHTTP2_CANCEL);
  await cancelled;
  assert.equal((await get(session, '/two')).body, 'fine');
});

test('another host than the server name is 421, error pages and the trace work, and the log says HTTP/2', async () => {
  const { session, origin } = await visit(echo);
  assert.equal((await get(session, '/', { ':authority': 'other.a.test' })).headers[':status'], 421);
  const trace = await get(session, '/cdn-cgi/trace');
  assert.match(trace.body, /^h=www\.a\.test$/m);
  origin.close();
  const refused = await get(session, '/', { accept: 'application/json' });
  assert.equal(refused.headers[':status'], 521);
  assert.equal(JSON.parse(refused.body).status, 521);
});

test('a WebSocket opens over an extended CONNECT, goes both ways, and ends', async () => {
  const { session } = await visit((socket) => {
    let head = '';
    let isOpen = false;
    socket.on('data', (data: Buffer) => {
      if (isOpen) {
        socket.write(`echo ${data}`);
        return;
      }
      head += data;
      if (!head.includes('\r\n\r\n')) return;
      assert.match(head, /^GET \/chat HTTP\/1\.1\r\n/);
      assert.match(head, /\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n/i);
      assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
      isOpen = true;
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n',
      );
    });
    socket.on('end', () => socket.end('bye'));
  });
  if (session.remoteSettings?.enableConnectProtocol !== true) await once(session, 'remoteSettings');
  const stream = ask(session, '/chat', {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'https',
    'sec-websocket-version': '13',
  });
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  assert.equal(headers[':status'], 200);
  assert.equal(headers['sec-websocket-protocol'], 'chat');
  assert.equal(headers['sec-websocket-accept'], undefined);
  stream.write('one');
  assert.equal(String((await once(stream, 'data'))[0]), 'echo one');
  let rest = '';
  stream.on('data', (data: Buffer) => {
    rest += data;
  });
  stream.end();
  await once(stream, 'close');
  assert.equal(rest, 'bye');
});

test('a drain says GOAWAY, lets streams finish, and takes no new ones', async () => {
  const asked = Promise.withResolvers<Socket>();
  const { session, edge } = await visit((socket) => eachRequest(socket, () => asked.resolve(socket as Socket)));
  const stream = ask(session, '/slow');
  stream.end();
  const answer = answerOf(stream);
  const origin = await asked.promise;
  const goaway = once(session, 'goaway');
  const drained = edge.edge.drain();
  await goaway;
  origin.write(response('late but whole'));
  assert.equal((await answer).body, 'late but whole');
  await drained;
});
