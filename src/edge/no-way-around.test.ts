import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { rawBlock, rawFrame, visitHttp2 } from '../../test/doubles/http2-wire.ts';
import { chooseSeed } from '../../test/doubles/random.ts';
import { customRules, rule } from '../../test/doubles/rules.ts';
import {
  eachRequest,
  response,
  type ScriptedOrigin,
  scriptedOrigin,
  visitHttp,
  visitHttps,
} from '../../test/doubles/wire.ts';

// Threats 2.3: whatever a request looks like, it reaches an origin only where the rules let it.
const MARKER = 'let-me-in';

let edge: TestEdge;
let origins: ScriptedOrigin[];
const seen: string[] = [];

before(async () => {
  const server = await makeServer(await makeCa('Origin CA'), 'www.a.test');
  const script = (socket: Parameters<Parameters<typeof scriptedOrigin>[0]>[0]) =>
    eachRequest(socket, (request) => {
      seen.push(request);
      socket.write(response('', '200 OK'), 'latin1');
    });
  origins = [
    await scriptedOrigin(script, { cert: server.certificate, key: server.privateKey }),
    await scriptedOrigin(script),
  ];
  edge = await startEdge({
    hosts: { www: { port: origins[0]!.port, httpPort: origins[1]!.port } },
    rules: [customRules(rule('r', `not any(http.request.headers["x-marker"][*] eq "${MARKER}")`, 'block'))],
  });
});
after(async () => {
  await edge.edge.drain();
  for (const origin of origins) origin.close();
});

interface Asked {
  readonly over: 'http' | 'https' | 'http2';
  readonly method: string;
  readonly path: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly isChunked: boolean;
  readonly isWebSocket: boolean;
}

const path = fc.oneof(
  fc.constantFrom(
    '/',
    '/.well-known/acme-challenge/token',
    '/.well-known/pki-validation/x.txt',
    '/cdn-cgi/trace',
    '/cdn-cgi/countersign/challenge?token=1.13.x&nonce=1&to=/',
    '/cdn-cgi/../x',
    '//',
    '/%2e%2e/%00',
    'http://www.a.test/absolute',
    '*',
  ),
  fc.stringMatching(/^\/[a-z%./?=&;]{0,40}$/),
);
const name = fc.oneof(
  fc.constantFrom(
    'x-marker',
    'X-Marker',
    'x_marker',
    'accept',
    'content-type',
    'x-original-url',
    'x-http-method-override',
    'range',
  ),
  fc.stringMatching(/^[a-z][a-z-]{0,10}[a-z]$/).map((text) => `x-${text}`),
);
const value = fc.oneof(
  fc.constantFrom(MARKER, MARKER, 'LET-ME-IN', `x, ${MARKER}`, 'application/grpc', 'text/html', `${MARKER};`),
  fc.stringMatching(/^[!-~]{1,20}$/),
);
const asked: fc.Arbitrary<Asked> = fc.record({
  over: fc.constantFrom('http', 'https', 'http2'),
  method: fc.oneof(
    fc.constantFrom(
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'OPTIONS',
      'PURGE',
      'PROPFIND',
      'TRACE',
      'CONNECT',
    ),
    fc.stringMatching(/^[A-Z]{1,8}$/),
  ),
  path,
  fields: fc.array(fc.oneof(fc.tuple(name, value), fc.constant(['x-marker', MARKER] as [string, string])), {
    maxLength: 3,
  }),
  body: fc.oneof(fc.constant(''), fc.string({ unit: 'binary-ascii', maxLength: 200 })),
  isChunked: fc.boolean(),
  isWebSocket: fc.boolean(),
});

function isMarked({ fields }: Asked): boolean {
  return fields.some(([field, text]) => field.toLowerCase() === 'x-marker' && text === MARKER);
}

async function askHttp1(request: Asked): Promise<void> {
  const { over, method, path: target, fields, body, isChunked, isWebSocket } = request;
  const visitor = await (over === 'http' ? visitHttp(edge) : visitHttps(edge, 'www'));
  let head = `${method} ${target} HTTP/1.1\r\nHost: www.a.test\r\n`;
  for (const [field, text] of fields) head += `${field}: ${text}\r\n`;
  if (isWebSocket)
    head += 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  else head += 'Connection: close\r\n';
  if (body === '') visitor.send(`${head}\r\n`);
  else if (isChunked)
    visitor.send(`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  else visitor.send(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  await visitor.until(/^HTTP\/1\.[01] \d/);
  visitor.socket.destroy();
}

async function askHttp2(request: Asked): Promise<void> {
  const { method, path: target, fields, body, isWebSocket } = request;
  const visitor = await visitHttp2(edge);
  const isConnect = method === 'CONNECT' && !isWebSocket;
  const pseudo: [string, string][] = [
    [':method', isWebSocket ? 'CONNECT' : method],
    [':authority', 'www.a.test'],
    ...(isConnect
      ? []
      : ([
          [':scheme', 'https'],
          [':path', target],
        ] as [string, string][])),
    ...(isWebSocket ? ([[':protocol', 'websocket']] as [string, string][]) : []),
  ];
  const lower = fields.map(([field, text]) => [field.toLowerCase(), text] as const);
  const isWhole = body === '' && !isWebSocket;
  visitor.send(rawFrame(1, isWhole ? 5 : 4, 1, rawBlock([...pseudo, ...lower])));
  if (!isWhole) visitor.send(rawFrame(0, 1, 1, body));
  await visitor.outcome(1);
  visitor.socket.destroy();
}

test('no request reaches an origin but those that the rules let pass', async () => {
  const seed = chooseSeed();
  let passed = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(asked, async (request) => {
      seen.length = 0;
      await (request.over === 'http2' ? askHttp2(request) : askHttp1(request));
      if (!isMarked(request)) {
        refused++;
        assert.deepEqual(seen, []);
      } else {
        passed += seen.length;
      }
    }),
    { numRuns: 600, seed },
  );
  // Without these the run would have shown nothing.
  assert.ok(passed > 50 && refused > 200, `${passed} passed, ${refused} refused, seed ${seed}`);
});
