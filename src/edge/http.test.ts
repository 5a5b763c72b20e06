import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, before, test } from 'node:test';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { GET, type RawFrame, rawBlock, rawFrame, visitHttp2 } from '../../test/doubles/http2-wire.ts';
import {
  eachRequest,
  get,
  response,
  type ScriptedOrigin,
  scriptedOrigin,
  visitHttp,
  visitHttps,
} from '../../test/doubles/wire.ts';
import { FLAG, FRAME } from './http2/frame.ts';

let edge: TestEdge;
let origin: ScriptedOrigin;
let tlsOrigin: ScriptedOrigin;

/** An origin whose answer the path chooses; `/echo` sends the request back as it came. */
function answer(request: string): string {
  const path = request.split(' ')[1]!;
  switch (path.split('?')[0]) {
    case '/chunked':
      return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;x=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\nContent-Length: 5\r\n\r\n';
    case '/none':
      return 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n';
    case '/unchanged':
      return 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 100\r\n\r\n';
    case '/early':
      return (
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n' +
        response('late')
      );
    case '/head':
      return request.startsWith('HEAD')
        ? 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n'
        : response('x'.repeat(1234));
    case '/fields':
      return response(
        '',
        '200 OK',
        'Server: real\r\nX-Accel-Redirect: /x\r\nAlt-Svc: h3\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nConnection: X-Hop\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n',
      );
    default:
      return response(request);
  }
}

before(async () => {
  origin = await scriptedOrigin((socket) => {
    eachRequest(socket, (request) => {
      if (request.startsWith('GET /until-close')) socket.end('HTTP/1.0 200 OK\r\n\r\nuntil close', 'latin1');
      else socket.write(answer(request), 'latin1');
    });
  });
  const server = await makeServer(await makeCa('Origin CA'), 'www.a.test');
  tlsOrigin = await scriptedOrigin(
    (socket) => eachRequest(socket, (request) => socket.write(answer(request), 'latin1')),
    {
      cert: server.certificate,
      key: server.privateKey,
    },
  );
  edge = await startEdge(
    {
      hosts: {
        www: { port: tlsOrigin.port, httpPort: origin.port },
        other: { port: tlsOrigin.port, httpPort: origin.port, hostHeader: 'inner.test' },
      },
    },
    { requestHeadTime: 1_000, visitorStall: 1_000 },
  );
});
after(async () => {
  await edge.edge.drain();
  origin.close();
  tlsOrigin.close();
});

const http = async (text: string): Promise<string> => {
  const visitor = await visitHttp(edge);
  visitor.send(text);
  return await visitor.end();
};
const close = 'Host: www.a.test\r\nConnection: close\r\n';

test('the origin sees the headers of spec 4.1', async () => {
  const seen = await get(
    edge,
    'www',
    '/echo?q=1',
    'X-Forwarded-For: 198.51.100.7\r\nAccept-Encoding: zstd\r\nX-Forwarded-Proto: ftp\r\nX-Real-IP: 6.6.6.6\r\nX-Kept: yes\r\n',
  );
  const [head, body] = [seen.slice(0, seen.indexOf('\r\n\r\n')), seen.slice(seen.indexOf('\r\n\r\n') + 4)];
  const ray = /CF-Ray: ([0-9a-f]{16}-TST)/.exec(head)![1]!;
  const lines = body.split('\r\n');
  for (const expected of [
    'GET /echo?q=1 HTTP/1.1',
    'Host: www.a.test',
    'X-Kept: yes',
    'Accept-Encoding: br, gzip',
    'CF-Connecting-IP: 127.0.0.1',
    'X-Forwarded-For: 198.51.100.7,127.0.0.1',
    'X-Forwarded-Proto: https',
    'CF-Visitor: {"scheme":"https"}',
    `CF-Ray: ${ray}`,
    'CF-IPCountry: XX',
    'CDN-Loop: countersign; loops=1',
    'Connection: Keep-Alive',
  ]) {
    assert.ok(lines.includes(expected), `${expected} in ${body}`);
  }
  assert.ok(!/x-real-ip|ftp|zstd/i.test(body));
  assert.match(head, /\r\nServer: countersign\r\n/);
});

test('a rewritten Host header reaches the origin', async () => {
  assert.match(await get(edge, 'other'), /\r\nHost: inner\.test\r\n/);
});

