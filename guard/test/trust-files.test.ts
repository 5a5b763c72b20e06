import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createGuard, type Guard, type GuardOptions, type TrustProblem } from '../dist/mod.js';
import { ask, listen, until } from './origin.ts';
import { type Identity, issue, issueServer, revoke } from './pki.ts';

const directory = mkdtempSync(join(tmpdir(), 'guard-'));
const file = (name: string) => join(directory, name);
const closing: (() => void)[] = [];
let ca: Identity;
let next: Identity;
let edge: Identity;
let nextEdge: Identity;
let server: Identity;

before(async () => {
  [ca, next, server] = await Promise.all([
    issue('old CA', { ca: true }),
    issue('new CA', { ca: true }),
    issueServer('a.test'),
  ]);
  [edge, nextEdge] = await Promise.all([issue('edge', { issuer: ca }), issue('edge', { issuer: next })]);
});
after(() => {
  for (const close of closing) close();
  rmSync(directory, { recursive: true });
});

function make(options: Partial<GuardOptions>): Guard {
  const guard = createGuard({ mode: 'enforce', hosts: { 'a.test': {} }, ...options });
  closing.push(guard.close);
  return guard;
}

async function start(guard: Guard): Promise<number> {
  const origin = guard.createServer((_request, response) => response.end('{}'), { cert: server.cert, key: server.key });
  closing.push(() => origin.close());
  return await listen(origin);
}

test('a file that cannot be relied on starts no guard, and the error names it', async () => {
  const expired = await issue('gone', { ca: true, from: -9, until: -1 });
  const contents: Readonly<Record<string, readonly [string | null, RegExp]>> = {
    'missing.pem': [null, /ENOENT/],
    'empty.pem': ['', /it is empty/],
    'spaces.pem': ['\n\n', /no PEM block/],
    'half.pem': [ca.cert.slice(0, -40), /cut off or malformed/],
    'whole-and-half.pem': [ca.cert + next.cert.slice(0, 200), /cut off or malformed/],
    'cut-inside.pem': [ca.cert.replace(/\n[^-\n]+\n(?=-----END)/, '\n'), /cannot be used/],
    'text.pem': ['trust me', /no PEM block/],
    'der.pem': ['\x30\x82\x01\x00', /no PEM block/],
    'key.pem': [ca.cert + ca.key, /private key/],
    'leaf.pem': [edge.cert, /is not a CA certificate/],
    'ca-and-leaf.pem': [ca.cert + edge.cert, /is not a CA certificate/],
    'expired.pem': [expired.cert, /has expired/],
    'weak.pem': [(await issue('weak', { ca: true, hash: 'SHA-1' })).cert, /weak key or signature/],
    'crl.pem': [await revoke(ca, []), /"X509 CRL", where only "CERTIFICATE"/],
  };
  for (const [name, [content, message]] of Object.entries(contents)) {
    if (content !== null) writeFileSync(file(name), content);
    assert.throws(
      () => make({ trust: file(name) }),
      (error: Error) => {
        assert.match(error.message, message, name);
        assert.ok(/expired/.test(name) || error.message.includes(file(name)), error.message);
        return true;
      },
    );
  }
  mkdirSync(file('directory.pem'));
  assert.throws(() => make({ trust: file('directory.pem') }), /is a directory/);
});

test('a revocation list that cannot be relied on starts no guard', async () => {
  const lists: Readonly<Record<string, readonly [string, RegExp]>> = {
    'empty.crl': ['', /it is empty/],
    'outdated.crl': [await revoke(ca, [], { until: -0.5 }), /out of date/],
    'forged.crl': [await revoke(ca, [], { signer: next }), /not signed by the CA/],
    'certificate.crl': [ca.cert, /where only "X509 CRL"/],
  };
  for (const [name, [content, message]] of Object.entries(lists)) {
    writeFileSync(file(name), content);
    assert.throws(() => make({ trust: ca.cert, crl: file(name) }), message, name);
  }
});

