import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, before, test } from 'node:test';
import { startEdge, type TestEdge } from '../../../test/doubles/edge.ts';
import { GET, PREFACE, type RawVisitor, rawBlock, rawFrame, visitHttp2 } from '../../../test/doubles/http2-wire.ts';
import { eachRequest, get, response, type ScriptedOrigin, scriptedOrigin } from '../../../test/doubles/wire.ts';
import { ERROR_CODE, FLAG, FRAME } from './frame.ts';

let edge: TestEdge;
let origin: ScriptedOrigin;
let requests: string[] = [];
const visitors: RawVisitor[] = [];

before(async () => {
  origin = await scriptedOrigin((socket) =>
    eachRequest(socket, (request) => {
      requests.push(request);
      if (!request.startsWith('GET /never')) socket.write(response('fine'));
    }),
  );
  edge = await startEdge(
    { ssl: 'flexible', hosts: { www: { port: 1, httpPort: origin.port } } },
    { requestHeadTime: 1_000, visitorStall: 1_000, drain: 1_000 },
  );
});
after(async () => {
  for (const { socket } of visitors) socket.destroy();
  await edge.edge.drain();
  origin.close();
});

async function visit(isBare = false): Promise<RawVisitor> {
  const visitor = await visitHttp2(edge, isBare);
  visitors.push(visitor);
  return visitor;
}

/** The edge still serves others, in HTTP/1.1 and over a new HTTP/2 connection. */
async function checkOthers(): Promise<void> {
  assert.match(await get(edge, 'www'), /fine$/);
  const visitor = await visit();
  visitor.send(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, rawBlock(GET)));
  assert.equal(await visitor.outcome(1), -1);
  visitor.socket.destroy();
}

const request = (fields: readonly (readonly [string, string])[], isEnd = true): Buffer =>
  rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | (isEnd ? FLAG.END_STREAM : 0), 1, rawBlock(fields));

const MALFORMED: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'without a method': GET.slice(1),
  'without a path': GET.slice(0, 3),
  'with an empty path': [...GET.slice(0, 3), [':path', '']],
  'with a pseudo-field twice': [...GET, [':path', '/b']],
  'with an unknown pseudo-field': [[':other', 'x'], ...GET],
  'with a response pseudo-field': [...GET, [':status', '200']],
  'with a pseudo-field after a field': [['x', 'y'], ...GET],
  'with a name in upper case': [...GET, ['X-Upper', 'y']],
  'with a name that is no token': [...GET, ['a b', 'y']],
  'with an empty name': [...GET, ['', 'y']],
  'with a CR in a value': [...GET, ['x', 'a\rb']],
  'with a CRLF in a value (request splitting)': [...GET, ['x', 'a\r\nHost: evil']],
  'with a NUL in a value': [...GET, ['x', 'a\0b']],
  'with white space around a value': [...GET, ['x', ' a']],
  'with a CRLF in the path': [...GET.slice(0, 3), [':path', '/ HTTP/1.1\r\nHost: evil']],
  'with a space in the path': [...GET.slice(0, 3), [':path', '/a b']],
  'with a space in the method': [[':method', 'GET /x'], ...GET.slice(1)],
  'with Connection': [...GET, ['connection', 'close']],
  'with Transfer-Encoding (H2.TE)': [...GET, ['transfer-encoding', 'chunked']],
  'with Upgrade (h2c)': [...GET, ['upgrade', 'h2c']],
  'with TE other than trailers': [...GET, ['te', 'gzip']],
  'with a Host that is not its :authority': [...GET, ['host', 'other.a.test']],
  'with a Content-Length and no body (H2.CL)': [...GET, ['content-length', '5']],
  'with two Content-Lengths': [...GET, ['content-length', '0'], ['content-length', '0']],
  'with a malformed Content-Length': [...GET, ['content-length', '+0']],
};

for (const [name, fields] of Object.entries(MALFORMED)) {
  test(`a request ${name} is reset, before any origin, and its connection goes on`, async () => {
    requests = [];
    const visitor = await visit();
    visitor.send(request(fields));
    assert.equal(await visitor.outcome(1), ERROR_CODE.PROTOCOL_ERROR);
    assert.deepEqual(requests, []);
    visitor.send(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 3, rawBlock(GET)));
    assert.equal(await visitor.outcome(3), -1);
    visitor.socket.destroy();
  });
}

