import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import type { Guard, GuardOptions, Refusal } from '../dist/mod.js';
import { createGuard } from '../dist/mod.js';
import { ask, ask2, listen, rawAsk, readAnswer } from './origin.ts';
import { type Identity, issue, issueServer, revoke } from './pki.ts';

let ca: Identity;
let otherCa: Identity;
let edge: Identity;
let pinned: Identity;
let server: Identity;
const visitors: Record<string, Identity | undefined> = {};
const closing: (() => void)[] = [];

before(async () => {
  ca = await issue('edge CA', { ca: true });
  otherCa = await issue('CA of b', { ca: true });
  edge = await issue('edge', { issuer: ca });
  pinned = await issue('O=Team,CN=pinned', { issuer: ca });
  server = await issueServer('a.test', 'b.test');
  visitors.right = edge;
  visitors.none = undefined;
  visitors.stranger = await issue('edge');
  visitors['stranger whose CA has the same name'] = await issue('edge', {
    issuer: await issue('edge CA', { ca: true }),
  });
  visitors['of another host'] = await issue('edge', { issuer: otherCa });
  visitors.expired = await issue('edge', { issuer: ca, from: -9, until: -1 });
  visitors['not yet valid'] = await issue('edge', { issuer: ca, from: 1 });
  visitors.revoked = await issue('edge', { issuer: ca });
  visitors['meant for servers'] = await issue('edge', { issuer: ca, extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] });
});

after(() => {
  for (const close of closing) close();
});

async function makeGuard(options: Partial<GuardOptions> = {}): Promise<Guard> {
  const crl = await revoke(ca, [visitors.revoked!]);
  const guard = createGuard({
    mode: 'enforce',
    trust: ca.cert,
    hosts: {
      'a.test': { level: 'zone', crl },
      'b.test': { level: 'hostname', trust: otherCa.cert },
      '*.wild.test': {},
      'pinned.test': { pin: { subjects: ['CN=pinned,O=Team'] } },
    },
    ...options,
  });
  closing.push(guard.close);
  return guard;
}

async function start1(guard: Guard): Promise<number> {
  const origin = guard.createServer(
    guard.handler((request, response) => {
      response.end(`${JSON.stringify(request.originPull)}\n`);
    }),
    { key: server.key, cert: server.cert },
  );
  closing.push(() => origin.close());
  return await listen(origin);
}

async function start2(guard: Guard): Promise<number> {
  const origin = http2.createSecureServer(
    { ...guard.tlsOptions, key: server.key, cert: server.cert, allowHTTP1: true },
    guard.handler((request, response) => {
      response.end(`${JSON.stringify(request.originPull)}\n`);
    }),
  );
  closing.push(() => origin.close());
  return await listen(origin);
}

const WHO: readonly (readonly [string, number, string | null])[] = [
  ['right', 200, null],
  ['none', 403, 'no_certificate'],
  ['stranger', 403, 'certificate_untrusted'],
  ['stranger whose CA has the same name', 403, 'certificate_untrusted'],
  ['of another host', 403, 'certificate_untrusted'],
  ['expired', 403, 'certificate_expired'],
  ['not yet valid', 403, 'certificate_not_yet_valid'],
  ['revoked', 403, 'certificate_revoked'],
  ['meant for servers', 403, 'certificate_usage'],
];

test('who may come in, over HTTP/1.1 with TLS 1.2 and 1.3, and over HTTP/2', async () => {
  const guard = await makeGuard();
  const [port, port2] = [await start1(guard), await start2(guard)];
  for (const [who, status, code] of WHO) {
    const as = visitors[who];
    const answers = {
      'TLS 1.2': await ask(port, { as, maxVersion: 'TLSv1.2' }),
      'TLS 1.3': await ask(port, { as, minVersion: 'TLSv1.3' }),
      'HTTP/2': await ask2(port2, { as }),
      'HTTP/1.1 beside HTTP/2': await ask(port2, { as }),
    };
    for (const [how, answer] of Object.entries(answers)) {
      assert.equal(answer.status, status, `${who}, ${how}: ${JSON.stringify(answer.body)}`);
      assert.equal(answer.body.code ?? null, code, `${who}, ${how}`);
    }
  }
  assert.deepEqual(guard.stats().accepted, { zone: 4 });
  assert.equal(guard.stats().refused.no_certificate, 4);
});

test('the application learns who was let in', async () => {
  const guard = await makeGuard();
  const { body } = await ask(await start1(guard), { as: edge });
  const fingerprint = Buffer.from(await edge.x509.getThumbprint('SHA-256')).toString('hex');
  assert.deepEqual(body, { host: 'a.test', level: 'zone', fingerprint, subject: 'CN=edge' });
});

