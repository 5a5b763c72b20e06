import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { GET, type RawVisitor, rawBlock, rawFrame, visitHttp2 } from '../../test/doubles/http2-wire.ts';
import {
  eachRequest,
  response,
  type ScriptedOrigin,
  scriptedOrigin,
  type Visitor,
  visitHttp,
} from '../../test/doubles/wire.ts';
import { FLAG, FRAME } from './http2/frame.ts';
import { STREAM_WINDOW } from './http2/input.ts';

const MEGABYTE = 1024 * 1024;
const PART = Buffer.alloc(16_384, 'x');
const TOO_LARGE = /^HTTP\/1\.1 413 Content Too Large\r\n[\s\S]*larger than 1 MB/;

let edge: TestEdge;
let origin: ScriptedOrigin;
let policy: Policy;
/** Requests that reached the origin whole, and how its connections with an unfinished one ended. */
let whole: number[] = [];
let cut = Promise.withResolvers<string>();

before(async () => {
  origin = await scriptedOrigin((socket) => {
    let text = '';
    let hasAnswered = false;
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
      if (hasAnswered || !text.startsWith('POST /early')) return;
      hasAnswered = true;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbe');
    });
    for (const event of ['end', 'close']) socket.on(event, () => cut.resolve(text));
    eachRequest(socket, (request) => {
      whole.push(request.length);
      socket.write(response('taken'));
    });
  });
  policy = { ssl: 'flexible', settings: { max_upload: 1 }, hosts: { www: { port: 1, httpPort: origin.port } } };
  edge = await startEdge(policy, { drain: 500, linger: 100 });
});
after(async () => {
  await edge.edge.drain();
  origin.close();
});

const head = (fields: string, path = '/'): string => `POST ${path} HTTP/1.1\r\nHost: www.a.test\r\n${fields}\r\n\r\n`;
const chunk = (data: Buffer): string => `${data.length.toString(16)}\r\n${data.toString('latin1')}\r\n`;

/** Sends a chunked body until the answer, or whatever ends the connection, comes. */
async function sendChunks(visitor: Visitor): Promise<void> {
  for (let sent = 0; sent <= MEGABYTE && !visitor.text.includes(' 413 ') && !visitor.socket.destroyed; ) {
    visitor.send(chunk(PART));
    sent += PART.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function reset(): void {
  whole = [];
  cut = Promise.withResolvers();
}

test('a Content-Length over the limit is 413 before any origin, and nobody is told to continue', async () => {
  const connections = origin.connections();
  for (const fields of ['', '\r\nExpect: 100-continue']) {
    const visitor = await visitHttp(edge);
    visitor.send(head(`Content-Length: ${MEGABYTE + 1}${fields}`));
    assert.match(await visitor.end(), TOO_LARGE);
  }
  assert.equal(origin.connections(), connections);
});

test('a body of exactly the limit passes, sized and chunked', async () => {
  reset();
  for (const chunked of [false, true]) {
    const visitor = await visitHttp(edge);
    const fields = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${MEGABYTE}`;
    visitor.send(head(`Connection: close\r\n${fields}`));
    for (let i = 0; i < MEGABYTE / PART.length; i++) visitor.send(chunked ? chunk(PART) : PART.toString('latin1'));
    if (chunked) visitor.send('0\r\n\r\n');
    assert.match(await visitor.end(), /taken$/);
  }
  assert.equal(whole.length, 2);
});

test('a chunked body that grows over the limit is 413, and the origin never sees its end', async () => {
  reset();
  const visitor = await visitHttp(edge);
  visitor.send(head('Transfer-Encoding: chunked'));
  await sendChunks(visitor);
  visitor.send('0\r\n\r\n');
  assert.match(await visitor.end(), TOO_LARGE);
  assert.ok(!(await cut.promise).endsWith('\r\n0\r\n\r\n'));
  assert.deepEqual(whole, []);
});

test('over the limit after the response began, both connections are cut', async () => {
  reset();
  const visitor = await visitHttp(edge);
  visitor.send(head('Transfer-Encoding: chunked', '/early'));
  await visitor.until(/be$/);
  await sendChunks(visitor);
  assert.match(await visitor.end(), /Content-Length: 5\r\n[\s\S]*\r\n\r\nbe$/);
  await cut.promise;
  assert.deepEqual(whole, []);
});

const POST: readonly (readonly [string, string])[] = [[':method', 'POST'], ...GET.slice(1)];

/** The status that an upload of one byte too many gets. */
async function statusOver(contentLength: number | null): Promise<number> {
  const session = http2.connect(`https://127.0.0.1:${edge.httpsPort}`, {
    servername: 'www.a.test',
    ca: edge.root.certificate,
  });
  session.on('error', () => undefined);
  const length = contentLength === null ? {} : { 'content-length': String(contentLength) };
  const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'www.a.test', ...length });
  stream.on('error', () => undefined);
  const status = new Promise<number>((resolve) => stream.on('response', (fields) => resolve(fields[':status']!)));
  stream.write(Buffer.alloc(MEGABYTE + 1));
  try {
    return await status;
  } finally {
    session.destroy();
  }
}