const WINDOW_1 = Buffer.of(0, 0, 0, 1);
const VIOLATIONS: Readonly<Record<string, readonly [frames: readonly Buffer[], code: number]>> = {
  'DATA on stream 0': [[rawFrame(FRAME.DATA, 0, 0, 'x')], ERROR_CODE.PROTOCOL_ERROR],
  'DATA on a stream that never was': [[rawFrame(FRAME.DATA, 0, 1, 'x')], ERROR_CODE.STREAM_CLOSED],
  'padding longer than its frame': [[rawFrame(FRAME.DATA, FLAG.PADDED, 1, '\x09x')], ERROR_CODE.PROTOCOL_ERROR],
  'HEADERS on an even stream': [[rawFrame(FRAME.HEADERS, 5, 2, rawBlock(GET))], ERROR_CODE.PROTOCOL_ERROR],
  'a header block that is interrupted': [
    [rawFrame(FRAME.HEADERS, 1, 1, rawBlock(GET)), rawFrame(FRAME.PING, 0, 0, '12345678')],
    ERROR_CODE.PROTOCOL_ERROR,
  ],
  'CONTINUATION of nothing': [[rawFrame(FRAME.CONTINUATION, 4, 1)], ERROR_CODE.PROTOCOL_ERROR],
  'a header block that is garbage': [
    [rawFrame(FRAME.HEADERS, 5, 1, '\xff\xff\xff\xff\xff\xff\xff')],
    ERROR_CODE.COMPRESSION_ERROR,
  ],
  PUSH_PROMISE: [[rawFrame(FRAME.PUSH_PROMISE, 4, 1, '\0\0\0\x02')], ERROR_CODE.PROTOCOL_ERROR],
  'SETTINGS on a stream': [[rawFrame(FRAME.SETTINGS, 0, 1)], ERROR_CODE.PROTOCOL_ERROR],
  'SETTINGS of a wrong size': [[rawFrame(FRAME.SETTINGS, 0, 0, 'x')], ERROR_CODE.FRAME_SIZE_ERROR],
  'a window setting out of range': [
    [rawFrame(FRAME.SETTINGS, 0, 0, '\0\x04\xff\xff\xff\xff')],
    ERROR_CODE.FLOW_CONTROL_ERROR,
  ],
  'a frame size out of range': [[rawFrame(FRAME.SETTINGS, 0, 0, '\0\x05\0\0\0\x01')], ERROR_CODE.PROTOCOL_ERROR],
  'PING of a wrong size': [[rawFrame(FRAME.PING, 0, 0, '1')], ERROR_CODE.FRAME_SIZE_ERROR],
  'PING on a stream': [[rawFrame(FRAME.PING, 0, 1, '12345678')], ERROR_CODE.PROTOCOL_ERROR],
  'RST_STREAM of a stream that never was': [[rawFrame(FRAME.RST_STREAM, 0, 1, WINDOW_1)], ERROR_CODE.PROTOCOL_ERROR],
  'PRIORITY of a wrong size': [[rawFrame(FRAME.PRIORITY, 0, 1, 'x')], ERROR_CODE.FRAME_SIZE_ERROR],
  'WINDOW_UPDATE of 0': [[rawFrame(FRAME.WINDOW_UPDATE, 0, 0, '\0\0\0\0')], ERROR_CODE.PROTOCOL_ERROR],
  'WINDOW_UPDATE of nothing': [[rawFrame(FRAME.WINDOW_UPDATE, 0, 1, WINDOW_1)], ERROR_CODE.PROTOCOL_ERROR],
  'a window that overflows': [[rawFrame(FRAME.WINDOW_UPDATE, 0, 0, '\x7f\xff\xff\xff')], ERROR_CODE.FLOW_CONTROL_ERROR],
  'a frame that is too large': [[rawFrame(FRAME.DATA, 0, 1, Buffer.alloc(16_385))], ERROR_CODE.FRAME_SIZE_ERROR],
};