const HOSTS: readonly (readonly [string, Parameters<typeof ask>[1], number, string | null])[] = [
  ['upper case', { host: 'A.TEST' }, 200, null],
  ['a trailing dot', { host: 'a.test.', servername: 'a.test' }, 200, null],
  ['with a port', { host: 'a.test:8443', servername: 'a.test' }, 200, null],
  ['one label below a wildcard', { host: 'x.wild.test' }, 200, null],
  ['two labels below a wildcard', { host: 'y.x.wild.test' }, 421, 'host_unknown'],
  ['a wildcard itself', { host: 'wild.test' }, 421, 'host_unknown'],
  ['a host that is in no rule', { host: 'c.test' }, 421, 'host_unknown'],
  ['an address', { host: '127.0.0.1', servername: '' }, 421, 'server_name_missing'],
  ['a host that has another CA', { host: 'b.test' }, 403, 'certificate_untrusted'],
  ['another host than SNI', { host: 'a.test', servername: 'b.test' }, 421, 'host_mismatch'],
  ['another host than SNI, which is not known', { host: 'a.test', servername: 'c.test' }, 421, 'host_mismatch'],
  ['no SNI', { servername: '' }, 421, 'server_name_missing'],
  ['a second Host', { lines: 'Host: a.test\r\n' }, 400, 'host_duplicate'],
  ['a second Host of another name', { lines: 'hOST: b.test\r\n' }, 400, 'host_duplicate'],
  ['an empty Host', { host: '', servername: 'a.test' }, 400, 'host_missing'],
  ['a Host with a path', { host: 'a.test/b', servername: 'a.test' }, 400, 'host_malformed'],
  ['a Host with user information', { host: 'u@a.test', servername: 'a.test' }, 400, 'host_malformed'],
  ['an absolute target of the same host', { target: 'https://A.test/x' }, 200, null],
  ['an absolute target of another host', { target: 'https://b.test/x' }, 421, 'host_mismatch'],
  ['a pinned host', { host: 'pinned.test' }, 403, 'certificate_not_pinned'],
];

test('which host is asked', async () => {
  const port = await start1(await makeGuard());
  for (const [what, question, status, code] of HOSTS) {
    const answer = await ask(port, { as: edge, ...question });
    assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`);
    assert.equal(answer.body.code ?? null, code, what);
  }
  assert.equal((await ask(port, { as: pinned, host: 'pinned.test' })).status, 200);
});

test('a request without Host is refused', async () => {
  const port = await start1(await makeGuard());
  const text = await rawAsk(port, { as: edge, method: 'GET / HTTP/1.0\r\n\r\n' });
  // Bun answers this one before anybody is asked.
  assert.equal(readAnswer(text).status, 400);
});

test('over HTTP/2, :authority counts, and Host must not differ', async () => {
  const port = await start2(await makeGuard());
  const cases = [
    [{}, {}, 200, undefined],
    [{ host: 'A.test:443', servername: 'a.test' }, {}, 200, undefined],
    [{}, { host: 'a.test' }, 200, undefined],
    [{}, { host: 'b.test' }, 421, 'host_mismatch'],
    [{ host: 'b.test', servername: 'a.test' }, {}, 421, 'host_mismatch'],
    [{ host: 'b.test' }, {}, 403, 'certificate_untrusted'],
  ] as const;
  for (const [question, headers, status, code] of cases) {
    const answer = await ask2(port, { as: edge, ...question }, headers);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify([question, headers]));
  }
});

test('observing lets everybody in and tells what enforcing would refuse', async () => {
  const told: Refusal[] = [];
  const guard = await makeGuard({ mode: 'observe', onRefusal: (refusal) => told.push(refusal), now: () => Date.now() });
  const port = await start1(guard);
  for (const [who, , code] of WHO) {
    const answer = await ask(port, { as: visitors[who] });
    assert.equal(answer.status, 200, who);
    assert.equal(answer.body.refused ?? null, code, who);
  }
  assert.deepEqual(
    told.map(({ code, host, serverName, method }) => [code, host, serverName, method]),
    WHO.slice(1).map(([, , code]) => [code, 'a.test', 'a.test', 'GET']),
  );
  assert.ok(!JSON.stringify(told).includes('BEGIN'));
});

test('a log that throws decides nothing', async () => {
  const guard = await makeGuard({
    onRefusal: () => {
      throw new Error('the disk is full');
    },
  });
  assert.equal((await ask(await start1(guard))).status, 403);
});

test('the time of the request counts, not that of the handshake', async () => {
  let now = Date.now();
  const guard = await makeGuard({ now: () => now, hosts: { 'a.test': {} } });
  const port = await start1(guard);
  assert.equal((await ask(port, { as: edge })).status, 200);
  now += 31 * 86_400_000;
  assert.equal((await ask(port, { as: edge })).body.code, 'certificate_expired');
  now -= 33 * 86_400_000;
  assert.equal((await ask(port, { as: edge })).body.code, 'certificate_not_yet_valid');
});

test('a revocation list that is past its time lets nobody in', async () => {
  let now = Date.now();
  const guard = await makeGuard({ now: () => now });
  const port = await start1(guard);
  assert.equal((await ask(port, { as: edge })).status, 200);
  now += 8 * 86_400_000;
  assert.equal((await ask(port, { as: edge })).body.code, 'revocation_outdated');
});

test('a host may accept several levels, and the level that was met is told', async () => {
  const guard = createGuard({
    mode: 'enforce',
    levels: { zone: { trust: otherCa.cert }, global: { trust: ca.cert, pin: { subjects: ['CN=edge'] } } },
    hosts: { 'a.test': { level: ['zone', 'global'] } },
  });
  closing.push(guard.close);
  const port = await start1(guard);
  assert.equal((await ask(port, { as: edge })).body.level, 'global');
  assert.equal((await ask(port, { as: visitors['of another host'] })).body.level, 'zone');
  assert.equal((await ask(port, { as: pinned })).body.code, 'certificate_not_pinned');
});

test('a clock that throws lets nobody in', async () => {
  let broken = false;
  const now = () => {
    if (broken) throw new Error('no clock');
    return Date.now();
  };
  const port = await start1(await makeGuard({ now }));
  broken = true;
  const answer = await ask(port, { as: edge });
  assert.deepEqual([answer.status, answer.body.code], [500, 'guard_failed']);
});