test('HTTP/2: both ways to be too large are 413', async () => {
  reset();
  const connections = origin.connections();
  assert.equal(await statusOver(MEGABYTE + 1), 413);
  assert.equal(origin.connections(), connections);
  assert.equal(await statusOver(null), 413);
  await cut.promise;
  assert.deepEqual(whole, []);
});

test('HTTP/2: the connection goes on after a body that was too large', async () => {
  const visitor: RawVisitor = await visitHttp2(edge);
  visitor.send(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS, 1, rawBlock(POST)));
  // No more than the edge allows, as it gives window back.
  let allowed = STREAM_WINDOW;
  for (let seen = 0, sent = 0; sent <= MEGABYTE; sent += PART.length) {
    while (allowed < PART.length) {
      await visitor.until(
        (frame) => visitor.frames.indexOf(frame) >= seen && frame.type === FRAME.WINDOW_UPDATE && frame.streamId === 1,
      );
      for (; seen < visitor.frames.length; seen++) {
        const { type, streamId, payload } = visitor.frames[seen]!;
        if (type === FRAME.WINDOW_UPDATE && streamId === 1) allowed += payload.readUInt32BE(0);
      }
    }
    visitor.send(rawFrame(FRAME.DATA, 0, 1, PART));
    allowed -= PART.length;
  }
  assert.equal(await visitor.outcome(1), -1);
  assert.ok(await visitor.until(({ type, streamId }) => type === FRAME.RST_STREAM && streamId === 1));
  visitor.send(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 3, rawBlock(GET)));
  assert.equal(await visitor.outcome(3), -1);
  visitor.socket.destroy();
});

test('toward an HTTP/2 origin, a body that grows over the limit ends in a reset', async () => {
  const pair = await makeServer(await makeCa('Origin CA'), 'www.a.test');
  const server = http2.createSecureServer({ cert: pair.certificate, key: pair.privateKey });
  const ended = Promise.withResolvers<{ readonly isWhole: boolean; readonly code: number }>();
  server.on('stream', (stream) => {
    let isWhole = false;
    stream.on('error', () => undefined);
    stream.on('data', () => undefined);
    stream.on('end', () => {
      isWhole = !stream.aborted;
    });
    stream.on('close', () => ended.resolve({ isWhole, code: stream.rstCode }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const other = await startEdge(
    { settings: { max_upload: 1 }, hosts: { www: { port, httpPort: 1 } } },
    { drain: 500, linger: 100 },
  );
  const session = http2.connect(`https://127.0.0.1:${other.httpsPort}`, {
    servername: 'www.a.test',
    ca: other.root.certificate,
  });
  session.on('error', () => undefined);
  const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'www.a.test' });
  stream.on('error', () => undefined);
  const status = new Promise((resolve) => stream.on('response', (fields) => resolve(fields[':status'])));
  stream.end(Buffer.alloc(MEGABYTE + 1));
  assert.equal(await status, 413);
  const { isWhole, code } = await ended.promise;
  assert.deepEqual([isWhole, code], [false, http2.constants.NGHTTP2_CANCEL]);
  session.destroy();
  await other.edge.drain();
  server.close();
});

test('a WebSocket has no limit', async () => {
  const tunnel = await scriptedOrigin((socket) => {
    let received = 0;
    let isOpen = false;
    socket.on('data', (data: Buffer) => {
      if (isOpen) received += data.length;
      else socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      isOpen = true;
      if (received > 2 * MEGABYTE) socket.end('all of it');
    });
  });
  const other = await startEdge(
    { ssl: 'flexible', settings: { max_upload: 1 }, hosts: { www: { port: 1, httpPort: tunnel.port } } },
    { drain: 500, linger: 100 },
  );
  const visitor = await visitHttp(other);
  visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await visitor.until(/ 101 /);
  visitor.socket.write(Buffer.alloc(2 * MEGABYTE + 1));
  await visitor.until(/all of it$/);
  visitor.socket.destroy();
  await other.edge.drain();
  tunnel.close();
});

test('a change of the setting is in force for the next request', async () => {
  await edge.apply({ ...policy, settings: { max_upload: 2 } });
  const visitor = await visitHttp(edge);
  visitor.send(head(`Connection: close\r\nContent-Length: ${MEGABYTE + 1}`));
  visitor.socket.write(Buffer.alloc(MEGABYTE + 1));
  assert.match(await visitor.end(), /taken$/);
  await edge.apply(policy);
});
