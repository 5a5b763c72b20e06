import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { createGuard, type Guard } from '../dist/mod.js';
import { type Answer, listen, readAnswer, until } from './origin.ts';
import { type Identity, issue, issueServer } from './pki.ts';

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not there';
const directory = mkdtempSync(join(tmpdir(), 'guard-'));
const file = (name: string) => join(directory, name);
const closing: (() => void)[] = [];
let server: Identity;
let root: Identity;
let otherRoot: Identity;

before(async () => {
  server = await issueServer('a.test', 'b.test');
  root = await issue('root of a', { ca: true });
  otherRoot = await issue('root of b', { ca: true });
  const sub = await issue('sub', { ca: true, issuer: root });
  const edge = await issue('edge', { issuer: sub });
  writeFileSync(file('cert.pem'), edge.cert);
  writeFileSync(file('key.pem'), edge.key, { mode: 0o600 });
  writeFileSync(file('chain.pem'), sub.cert);
});
after(() => {
  for (const close of closing) close();
  rmSync(directory, { recursive: true });
});

/** One request by `openssl s_client`, and whether its session was resumed. */
function ask(port: number, host: string, args: readonly string[]): Promise<Answer & { readonly resumed: boolean }> {
  return new Promise((resolve) => {
    const all = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', host, '-ign_eof', ...args];
    const child = spawn('openssl', all, { stdio: ['pipe', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    child.on('close', () => {
      const at = text.lastIndexOf('HTTP/1.1 ');
      resolve({ ...readAnswer(text.slice(Math.max(at, 0))), resumed: /^Reused, /m.test(text) });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });
}

const WITH_CERTIFICATE = ['-cert', 'cert.pem', '-key', 'key.pem', '-cert_chain', 'chain.pem'].map((arg) =>
  arg.endsWith('.pem') ? file(arg) : arg,
);

function makeGuard(): Guard {
  const guard = createGuard({
    mode: 'enforce',
    hosts: { 'a.test': { trust: root.cert }, 'b.test': { trust: otherRoot.cert } },
  });
  closing.push(guard.close);
  return guard;
}

async function start(origin: Server): Promise<number> {
  closing.push(() => origin.close());
  return await listen(origin);
}

for (const version of ['-tls1_2', '-tls1_3']) {
  test(`a session of one name opens no other (${version})`, { skip }, async () => {
    const { cert, key } = server;
    const port = await start(
      makeGuard().createServer((_request, response) => response.end('{}'), {
        cert,
        key,
        SNICallback: (_name, done) => done(null, tls.createSecureContext({ cert, key })),
      }),
    );
    const session = file(`own${version}.pem`);
    const first = await ask(port, 'a.test', [version, ...WITH_CERTIFICATE, '-sess_out', session]);
    assert.deepEqual([first.status, first.resumed], [200, false]);
    for (const host of ['b.test', 'a.test']) {
      // Bun hands no session out at all.
      const { status, resumed } = await ask(port, host, [
        version,
        ...(existsSync(session) ? ['-sess_in', session] : []),
      ]);
      assert.deepEqual([status, resumed], [403, false], `${host}: there is no session, so there is no certificate`);
    }
  });

  test(`on a server that resumes sessions, each host still asks for its own CA (${version})`, { skip }, async () => {
    const { cert, key } = server;
    const context = (ca: Identity) => tls.createSecureContext({ cert, key, ca: ca.cert });
    const guard = makeGuard();
    const origin = http2.createSecureServer(
      {
        ...guard.tlsOptions,
        secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
        cert,
        key,
        allowHTTP1: true,
        SNICallback: (name, done) => done(null, context(name === 'a.test' ? root : otherRoot)),
      },
      guard.handler((_request, response) => response.end('{}')),
    );
    const port = await start(origin);
    const session = file(`shared${version}.pem`);
    const first = await ask(port, 'a.test', [version, ...WITH_CERTIFICATE, '-sess_out', session]);
    assert.deepEqual([first.status, first.resumed], [200, false]);
    const crossed = await ask(port, 'b.test', [version, '-sess_in', session]);
    assert.ok(crossed.status === 403 || crossed.status === 421, `${crossed.status} ${JSON.stringify(crossed.body)}`);
  });
}

test('a resumed session shows the leaf only, and what came with it is remembered', { skip }, async () => {
  const { cert, key } = server;
  writeFileSync(file('trust.pem'), root.cert);
  const guard = createGuard({ mode: 'enforce', trust: file('trust.pem'), hosts: { 'a.test': {} } });
  closing.push(guard.close);
  const options = { ...guard.tlsOptions, secureOptions: 0, cert, key, allowHTTP1: true } as const;
  const port = await start(
    http2.createSecureServer(
      options,
      guard.handler((_request, response) => response.end('{}')),
    ),
  );
  const session = file('same.pem');
  await ask(port, 'a.test', ['-tls1_3', ...WITH_CERTIFICATE, '-sess_out', session]);
  const again = await ask(port, 'a.test', ['-tls1_3', '-sess_in', session]);
  assert.deepEqual([again.status, again.resumed], [200, true]);
  writeFileSync(file('trust.pem'), root.cert + otherRoot.cert);
  await until(() => guard.stats().reloads > 0);
  const later = await ask(port, 'a.test', ['-tls1_3', '-sess_in', session]);
  assert.deepEqual([later.status, later.resumed], [200, true], 'after new trust, too');
});

test('a leaf whose intermediate nobody ever showed is refused', { skip }, async () => {
  const { cert, key } = server;
  const port = await start(makeGuard().createServer((_request, response) => response.end('{}'), { cert, key }));
  const { status, body } = await ask(port, 'a.test', WITH_CERTIFICATE.slice(0, 4));
  assert.deepEqual([status, body.code], [403, 'certificate_untrusted']);
});
