import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import type tls from 'node:tls';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { makeCa, makeClient, makeServer } from '../../test/doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import {
  eachRequest,
  get,
  response,
  type Script,
  type ScriptedOrigin,
  scriptedOrigin,
  visitHttp,
  visitHttps,
} from '../../test/doubles/wire.ts';
import type { Limits } from '../core/mod.ts';
import { CounterTotals } from '../observe/mod.ts';

let ca: Awaited<ReturnType<typeof makeCa>>;
let server: Awaited<ReturnType<typeof makeServer>>;
const cleanUp: (() => unknown)[] = [];

before(async () => {
  ca = await makeCa('Origin CA');
  server = await makeServer(ca, 'www.a.test');
});
after(async () => {
  for (const clean of cleanUp.reverse()) await clean();
});

async function origin(script: Script, options: tls.TlsOptions | null = {}): Promise<ScriptedOrigin> {
  const started = await scriptedOrigin(
    script,
    options === null ? undefined : { cert: server.certificate, key: server.privateKey, ...options },
  );
  cleanUp.push(() => started.close());
  return started;
}

async function edgeTo(port: number, policy: Partial<Policy> = {}, limits: Partial<Limits> = {}): Promise<TestEdge> {
  const edge = await startEdge({ hosts: { www: { port } }, ...policy }, { drain: 500, ...limits });
  cleanUp.push(() => edge.edge.drain());
  return edge;
}

const status = (answered: string): number => Number(/^HTTP\/1\.1 ([2-5]\d\d)/m.exec(answered)?.[1]);

/** A response after which the origin closes. */
const closing = (body: string): string => response(body).replace('\r\n', '\r\nConnection: close\r\n');

/** Answers each request with what `text` says. */
const says =
  (text: string): Script =>
  (socket) =>
    eachRequest(socket, () => socket.write(text, 'latin1'));