test('a leaf may be trusted where its fingerprint is pinned', async () => {
  const own = await issue('own');
  const fingerprint = Buffer.from(await own.x509.getThumbprint('SHA-256')).toString('hex');
  const port = await start(make({ trust: own.cert, pin: { fingerprints: [fingerprint] } }));
  assert.equal((await ask(port, { as: own })).status, 200);
  assert.equal((await ask(port, { as: await issue('own') })).status, 403);
});

test('options that nobody would read, or that contradict each other, start no guard', () => {
  const trust = ca.cert;
  const wrong: Readonly<Record<string, readonly [object, RegExp]>> = {
    'no trust': [{}, /has no "trust"/],
    'trust of null': [{ trust: null }, /has no "trust"/],
    'an empty list': [{ trust: [] }, /"trust" is empty/],
    'an empty text': [{ trust: '' }, /neither PEM text nor/],
    'a misspelt option': [{ trust, pins: {} }, /"pins", which means nothing/],
    'a misspelt host option': [{ trust, hosts: { 'a.test': { crls: 'x' } } }, /"crls", which means nothing/],
    'an empty pin': [{ trust, pin: {} }, /names nothing/],
    'an empty list of pins': [{ trust, pin: { subjects: [] } }, /not empty/],
    'a malformed fingerprint': [{ trust, pin: { fingerprints: ['abc'] } }, /"abc"/],
    'a mode that is none': [{ trust, mode: 'off' }, /"observe" or "enforce"/],
    'no hosts': [{ trust, hosts: {} }, /"hosts" is empty/],
    'a host of everything': [{ trust, hosts: { '*': {} } }, /neither a hostname nor/],
    'a host with a port': [{ trust, hosts: { 'a.test:443': {} } }, /neither a hostname nor/],
    'a host that is an address': [{ trust, hosts: { '192.0.2.1': {} } }, /neither a hostname nor/],
    'a host twice': [{ trust, hosts: { 'a.test': {}, 'A.TEST.': {} } }, /twice/],
    'a level that is not described': [
      { trust, levels: {}, hosts: { 'a.test': { level: 'zone' } } },
      /does not describe/,
    ],
    'a usage that is none': [{ trust, usage: 'any' }, /can only be "clientAuth"/],
    'proxies from nowhere': [{ trust, clientCertHeader: { from: [] } }, /must list the addresses/],
    'a proxy that is no address': [{ trust, clientCertHeader: { from: ['10.0.0.0/33'] } }, /no CIDR block/],
  };
  for (const [name, [options, message]] of Object.entries(wrong)) assert.throws(() => make(options), message, name);
});

test('a new file is used without a restart; a bad one keeps the old and is told', async () => {
  const trust = file('rotating.pem');
  writeFileSync(trust, ca.cert);
  const problems: TrustProblem[] = [];
  const guard = make({ trust, onTrustProblem: (problem) => problems.push(problem) });
  const port = await start(guard);
  const statuses = async () => [(await ask(port, { as: edge })).status, (await ask(port, { as: nextEdge })).status];
  assert.deepEqual(await statuses(), [200, 403]);

  writeFileSync(file('staged.pem'), ca.cert + next.cert);
  renameSync(file('staged.pem'), trust);
  await until(() => guard.stats().reloads === 1);
  assert.deepEqual(await statuses(), [200, 200], 'both during the rotation');

  for (const bad of [next.cert.slice(0, 100), edge.cert, 'x']) {
    const before = problems.length;
    writeFileSync(file('staged.pem'), bad);
    renameSync(file('staged.pem'), trust);
    await until(() => problems.length > before);
    assert.deepEqual(await statuses(), [200, 200], 'what was read before stays');
    assert.match(guard.stats().trustProblems['a.test']!, /rotating\.pem cannot be used/);
  }

  writeFileSync(file('staged.pem'), next.cert);
  renameSync(file('staged.pem'), trust);
  await until(() => guard.stats().reloads === 2);
  assert.deepEqual(await statuses(), [403, 200], 'the old CA is gone, also for a certificate that was let in before');
  assert.deepEqual(guard.stats().trustProblems, {});
});