for (const [name, [frames, code]] of Object.entries(VIOLATIONS)) {
  test(`${name} ends the connection`, async () => {
    const visitor = await visit();
    visitor.send(...frames);
    assert.equal(await visitor.goaway(), code);
    assert.equal(await visitor.until(() => false), null, 'closed');
    visitor.socket.destroy();
  });
}

test('no preface, a wrong one, and no SETTINGS end the connection', async () => {
  for (const first of [
    'GET / HTTP/1.1\r\nHost: www.a.test\r\n\r\n',
    PREFACE + rawFrame(FRAME.PING, 0, 0, '12345678'),
  ]) {
    const visitor = await visit(true);
    visitor.send(Buffer.from(first, 'latin1'));
    assert.equal(await visitor.goaway(), ERROR_CODE.PROTOCOL_ERROR);
    visitor.socket.destroy();
  }
  const silent = await visit(true);
  assert.equal(await silent.goaway(), null, 'a silent connection just ends');
});

test('more than a window is refused: of the stream, and of the connection', async () => {
  const visitor = await visit();
  visitor.send(request([[':method', 'POST'], ...GET.slice(1, 3), [':path', '/never']], false));
  for (let i = 0; i < 20; i++) visitor.send(rawFrame(FRAME.DATA, 0, 1, Buffer.alloc(16_384)));
  // The origin takes them: the window comes back, and nobody is refused.
  assert.ok(await visitor.until(({ type, streamId }) => type === FRAME.WINDOW_UPDATE && streamId === 1));
  visitor.socket.destroy();
  await checkOthers();
});