const FAILURES: readonly [
  name: string,
  script: Script,
  options: tls.TlsOptions | null,
  expected: number,
  failure: string,
  limits?: Partial<Limits>,
][] = [
  ['closes without an answer', (s) => eachRequest(s, () => s.end()), {}, 520, 'empty_response'],
  ['resets after the request', (s) => eachRequest(s, () => s.destroy()), null, 520, 'empty_response'],
  ['answers garbage', says('SSH-2.0-OpenSSH_9.2\r\n\r\n'), {}, 520, 'malformed_response'],
  [
    'answers with both lengths',
    says('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx'),
    {},
    520,
    'malformed_response',
  ],
  [
    'answers 101 to nobody',
    says('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    {},
    520,
    'malformed_response',
  ],
  ['sends headers without end', (s) => eachRequest(s, () => flood(s)), {}, 520, 'response_headers_too_large'],
  [
    'sends 1xx responses without end',
    (s) => eachRequest(s, () => flood(s, '', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')),
    {},
    520,
    'malformed_response',
  ],
  [
    'sends more in 1xx responses than a header may be long',
    (s) =>
      eachRequest(s, () =>
        s.write(`HTTP/1.1 102 Processing\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`.repeat(2) + response('')),
      ),
    {},
    520,
    'malformed_response',
  ],
  ['sends its header byte by byte, without end', drip, {}, 524, 'read_timeout', { originRead: 300 }],
  ['hangs', () => undefined, {}, 524, 'read_timeout', { originRead: 300 }],
  ['never finishes the handshake', () => undefined, null, 525, 'tls_handshake', { originHandshake: 300, connect: 300 }],
  ['speaks no TLS', (s) => s.write('HTTP/1.1 400 Bad Request\r\n\r\n'), null, 525, 'tls_handshake'],
  [
    'speaks TLS 1.2 and refuses a missing certificate',
    says(response('')),
    { requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' },
    525,
    'tls_handshake',
  ],
];

const ENDLESS = 'X-Endless: 0123456789012345678901234567890123456789\r\n';

function flood(socket: Socket, first = 'HTTP/1.1 200 OK\r\n', again = ENDLESS): void {
  socket.write(first);
  const more = () => {
    while (socket.writable && socket.write(again.repeat(100)));
  };
  socket.on('drain', more);
  more();
}

function drip(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nX: ');
  const timer = setInterval(() => socket.write('x'), 50);
  for (const event of ['end', 'close']) socket.once(event, () => clearInterval(timer));
}

for (const [name, script, options, expected, failure, limits] of FAILURES) {
  test(`an origin that ${name}: ${expected}`, async () => {
    const started = await origin(script, options);
    const plainHttp = name === 'resets after the request';
    const edge = await edgeTo(started.port, plainHttp ? { ssl: 'flexible' } : {}, { linger: 100, ...limits });
    const answered = await get(edge, 'www');
    assert.equal(status(answered), expected, answered);
    assert.match(answered, /Ray ID: <code>[0-9a-f]{16}-TST/);
    assert.equal(edge.log().at(-1)!.OriginFailure, failure);
  });
}

test('TLS 1.3 refuses a missing certificate after the handshake: 520, and the log tells the true reason', async () => {
  const started = await origin(says(response('')), {
    requestCert: true,
    rejectUnauthorized: true,
    ca: ca.certificate,
    minVersion: 'TLSv1.3',
  });
  const edge = await edgeTo(started.port);
  assert.equal(status(await get(edge, 'www')), 520);
  assert.match(edge.log().at(-1)!.OriginFailure, /^(client_certificate_refused|empty_response)$/);
});

test('nobody listens: 521; a name that does not resolve: 530; no origin at all: no certificate, so no connection', async () => {
  const gone = await origin(() => undefined);
  gone.close();
  const edge = await edgeTo(gone.port, {
    hosts: { www: { port: gone.port }, lost: { port: 1, addresses: ['no-such-host.invalid'] } },
  });
  assert.equal(status(await get(edge, 'www')), 521);
  assert.equal(status(await get(edge, 'lost')), 530);
});

test('another address is tried where the first one does not answer', async () => {
  const started = await origin(says(response('second')));
  const edge = await edgeTo(started.port, {
    hosts: { www: { port: started.port, addresses: ['127.9.9.9', '127.0.0.1'] } },
  });
  assert.match(await get(edge, 'www'), /second$/);
});

test('mode strict: an unknown CA or another name is 526; the root, and the requested or the target name, are fine', async () => {
  const unknown = await origin(says(response('')));
  const edge = await edgeTo(unknown.port, { ssl: 'strict' });
  assert.equal(status(await get(edge, 'www')), 526);
  const cases: [names: string, sni: string | null, expected: number][] = [
    ['www.a.test', null, 200],
    ['other.test', null, 526],
    ['inner.test', 'inner.test', 200],
    ['www.a.test', 'inner.test', 200],
    ['other.test', 'inner.test', 526],
  ];
  for (const [name, sni, expected] of cases) {
    const known = await makeServer(edge.root, name);
    const trusted = await origin(says(closing('ok')), { cert: known.certificate, key: known.privateKey });
    for (const version of ['1', '2'] as const) {
      const settings = { origin_max_http_version: version };
      await edge.apply({ ssl: 'strict', settings, hosts: { www: { port: trusted.port, sni } } });
      // The second asks for a connection of its own, when the first has shown which names there are.
      for (let time = 1; time <= 2; time++)
        assert.equal(status(await get(edge, 'www')), expected, `${name} for ${sni} by HTTP/${version}`);
    }
  }
  await edge.apply({ ssl: 'full', hosts: { www: { port: unknown.port } } });
  assert.equal(status(await get(edge, 'www')), 200, 'mode full takes any');
});

test('the modes off, flexible, full and origin_pull choose the scheme', async () => {
  const tlsSide = await origin(says(response('over tls')));
  const plain = await origin(says(response('plain')), null);
  const hosts = { www: { port: tlsSide.port, httpPort: plain.port } };
  const edge = await edgeTo(tlsSide.port, { hosts });
  const overHttp = async () => {
    const visitor = await visitHttp(edge);
    visitor.send('GET /p?q HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\n\r\n');
    return await visitor.end();
  };
  for (const [ssl, https, http] of [
    ['flexible', /plain$/, /plain$/],
    ['full', /over tls$/, /plain$/],
  ] as const) {
    await edge.apply({ ssl, hosts });
    assert.match(await get(edge, 'www'), https);
    assert.match(await overHttp(), http);
  }
  await edge.apply({ ssl: 'off', hosts });
  assert.match(await get(edge, 'www', '/p?q'), /^HTTP\/1\.1 301 [\s\S]*\r\nLocation: http:\/\/www\.a\.test\/p\?q\r\n/);
  assert.match(await overHttp(), /plain$/);
  const known = await makeServer(edge.root, 'www.a.test');
  const trusted = await origin(says(response('over tls')), { cert: known.certificate, key: known.privateKey });
  await edge.apply({ ssl: 'origin_pull', hosts: { www: { port: trusted.port, httpPort: plain.port } } });
  assert.match(await overHttp(), /over tls$/);
});

test('a response that is cut is seen to be cut', async () => {
  const chunked = await origin((s) =>
    eachRequest(s, () => s.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')),
  );
  const edge = await edgeTo(chunked.port);
  const visitor = await visitHttps(edge, 'www');
  visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\n\r\n');
  const answered = await visitor.end();
  assert.match(answered, /hello\r\n$/);
  const sized = await origin((s) => eachRequest(s, () => s.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')));
  await edge.apply({ hosts: { www: { port: sized.port } } });
  assert.ok((await get(edge, 'www')).endsWith('hello'));
});

test('a pooled connection that the origin closed is not the next request’s failure', async () => {
  const sockets: Socket[] = [];
  const started = await origin((socket) => {
    sockets.push(socket);
    eachRequest(socket, (request) => {
      if (request.startsWith('GET /die') && sockets.length === 1) socket.destroy();
      else socket.write(response('fine'));
    });
  });
  const edge = await edgeTo(started.port);
  assert.match(await get(edge, 'www'), /fine$/);
  assert.match(await get(edge, 'www', '/die'), /fine$/, 'the reused connection died, a new one answered');
  assert.equal(started.connections(), 2);
});

test('a request that may have been processed is not sent twice', async () => {
  let requests = 0;
  const started = await origin((socket) => {
    eachRequest(socket, (request) => {
      requests++;
      if (request.startsWith('POST')) socket.destroy();
      else socket.write(response('fine'));
    });
  });
  const edge = await edgeTo(started.port);
  await get(edge, 'www');
  const visitor = await visitHttps(edge, 'www');
  visitor.send('POST / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi');
  assert.equal(status(await visitor.end()), 520);
  assert.equal(requests, 2);
});

test('bytes on an idle connection are never taken for an answer', async () => {
  let release: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    release = resolve;
  });
  const started = await origin((socket, connection) => {
    eachRequest(socket, () => {
      socket.write(response(`from ${connection}`));
      if (connection === 1) {
        setImmediate(() => socket.write(response('POISON')));
        socket.on('close', release);
      }
    });
  });
  const edge = await edgeTo(started.port);
  assert.match(await get(edge, 'www'), /from 1$/);
  await closed;
  assert.match(await get(edge, 'www'), /from 2$/);
});

test('a response with bytes behind it ends its connection', async () => {
  const started = await origin((socket, connection) =>
    eachRequest(socket, () => socket.write(response(`from ${connection}`) + response('POISON'))),
  );
  const edge = await edgeTo(started.port);
  assert.match(await get(edge, 'www'), /from 1$/);
  assert.match(await get(edge, 'www'), /from 2$/);
});

test('a WebSocket is passed through, both ways and to its end', async () => {
  const started = await origin((socket) => {
    let upgraded = false;
    socket.on('data', (data: Buffer) => {
      if (upgraded) {
        socket.write(`echo ${data}`);
        return;
      }
      assert.match(String(data), /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
      upgraded = true;
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nearly',
      );
    });
    socket.on('end', () => socket.end('bye'));
  });
  const edge = await edgeTo(started.port);
  const visitor = await visitHttps(edge, 'www', { allowHalfOpen: true } as tls.ConnectionOptions);
  visitor.send(
    'GET /chat HTTP/1.1\r\nHost: www.a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n',
  );
  const head = await visitor.until(/early$/);
  assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*Sec-WebSocket-Accept: x\r\n/);
  visitor.send('one');
  await visitor.until(/echo one$/);
  visitor.send('two');
  await visitor.until(/echo two$/);
  visitor.socket.end();
  assert.match(await visitor.end(), /bye$/);
});

test('h2c and other upgrades are not passed on', async () => {
  const started = await origin((socket) => eachRequest(socket, (request) => socket.write(response(request))));
  const edge = await edgeTo(started.port);
  const answered = await get(
    edge,
    'www',
    '/',
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n',
  );
  assert.ok(!/upgrade|http2/i.test(answered), answered);
});

test('br and gzip are decoded for a visitor that does not take them, and left alone for one that does', async () => {
  const text = 'compressed '.repeat(10_000);
  const started = await origin((socket) => {
    eachRequest(socket, (request) => {
      const body = request.startsWith('GET /br') ? brotliCompressSync(text) : gzipSync(text);
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Encoding: ${request.startsWith('GET /br') ? 'br' : 'gzip'}\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      socket.write(body);
    });
  });
  const edge = await edgeTo(started.port);
  for (const path of ['/br', '/gzip']) {
    const answered = await get(edge, 'www', path);
    const body = answered.slice(answered.indexOf('\r\n\r\n') + 4);
    assert.ok(!/content-encoding/i.test(answered.slice(0, 500)));
    assert.equal(
      body.replace(/[0-9a-f]+\r\n((?:compressed |[a-z ])*)\r\n/g, '$1').replace(/0\r\n\r\n$/, '').length,
      text.length,
    );
    const coded = await get(edge, 'www', path, 'Accept-Encoding: gzip, br\r\n');
    assert.match(coded, new RegExp(`Content-Encoding: ${path.slice(1)}`));
  }
});

test('a visitor that does not read holds the origin back, and gets everything in the end', async () => {
  const size = 64 * 1024 * 1024;
  let written = 0;
  const started = await origin((socket) => {
    eachRequest(socket, () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      const chunk = Buffer.alloc(256 * 1024, 'x');
      const more = () => {
        while (written < size) {
          written += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', more);
      more();
    });
  });
  const edge = await edgeTo(started.port);
  const visitor = await visitHttps(edge, 'www');
  visitor.socket.removeAllListeners('data');
  visitor.socket.pause();
  visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\n\r\n');
  // Wait until the origin stands still: nothing more is taken from it.
  for (let last = -1; last !== written || written === 0; ) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(written < size / 2, `${written} bytes were taken for a visitor that reads none`);
  let received = 0;
  visitor.socket.on('data', (data: Buffer) => {
    received += data.length;
  });
  visitor.socket.resume();
  await visitor.end();
  assert.ok(received > size);
});

test('an origin that does not read holds the visitor back', async () => {
  const size = 64 * 1024 * 1024;
  let release: () => void = () => undefined;
  const started = await origin((socket) => {
    socket.pause();
    release = () => {
      let taken = 0;
      socket.on('data', (data: Buffer) => {
        taken += data.length;
        if (taken > size) socket.write(response('taken'));
      });
      socket.resume();
    };
  });
  const edge = await edgeTo(started.port);
  const visitor = await visitHttps(edge, 'www');
  visitor.send(`POST / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
  const chunk = Buffer.alloc(256 * 1024, 'x');
  let written = 0;
  const more = () => {
    while (written < size) {
      written += chunk.length;
      if (!visitor.socket.write(chunk)) return;
    }
  };
  visitor.socket.on('drain', more);
  more();
  for (let last = -1; last !== written; ) {
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(written < size / 2, `${written} bytes were taken for an origin that reads none`);
  release();
  assert.equal(status(await visitor.end()), 200);
});

test('a drain lets what is under way finish, takes nothing new, and says so', async () => {
  let finish: () => void = () => undefined;
  let asked: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const started = await origin((socket) => {
    eachRequest(socket, () => {
      finish = () => socket.write(response('finished'));
      asked();
    });
  });
  const edge = await startEdge({ hosts: { www: { port: started.port } } });
  const busy = await visitHttps(edge, 'www');
  const idle = await visitHttps(edge, 'www');
  busy.send('GET / HTTP/1.1\r\nHost: www.a.test\r\n\r\n');
  await arrived;
  const drained = edge.edge.drain();
  assert.equal(await idle.end(), '');
  await assert.rejects(visitHttps(edge, 'www'));
  finish();
  assert.match(await busy.end(), /Connection: close\r\n[\s\S]*finished$/);
  await drained;
});

test('the origin gets no certificate of another, over pools and TLS sessions, in any order', async () => {
  const clientCa = await makeCa('Client CA');
  const names = ['a', 'b', 'c'] as const;
  const pairs = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await makeClient(clientCa, name)] as const)),
  );
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const started = await origin(
      (socket) => {
        eachRequest(socket, (request) => {
          const peer = (socket as tls.TLSSocket).getPeerCertificate();
          const close = request.includes('/close') ? 'Connection: close\r\n' : '';
          socket.write(response(String(peer.subject?.CN ?? 'none'), '200 OK', close));
          if (close !== '') socket.end();
        });
      },
      {
        requestCert: true,
        rejectUnauthorized: false,
        ca: clientCa.certificate,
        minVersion: version,
        maxVersion: version,
      },
    );
    // One address and one server name for all: only the identity tells the pools apart.
    const host = { port: started.port, sni: 'origin.test' };
    const edge = await edgeTo(started.port, {
      identities: {
        a: { level: 'hostname', pair: pairs.a! },
        b: { level: 'hostname', pair: pairs.b! },
        c: { level: 'zone', pair: pairs.c! },
      },
      zone: true,
      hosts: {
        a: { ...host, association: 'a' },
        b: { ...host, association: 'b' },
        c: host,
        none: { ...host, association: 'a', disabled: true },
      },
    });
    let seed = 7;
    for (let i = 0; i < 300; i++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      const want = [...names, 'none'][(seed >> 8) % 4]!;
      const path = (seed >> 12) % 2 === 0 ? '/close' : '/keep';
      const answered = await get(edge, want, path);
      assert.equal(answered.slice(answered.indexOf('\r\n\r\n') + 4), want, `request ${i} over ${version}`);
    }
  }
});

test('a change of the certificate under load: no failed request, and the old one is gone at once', async () => {
  const clientCa = await makeCa('Client CA');
  const [first, second] = [await makeClient(clientCa, 'first'), await makeClient(clientCa, 'second')];
  const open = new Map<Socket, string>();
  const started = await origin(
    (socket) => {
      const name = String((socket as tls.TLSSocket).getPeerCertificate().subject?.CN);
      open.set(socket, name);
      socket.on('close', () => open.delete(socket));
      eachRequest(socket, () => socket.write(response(name)));
    },
    { requestCert: true, rejectUnauthorized: true, ca: clientCa.certificate },
  );
  const policy = (id: 'first' | 'second'): Policy => ({
    identities: { first: { level: 'hostname', pair: first }, second: { level: 'hostname', pair: second } },
    hosts: { www: { port: started.port, association: id } },
  });
  const edge = await edgeTo(started.port, policy('first'));
  let running = true;
  let switched = false;
  let answers = 0;
  let stale = 0;
  const load = Array.from({ length: 8 }, async () => {
    const visitor = await visitHttps(edge, 'www');
    while (running) {
      const afterSwitch = switched;
      visitor.clear();
      visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\n\r\n');
      const answered = await visitor.until(/\r\n\r\n(?:first|second)$/);
      assert.equal(status(answered), 200);
      answers++;
      if (afterSwitch && answered.endsWith('first')) stale++;
    }
    visitor.socket.destroy();
  });
  const reached = async (count: number) => {
    while (answers < count) await new Promise((resolve) => setImmediate(resolve));
  };
  await reached(200);
  await edge.apply(policy('second'));
  switched = true;
  const switchedAt = performance.now();
  while ([...open.values()].includes('first')) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(performance.now() - switchedAt < 1000, 'no connection of the old identity after a second');
  await reached(answers + 200);
  running = false;
  await Promise.all(load);
  assert.equal(stale, 0, 'no request that began after the change carries the old certificate');
});

test('an origin that never asks for a certificate works, and the log claims no more than the level', async () => {
  const started = await origin(says(response('open')));
  const clientCa = await makeCa('Client CA');
  const edge = await edgeTo(started.port, {
    global: true,
    identities: { shared: { level: 'global', pair: await makeClient(clientCa, 'shared') } },
  });
  assert.match(await get(edge, 'www'), /open$/);
  const record = edge.log().at(-1)!;
  assert.deepEqual(
    [record.OriginClientCertLevel, record.OriginClientCertID, record.OriginResponseStatus],
    ['global', 'shared', 200],
  );
  assert.match(record.OriginSSLProtocol, /^TLSv1\.[23]$/);
});

test('requests, handshakes and connections are counted, and nothing is left in flight', async () => {
  const started = await origin((socket) => eachRequest(socket, () => socket.write(response('fine'))));
  const edge = await edgeTo(started.port);
  for (let i = 0; i < 3; i++) assert.equal(status(await get(edge, 'www')), 200);
  const gone = await visitHttps(edge, 'www');
  gone.send('NONSENSE\r\n\r\n');
  await gone.end();
  const totals = new CounterTotals();
  totals.add(edge, edge.edge.counters.report());
  const [none] = totals.connections();
  assert.deepEqual(none, { level: 'none', open: 1, reused: 2 });
  assert.deepEqual([...totals.handshakes()], [{ level: 'none', outcome: 'ok', count: 1 }]);
  assert.deepEqual(
    [...totals.requests()].map(({ method, statusClass, count }) => `${method} ${statusClass} ${count}`),
    ['GET 2xx 3', '_OTHER 4xx 1'],
  );
  assert.deepEqual([totals.inFlight, totals.durations().buckets.at(-1)!.count], [0, 4]);
});

test('an upload that takes longer than the origin’s read time is not cut off', async () => {
  const started = await origin((socket) => eachRequest(socket, () => socket.write(response('got it'))));
  const edge = await edgeTo(started.port, {}, { originRead: 50 });
  const visitor = await visitHttps(edge, 'www');
  visitor.send('POST / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\nContent-Length: 4\r\n\r\na');
  for (const part of ['b', 'c', 'd']) {
    // Two ticks of the edge's own clock for deadlines, which the short limit sets.
    const before = edge.edge.deadlines.now;
    while (edge.edge.deadlines.now - before < 200) await new Promise((resolve) => setImmediate(resolve));
    visitor.send(part);
  }
  assert.match(await visitor.end(), /got it$/);
});

test('an answer that comes before the request is whole is passed on, and neither connection is used again', async () => {
  const requests: string[] = [];
  const started = await origin((socket, connection) => {
    let text = '';
    socket.on('data', (data: Buffer) => {
      const isFirst = text === '';
      text += data.toString('latin1');
      requests[connection] = text;
      if (isFirst) socket.write(response('early'));
    });
  });
  const edge = await edgeTo(started.port, { settings: { origin_max_http_version: '1' } });
  const visitor = await visitHttps(edge, 'www');
  visitor.send('POST / HTTP/1.1\r\nHost: www.a.test\r\nContent-Length: 100\r\n\r\nGET /smuggled HTTP/1.1\r\n');
  assert.match(await visitor.end(), /Connection: close\r\n[\s\S]*early$/);
  assert.match(await get(edge, 'www', '/next'), /early$/);
  assert.equal(started.connections(), 2);
  assert.match(requests[2]!, /^GET \/next /);
});