test('a file that was written in place, removed and brought back', async () => {
  const trust = file('in-place.pem');
  writeFileSync(trust, ca.cert);
  const problems: TrustProblem[] = [];
  const guard = make({ trust, onTrustProblem: (problem) => problems.push(problem) });
  const port = await start(guard);
  rmSync(trust);
  await until(() => problems.length > 0);
  assert.equal((await ask(port, { as: edge })).status, 200);
  writeFileSync(trust, next.cert);
  await until(async () => (await ask(port, { as: nextEdge })).status === 200);
  assert.equal((await ask(port, { as: edge })).status, 403);
});

test('a link that is turned over to another directory, as Kubernetes does', async () => {
  for (const [name, identity] of [
    ['one', ca],
    ['two', next],
  ] as const) {
    mkdirSync(file(name));
    writeFileSync(join(file(name), 'ca.pem'), identity.cert);
  }
  symlinkSync('one', file('data'));
  symlinkSync('data/ca.pem', file('linked.pem'));
  const guard = make({ trust: file('linked.pem') });
  const port = await start(guard);
  assert.equal((await ask(port, { as: edge })).status, 200);
  symlinkSync('two', file('data-next'));
  renameSync(file('data-next'), file('data'));
  await until(() => guard.stats().reloads === 1);
  assert.equal((await ask(port, { as: edge })).status, 403);
  assert.equal((await ask(port, { as: nextEdge })).status, 200);
});

test('a connection that stays open is asked again after a revocation', async () => {
  const crl = file('list.crl');
  writeFileSync(crl, await revoke(ca, []));
  const guard = make({ trust: ca.cert, crl });
  const port = await start(guard);
  const answers = await import('node:https').then(async ({ Agent, get }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    closing.push(() => agent.destroy());
    const sockets = new Set<unknown>();
    const once = () =>
      new Promise<number>((resolve, reject) => {
        const options = { agent, host: '127.0.0.1', port, servername: 'a.test', rejectUnauthorized: false };
        const headers = { host: 'a.test' };
        get({ ...options, headers, cert: edge.cert, key: edge.key }, (response) => {
          sockets.add(response.socket);
          response.resume().on('end', () => resolve(response.statusCode!));
        }).on('error', reject);
      });
    const first = await once();
    writeFileSync(file('staged.crl'), await revoke(ca, [edge]));
    renameSync(file('staged.crl'), crl);
    await until(() => guard.stats().reloads === 1);
    return [first, await once(), sockets.size];
  });
  assert.deepEqual(answers, [200, 403, 1]);
});

test('who was refused on a connection is let in on it when new trust, or the time, says so', async () => {
  const trust = file('later.pem');
  writeFileSync(trust, ca.cert);
  let now = Date.now();
  const guard = make({ trust, now: () => now });
  const origin = http2.createSecureServer(
    { ...guard.tlsOptions, cert: server.cert, key: server.key },
    guard.handler((_request, response) => response.end()),
  );
  const port = await listen(origin);
  const early = await issue('edge', { issuer: next, from: 1 });
  const session = http2.connect(`https://127.0.0.1:${port}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
    cert: early.cert,
    key: early.key,
  });
  closing.push(
    () => session.destroy(),
    () => origin.close(),
  );
  const status = () =>
    new Promise<number>((resolve, reject) => {
      const request = session.request({ ':authority': 'a.test' });
      request.on('response', (headers) => resolve(Number(headers[':status'])));
      request.on('error', reject);
      request.resume();
    });
  now += 2 * 86_400_000;
  assert.equal(await status(), 403);
  writeFileSync(trust, next.cert);
  await until(() => guard.stats().reloads === 1);
  now -= 2 * 86_400_000;
  assert.equal(await status(), 403, 'not valid yet');
  now += 2 * 86_400_000;
  assert.equal(await status(), 200);
});

test('closed, a guard keeps deciding and watches no more', async () => {
  const trust = file('closed.pem');
  writeFileSync(trust, ca.cert);
  const guard = make({ trust });
  const port = await start(guard);
  guard.close();
  rmSync(trust);
  assert.equal((await ask(port, { as: edge })).status, 200);
  assert.equal((await ask(port, {})).status, 403);
});