/** Sends until the connection ends or so many were sent; resolves with GOAWAY's code. */
async function flood(count: number, frames: (i: number) => Buffer): Promise<number | null> {
  const visitor = await visit();
  for (let i = 0; i < count && !visitor.socket.destroyed; i += 50) {
    visitor.send(Buffer.concat(Array.from({ length: 50 }, (_, j) => frames(i + j))));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const code = await visitor.goaway();
  visitor.socket.destroy();
  return code;
}

const FLOODS: Readonly<Record<string, (i: number) => Buffer>> = {
  'rapid reset': (i) =>
    Buffer.concat([
      rawFrame(FRAME.HEADERS, 5, 2 * i + 1, rawBlock([...GET.slice(0, 3), [':path', '/never']])),
      rawFrame(FRAME.RST_STREAM, 0, 2 * i + 1, Buffer.of(0, 0, 0, 8)),
    ]),
  'made-you-reset': (i) =>
    Buffer.concat([
      rawFrame(FRAME.HEADERS, 5, 2 * i + 1, rawBlock([...GET.slice(0, 3), [':path', '/never']])),
      rawFrame(FRAME.WINDOW_UPDATE, 0, 2 * i + 1, Buffer.alloc(4)),
    ]),
  'malformed requests': (i) => rawFrame(FRAME.HEADERS, 5, 2 * i + 1, rawBlock(GET.slice(1))),
  PING: () => rawFrame(FRAME.PING, 0, 0, '12345678'),
  SETTINGS: () => rawFrame(FRAME.SETTINGS, 0, 0),
  'unknown frames': () => rawFrame(77, 0, 0),
  'empty DATA': (i) =>
    i === 0
      ? rawFrame(FRAME.HEADERS, FLAG.END_HEADERS, 1, rawBlock([[':method', 'POST'], ...GET.slice(1)]))
      : rawFrame(FRAME.DATA, 0, 1),
};

for (const [name, frames] of Object.entries(FLOODS)) {
  test(`a flood of ${name} is ended, and others are served`, async () => {
    assert.equal(await flood(2_000, frames), ERROR_CODE.ENHANCE_YOUR_CALM);
    await checkOthers();
  });
}

test('CONTINUATION without end is ended, by frames and by bytes', async () => {
  for (const payload of ['', 'x'.repeat(16_000)]) {
    const visitor = await visit();
    visitor.send(rawFrame(FRAME.HEADERS, 1, 1, rawBlock(GET)));
    for (let i = 0; i < 40; i++) visitor.send(rawFrame(FRAME.CONTINUATION, 0, 1, payload));
    assert.equal(await visitor.goaway(), ERROR_CODE.ENHANCE_YOUR_CALM);
    visitor.socket.destroy();
  }
});

test('a header block that names one long field a thousand times is 431, and costs no memory', async () => {
  const visitor = await visit();
  // A literal with indexing, then references to it (RFC 7541 section 6.1).
  const bomb = Buffer.concat([
    rawBlock(GET),
    Buffer.of(0x40),
    rawBlock([['x', 'v'.repeat(3_000)]]).subarray(1),
    Buffer.alloc(12_000, 0xbe),
  ]);
  visitor.send(rawFrame(FRAME.HEADERS, 5, 1, bomb));
  assert.equal(await visitor.outcome(1), -1);
  visitor.send(rawFrame(FRAME.HEADERS, 5, 3, rawBlock(GET)));
  assert.equal(await visitor.outcome(3), -1, 'the connection goes on');
  visitor.socket.destroy();
});

test('a header block, a body, and a reader that stall are each ended in time', async () => {
  const block = await visit();
  block.send(rawFrame(FRAME.HEADERS, 1, 1, rawBlock(GET)));
  assert.equal(await block.goaway(), null);
  const body = await visit();
  body.send(request([[':method', 'POST'], ...GET.slice(1)], false));
  assert.equal(await body.outcome(1), -1, '408');
  const reader = await visit();
  reader.send(rawFrame(FRAME.SETTINGS, 0, 0, '\0\x04\0\0\0\0'), rawFrame(FRAME.HEADERS, 5, 1, rawBlock(GET)));
  const reset = await reader.until(({ type, streamId }) => type === FRAME.RST_STREAM && streamId === 1);
  assert.equal(reset?.payload.readUInt32BE(0), ERROR_CODE.CANCEL);
  for (const visitor of [block, body, reader]) visitor.socket.destroy();
});

test('a header block that goes on byte by byte has no more time than one that stalls', async () => {
  const visitor = await visit();
  visitor.send(
    rawFrame(FRAME.HEADERS, 1, 1, rawBlock(GET)),
    rawFrame(FRAME.CONTINUATION, 0, 1, '\0'.repeat(1_000)).subarray(0, 9),
  );
  const timer = setInterval(() => visitor.send('\0'), 100);
  assert.equal(await visitor.goaway(), null);
  clearInterval(timer);
});

test('what the edge alone may say to an origin is left out, also spelled with underscores', async () => {
  requests = [];
  const names =
    'x-real-ip x_real_ip true-client-ip true_client_ip cf-ray cf_ray cf-visitor cf-ipcountry cf_connecting_ip ' +
    'x_forwarded_for x-forwarded-proto x_forwarded_proto client-cert client_cert client-cert-chain cf-cert-verified cf-worker';
  const visitor = await visit();
  visitor.send(
    request([...GET, ...names.split(' ').map((name): [string, string] => [name, '6.6.6.6']), ['x_fine', 'kept']]),
  );
  assert.equal(await visitor.outcome(1), -1);
  assert.match(requests[0]!, /\r\nx_fine: kept\r\n/);
  assert.ok(!requests[0]!.includes('6.6.6.6'), requests[0]!);
  visitor.socket.destroy();
});

test('more streams than allowed are refused, and a later one is served', async () => {
  const visitor = await visit();
  const many = Array.from({ length: 101 }, (_, i) =>
    rawFrame(FRAME.HEADERS, 5, 2 * i + 1, rawBlock([...GET.slice(0, 3), [':path', '/never']])),
  );
  visitor.send(Buffer.concat(many));
  assert.equal(await visitor.outcome(201), ERROR_CODE.REFUSED_STREAM);
  visitor.send(rawFrame(FRAME.RST_STREAM, 0, 1, Buffer.of(0, 0, 0, 8)), rawFrame(FRAME.HEADERS, 5, 203, rawBlock(GET)));
  assert.equal(await visitor.outcome(203), -1);
  visitor.socket.destroy();
});
