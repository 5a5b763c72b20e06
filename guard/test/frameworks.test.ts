import assert from 'node:assert/strict';
import http, { type RequestListener } from 'node:http';
import http2 from 'node:http2';
import type { Server } from 'node:net';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { createGuard, type Guard, type OriginPull } from '../dist/mod.js';
import { ask, ask2, listen } from './origin.ts';
import { makeVisitors, type Visitors } from './visitors.ts';

let visitors: Visitors;
const closing: (() => unknown)[] = [];

before(async () => {
  visitors = await makeVisitors();
});
after(async () => {
  for (const close of closing) await close();
});

/** Each application answers with what the guard told it. */
const APPLICATIONS: Readonly<Record<string, (guard: Guard) => RequestListener>> = {
  'node:http': (guard) => guard.handler((request, response) => response.end(JSON.stringify(request.originPull))),
  express: (guard) => {
    const app = express();
    app.use(guard.express());
    app.get('/', (request, response) => {
      response.json((request as typeof request & { originPull: OriginPull }).originPull);
    });
    return app;
  },
  koa: (guard) => {
    const app = new Koa();
    app.use(guard.koa());
    app.use((context) => {
      context.body = context.state.originPull;
    });
    return app.callback();
  },
  hono: (guard) => {
    const app = new Hono<{ Variables: { originPull: OriginPull } }>();
    app.use(guard.hono());
    app.get('/', (c) => c.json(c.var.originPull));
    return getRequestListener(app.fetch);
  },
};

/** A server that decides nothing by itself, so that the middleware has to. */
function unguarded(guard: Guard, listener: RequestListener): Server {
  const { cert, key } = visitors.server;
  const inner = http.createServer(listener);
  return tls.createServer({ ...guard.tlsOptions, cert, key }, (socket) => inner.emit('connection', socket));
}

async function assertCases(port: number, how: string): Promise<void> {
  for (const [who, as, code] of visitors.cases) {
    const { status, body } = await ask(port, { as });
    assert.deepEqual([status, body.code ?? null], [code === null ? 200 : 403, code], `${how}: ${who}`);
    if (code === null) assert.deepEqual([body.level, body.subject, body.host], ['zone', 'CN=edge', 'a.test']);
  }
}

for (const [name, application] of Object.entries(APPLICATIONS)) {
  test(`${name}: the middleware decides`, async () => {
    const guard = createGuard(visitors.options);
    const server = unguarded(guard, application(guard));
    closing.push(guard.close, () => server.close());
    await assertCases(await listen(server), name);
    assert.deepEqual(guard.stats().accepted, { zone: 1 });
  });

  test(`${name}: the guard's own server decides, and counts once`, async () => {
    const guard = createGuard(visitors.options);
    const server = guard.createServer(application(guard), { cert: visitors.server.cert, key: visitors.server.key });
    closing.push(guard.close, () => server.close());
    await assertCases(await listen(server), name);
    assert.deepEqual(guard.stats().accepted, { zone: 1 });
    assert.equal(guard.stats().refused.certificate_untrusted, 2);
  });
}

for (const ownServer of [true, false]) {
  test(`fastify: ${ownServer ? "the guard's own server" : 'the plugin'} decides`, async () => {
    const guard = createGuard(visitors.options);
    const { cert, key } = visitors.server;
    const app = fastify({
      serverFactory: (handler) =>
        ownServer
          ? guard.createServer(handler, { cert, key })
          : // allowHTTP1: on Bun, too, its sockets show the certificate.
            (http2.createSecureServer({ ...guard.tlsOptions, cert, key, allowHTTP1: true }, (request, response) =>
              handler(request as unknown as http.IncomingMessage, response as unknown as http.ServerResponse),
            ) as unknown as http.Server),
    });
    app.get('/', async (request) => (request as typeof request & { originPull: OriginPull }).originPull);
    await app.register(guard.fastify);
    closing.push(guard.close, () => app.close());
    const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
    await assertCases(port, 'fastify');
    const missing = await ask(port, { target: '/nothing/here' });
    assert.equal(missing.body.code, 'no_certificate', 'where there is no route, too');
  });
}

test('koa and hono over HTTP/2', async () => {
  for (const name of ['koa', 'hono']) {
    const guard = createGuard(visitors.options);
    const { cert, key } = visitors.server;
    const listener = APPLICATIONS[name]!(guard) as unknown as (request: object, response: object) => void;
    const server = http2.createSecureServer({ ...guard.tlsOptions, cert, key }, listener);
    closing.push(guard.close, () => server.close());
    const port = await listen(server);
    for (const [who, as, code] of visitors.cases) {
      const { status, body } = await ask2(port, { as });
      assert.deepEqual([status, body.code ?? null], [code === null ? 200 : 403, code], `${name}: ${who}`);
    }
  }
});

test('observing, each framework answers everybody, and its application learns why it should not', async () => {
  for (const [name, application] of Object.entries(APPLICATIONS)) {
    const guard = createGuard({ ...visitors.options, mode: 'observe' });
    const server = unguarded(guard, application(guard));
    closing.push(guard.close, () => server.close());
    const port = await listen(server);
    for (const [who, as, code] of visitors.cases) {
      const { status, body } = await ask(port, { as });
      assert.deepEqual([status, body.refused ?? null], [200, code], `${name}: ${who}`);
    }
  }
});

test('hono on a server that hands no request of Node over is refused', async () => {
  const guard = createGuard(visitors.options);
  closing.push(guard.close);
  const app = new Hono();
  app.use(guard.hono());
  app.get('/', (c) => c.text('open'));
  const response = await app.request('https://a.test/');
  assert.equal(response.status, 500);
  assert.equal(((await response.json()) as { code: string }).code, 'runtime_cannot_show_certificate');
});