test('fields of the response that spec 4.1 removes, and hop-by-hop fields, stay behind', async () => {
  const answered = await http(`GET /fields HTTP/1.1\r\n${close}\r\n`);
  assert.ok(!/real|x-accel|alt-svc|x-hop|keep-alive/i.test(answered), answered);
  assert.match(answered, /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
  assert.match(answered, /\r\nDate: /);
});

test('pipelined requests are answered in order, on one connection', async () => {
  const visitor = await visitHttp(edge);
  const request = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: www.a.test\r\n${fields}\r\n`;
  visitor.send(
    request('/1') +
      request('/2') +
      `POST /3 HTTP/1.1\r\nHost: www.a.test\r\nContent-Length: 4\r\n\r\nbody${request('/4', 'Connection: close\r\n')}`,
  );
  const answered = await visitor.end();
  assert.deepEqual(
    [...answered.matchAll(/(?:GET|POST) (\/\d) HTTP/g)].map(([, path]) => path),
    ['/1', '/2', '/3', '/4'],
  );
});

test('the access log tells of pipelined requests in their order', async () => {
  const before = edge.log().length;
  await http(
    `GET /first HTTP/1.1\r\nHost: www.a.test\r\n\r\nGET /second HTTP/1.1\r\n${close}CF-Connecting-IP: 1\r\n\r\n`,
  );
  const paths = edge
    .log()
    .slice(before)
    .map((record) => record.ClientRequestURI);
  assert.deepEqual(paths, ['/first', '/second']);
});

test('sized and chunked request bodies arrive whole, with trailers', async () => {
  assert.match(await http(`POST /echo HTTP/1.1\r\n${close}Content-Length: 5\r\n\r\nhello`), /\r\n\r\nhello$/);
  const chunked = await http(
    `POST /echo HTTP/1.1\r\n${close}Transfer-Encoding: chunked\r\n\r\n3;name=value\r\nabc\r\n2\r\nde\r\n0\r\nX-Check: 1\r\nHost: evil\r\n\r\n`,
  );
  const body = chunked.slice(chunked.indexOf('\r\n\r\n') + 4);
  assert.match(body, /\r\nTransfer-Encoding: chunked\r\n/);
  assert.ok(!/content-length|name=value|evil/i.test(body));
  assert.ok(body.endsWith('\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Check: 1\r\n\r\n'), body);
});

test('a chunked response is passed on chunked with its trailers, and to HTTP/1.0 until the end', async () => {
  const new11 = await http(`GET /chunked HTTP/1.1\r\n${close}\r\n`);
  assert.match(new11, /\r\nTransfer-Encoding: chunked\r\n/);
  assert.ok(!new11.includes('x=1'));
  assert.match(new11, /0\r\nX-Sum: 11\r\n\r\n$/);
  const old = await http('GET /chunked HTTP/1.0\r\nHost: www.a.test\r\n\r\n');
  assert.match(old, /\r\nConnection: close\r\n/);
  assert.match(old, /\r\n\r\nhello world$/);
});

test('a response that ends with its connection reaches an HTTP/1.1 visitor chunked', async () => {
  const visitor = await visitHttp(edge);
  visitor.send('GET /until-close HTTP/1.1\r\nHost: www.a.test\r\n\r\n');
  const answered = await visitor.until(/\r\n0\r\n\r\n$/);
  assert.match(answered, /c\r\nuntil close\r\n0\r\n\r\n$|until close/);
  visitor.socket.destroy();
});

test('HEAD, 204 and 304 have no body, whatever their fields say', async () => {
  const visitor = await visitHttp(edge);
  for (const [request, status, length] of [
    ['HEAD /head', 200, '1234'],
    ['GET /none', 204, null],
    ['GET /unchanged', 304, '100'],
  ] as const) {
    visitor.clear();
    visitor.send(`${request} HTTP/1.1\r\nHost: www.a.test\r\n\r\n`);
    const answered = await visitor.until(/\r\n\r\n/);
    assert.match(answered, new RegExp(`^HTTP/1.1 ${status} `));
    assert.equal(/Content-Length: (\d+)/.exec(answered)?.[1] ?? null, length);
    assert.ok(answered.endsWith('\r\n\r\n'));
  }
  visitor.socket.destroy();
});

test('103 is passed on, and an origin answering 100 is not taken at its word', async () => {
  const answered = await http(`GET /early HTTP/1.1\r\n${close}\r\n`);
  assert.match(answered, /^HTTP\/1\.1 103 Early Hints\r\nLink: [^\r]+\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.ok(!/103/.test(await http('GET /early HTTP/1.0\r\nHost: www.a.test\r\n\r\n')));
});

test('the edge itself says 100 Continue, and the origin sees no Expect', async () => {
  const visitor = await visitHttp(edge);
  visitor.send(`POST /echo HTTP/1.1\r\n${close}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n`);
  await visitor.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  visitor.send('ok');
  const answered = await visitor.end();
  assert.match(answered, /\r\n\r\nok$/);
  assert.ok(!/expect/i.test(answered));
});

test('HTTP/1.0 is answered, and kept alive where it asks for it', async () => {
  const visitor = await visitHttp(edge);
  visitor.send('GET /echo HTTP/1.0\r\nHost: www.a.test\r\nConnection: keep-alive\r\n\r\n');
  assert.match(await visitor.until(/Keep-Alive\r\n\r\n$/), /\r\nConnection: keep-alive\r\n/);
  visitor.send('GET /again HTTP/1.0\r\nHost: www.a.test\r\n\r\n');
  assert.match(await visitor.end(), /GET \/again HTTP/);
});

test('OPTIONS of a server as a whole reaches the origin as such, in both of its forms', async () => {
  for (const [target, expected] of [
    ['*', '*'],
    ['http://www.a.test', '*'],
    ['http://WWW.a.test', '*'],
    ['http://www.a.test/', '/'],
    ['http://www.a.test?q', '/?q'],
  ] as const)
    assert.ok(
      (await http(`OPTIONS ${target} HTTP/1.1\r\n${close}\r\n`)).includes(`\r\n\r\nOPTIONS ${expected} HTTP/1.1`),
      target,
    );
  assert.match(await http(`GET http://www.a.test HTTP/1.1\r\n${close}\r\n`), /\r\n\r\nGET \/ HTTP/);
});

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
/** What a visitor sends as `traceparent`, and the trace id that the log makes of it. */
const TRACES: readonly [name: string, parents: readonly string[], traceId: string][] = [
  ['none', [], ''],
  ['a valid one', [PARENT], TRACE_ID],
  ['a higher version with more to it', [`01-${PARENT.slice(3)}-more`], TRACE_ID],
  ['a higher version with no dash before more', [`01-${PARENT.slice(3)}more`], ''],
  ['version 00 with more to it', [`${PARENT}-more`], ''],
  ['version ff', [`ff-${PARENT.slice(3)}`], ''],
  ['upper case', [PARENT.toUpperCase()], ''],
  ['a trace id of zeros', [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`], ''],
  ['a parent id of zeros', [`00-${TRACE_ID}-${'0'.repeat(16)}-01`], ''],
  ['a short one', [PARENT.slice(0, -1)], ''],
  ['garbage', ['=;"'], ''],
  ['an empty one', [''], ''],
  ['two', [PARENT, PARENT], ''],
];
for (const [name, parents, traceId] of TRACES) {
  test(`traceparent, ${name}: passed on untouched over HTTP/1.1 and HTTP/2, and logged as ${traceId || 'nothing'}`, async () => {
    edge.takeLog();
    const fields: [string, string][] = [
      ...parents.map((value): [string, string] => ['traceparent', value]),
      ['tracestate', 'a=1,b=2'],
      ['tracestate', 'c='],
    ];
    const over1 = await get(edge, 'www', '/echo', fields.map(([field, value]) => `${field}: ${value}\r\n`).join(''));
    const visitor = await visitHttp2(edge);
    visitor.send(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, rawBlock([...GET, ...fields])));
    const isBody = (frame: RawFrame) => frame.type === FRAME.DATA && frame.streamId === 1;
    await visitor.until((frame) => isBody(frame) && (frame.flags & FLAG.END_STREAM) !== 0);
    visitor.socket.destroy();
    const over2 = Buffer.concat(visitor.frames.filter(isBody).map(({ payload }) => payload)).toString('latin1');
    for (const text of [over1.slice(over1.indexOf('\r\n\r\n')), over2])
      assert.deepEqual(
        [...text.matchAll(/\r\ntrace(parent|state): ?([^\r]*)/gi)].map(([, kind, value]) => [kind, value]),
        [...parents.map((value) => ['parent', value]), ['state', 'a=1,b=2'], ['state', 'c=']],
      );
    assert.deepEqual(
      edge.takeLog().map((record) => record.TraceID),
      [traceId, traceId],
    );
  });
}

const REFUSED: readonly [name: string, request: string, status: number][] = [
  ['a malformed request line', 'GARBAGE\r\n\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['CONNECT', 'CONNECT www.a.test:443 HTTP/1.1\r\nHost: www.a.test\r\n\r\n', 405],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: www.a.test\r\n\r\n', 405],
  ['an absolute target of another host', 'GET http://evil.test/ HTTP/1.1\r\nHost: www.a.test\r\n\r\n', 400],
  ['a fragment in the target', 'GET /#x HTTP/1.1\r\nHost: www.a.test\r\n\r\n', 400],
  ['a host of no zone', 'GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n', 421],
  ['CF-Connecting-IP', `GET / HTTP/1.1\r\n${close}CF-Connecting-IP: 1.2.3.4\r\n\r\n`, 403],
  [
    'two X-Forwarded-For',
    `GET / HTTP/1.1\r\n${close}X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n`,
    403,
  ],
  ['an overlong X-Forwarded-For', `GET / HTTP/1.1\r\n${close}X-Forwarded-For: ${'1.2.3.4,'.repeat(13)}\r\n\r\n`, 403],
  ['a loop', `GET / HTTP/1.1\r\n${close}CDN-Loop: other, countersign; loops=3\r\n\r\n`, 403],
  ['an endless header', `GET / HTTP/1.1\r\n${'X: 1\r\n'.repeat(30_000)}`, 431],
];
for (const [name, request, status] of REFUSED) {
  test(`${name} is refused with ${status}, before any origin`, async () => {
    const connections = origin.connections();
    const answered = await http(request);
    assert.match(answered, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(answered, /CF-Ray: [0-9a-f]{16}-TST/);
    assert.equal(origin.connections(), connections);
  });
}

test('a refused request takes what follows it down too', async () => {
  const answered = await http(
    'POST / HTTP/1.1\r\nHost: www.a.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: www.a.test\r\n\r\n',
  );
  assert.equal(answered.match(/HTTP\/1\.1 \d{3}/g)!.length, 1);
  assert.ok(!answered.includes('smuggled'));
});

test('a chunked body that goes wrong ends the connection, and the origin never gets its end', async () => {
  const answered = await http(
    'POST /echo HTTP/1.1\r\nHost: www.a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n',
  );
  assert.match(answered, /^HTTP\/1\.1 400 /);
});

test('a Host that is not the server name of the connection is 421', async () => {
  const visitor = await visitHttps(edge, 'www');
  visitor.send('GET / HTTP/1.1\r\nHost: other.a.test\r\n\r\n');
  assert.match(await visitor.end(), /^HTTP\/1\.1 421 /);
});

test('case and a trailing dot of the Host do not matter', async () => {
  const visitor = await visitHttps(edge, 'www');
  visitor.send('GET / HTTP/1.1\r\nHost: WWW.A.test.\r\nConnection: close\r\n\r\n');
  assert.match(await visitor.end(), /^HTTP\/1\.1 200 /);
});

test('an unknown server name, or none, gets no certificate', async () => {
  await assert.rejects(visitHttps(edge, 'nobody'));
  await assert.rejects(visitHttps(edge, 'www', { servername: '' }));
});

test('the error page is JSON for those who ask for JSON', async () => {
  const page = await http(`GET / HTTP/1.1\r\n${close}Accept: application/json\r\nCF-Connecting-IP: 1\r\n\r\n`);
  const problem = JSON.parse(page.slice(page.indexOf('\r\n\r\n') + 4)) as { status: number; ray_id: string };
  assert.equal(problem.status, 403);
  assert.match(page, new RegExp(`CF-Ray: ${problem.ray_id}`));
  const html = await http(`GET / HTTP/1.1\r\n${close}Accept: text/html\r\nCF-Connecting-IP: 1\r\n\r\n`);
  assert.match(html, /Content-Type: text\/html/);
});

test('a header that takes too long is 408, a body that stalls is 408, a silent connection just ends', async () => {
  const slow = await visitHttp(edge);
  slow.send('GET / HTTP/1.1\r\nHo');
  const stalled = await visitHttp(edge);
  stalled.send('POST /echo HTTP/1.1\r\nHost: www.a.test\r\nContent-Length: 10\r\n\r\nabc');
  const silent = await visitHttp(edge);
  assert.match(await slow.end(), /^HTTP\/1\.1 408 /);
  assert.match(await stalled.end(), /^HTTP\/1\.1 408 /);
  assert.equal(await silent.end(), '');
});

test('/cdn-cgi/trace tells about the connection', async () => {
  const answered = await get(edge, 'www', '/cdn-cgi/trace');
  assert.match(answered, /\nray=[0-9a-f]{16}-TST\n/);
  assert.match(answered, /\nvisit_scheme=https\ntls=TLSv1\.[23]\naop=none\n/);
});
