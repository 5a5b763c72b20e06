import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { addressMatcher } from '../dist/client-cert-header.js';
import { createGuard, type GuardOptions } from '../dist/mod.js';
import { type Answer, ask as askTls, listen, readAnswer } from './origin.ts';
import { type Identity, issue, issueServer, revoke } from './pki.ts';

let root: Identity;
let sub: Identity;
let edge: Identity;
let revoked: Identity;
let options: GuardOptions;
const closing: (() => void)[] = [];

before(async () => {
  root = await issue('root', { ca: true });
  sub = await issue('sub', { ca: true, issuer: root });
  [edge, revoked] = await Promise.all([issue('edge', { issuer: sub }), issue('edge', { issuer: sub })]);
  const crl = [await revoke(root, []), await revoke(sub, [revoked])];
  options = { mode: 'enforce', trust: root.cert, crl, hosts: { 'a.test': { level: 'zone' } } };
});
after(() => {
  for (const close of closing) close();
});

async function start(from: readonly string[] | null): Promise<number> {
  const guard = createGuard(from === null ? options : { ...options, clientCertHeader: { from } });
  const server = http.createServer(
    guard.handler((request, response) => response.end(JSON.stringify(request.originPull))),
  );
  closing.push(guard.close, () => server.close());
  return await listen(server);
}

function ask(port: number, lines: readonly string[], host = 'a.test'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect({ host: '127.0.0.1', port }, () => {
      socket.write(['GET / HTTP/1.1', `Host: ${host}`, 'Connection: close', ...lines, '', ''].join('\r\n'));
    });
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(readAnswer(text)));
  });
}

const encode = (identity: Identity) => `:${Buffer.from(identity.x509.rawData).toString('base64')}:`;

test('from a trusted proxy, Client-Cert is what the handshake would be', async () => {
  const port = await start(['127.0.0.0/8']);
  const chain = `Client-Cert-Chain: ${encode(sub)}, ${encode(root)}`;
  const right = `Client-Cert: ${encode(edge)}`;
  const fake = await issue('edge', {
    issuer: await issue('sub', { ca: true, issuer: await issue('root', { ca: true }) }),
  });
  const cases: readonly (readonly [string, readonly string[], string, number, string | undefined])[] = [
    ['the right one', [right, chain], 'a.test', 200, undefined],
    ['again without its chain, which is remembered', [right], 'a.test', 200, undefined],
    ['none', [], 'a.test', 403, 'client_cert_header_missing'],
    ['a chain alone', [chain], 'a.test', 403, 'client_cert_header_missing'],
    ["a stranger's", [`Client-Cert: ${encode(fake)}`, chain], 'a.test', 403, 'certificate_untrusted'],
    ['a revoked one', [`Client-Cert: ${encode(revoked)}`, chain], 'a.test', 403, 'certificate_revoked'],
    ['for another host', [right, chain], 'b.test', 421, 'host_unknown'],
    ['twice', [right, right, chain], 'a.test', 400, 'client_cert_header_duplicate'],
    [
      'twice in other spelling',
      [right, right.replace('Client-Cert', 'CLIENT-CERT')],
      'a.test',
      400,
      'client_cert_header_duplicate',
    ],
    ['two in one line', [`${right}, ${encode(edge)}`, chain], 'a.test', 400, 'client_cert_header_malformed'],
    ['two chains', [right, chain, chain], 'a.test', 400, 'client_cert_header_duplicate'],
    ['a malformed chain', [right, 'Client-Cert-Chain: x'], 'a.test', 400, 'client_cert_header_malformed'],
    ['empty', ['Client-Cert: '], 'a.test', 400, 'client_cert_header_malformed'],
    ['no certificate', ['Client-Cert: :AAAA:'], 'a.test', 403, 'certificate_malformed'],
    ['PEM', [`Client-Cert: ${edge.cert.replaceAll('\n', ' ')}`], 'a.test', 400, 'client_cert_header_malformed'],
  ];
  for (const [what, lines, host, status, code] of cases) {
    const answer = await ask(port, lines, host);
    assert.deepEqual([answer.status, answer.body.code], [status, code], what);
  }
});

test('on one connection a proxy speaks for many', async () => {
  const guard = createGuard({ ...options, mode: 'observe', clientCertHeader: { from: ['127.0.0.1'] } });
  const server = http.createServer(
    guard.handler((request, response) => response.end(`${request.originPull.refused ?? 'let in'}\n`)),
  );
  closing.push(guard.close, () => server.close());
  const port = await listen(server);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  closing.push(() => agent.destroy());
  const seen: string[] = [];
  for (const headers of [
    { 'client-cert': encode(edge) },
    { 'client-cert': encode(edge), 'client-cert-chain': encode(sub) },
    { 'client-cert': encode(revoked), 'client-cert-chain': encode(sub) },
    { 'client-cert': encode(edge) },
  ]) {
    const request = { agent, host: '127.0.0.1', port, headers: { host: 'a.test', ...headers } };
    const text = new Promise<string>((resolve) => {
      http.get(request, (response) => response.setEncoding('utf8').once('data', resolve));
    });
    seen.push((await text).trim());
  }
  assert.deepEqual(seen, ['certificate_untrusted', 'let in', 'certificate_revoked', 'let in']);
});

test('from anybody else it is refused', async () => {
  const lines = [`Client-Cert: ${encode(edge)}`, `Client-Cert-Chain: ${encode(sub)}`];
  const elsewhere = await start(['192.0.2.0/24', '2001:db8::1']);
  assert.equal((await ask(elsewhere, lines)).body.code, 'client_cert_header_from_stranger');
  assert.equal((await ask(elsewhere, lines.slice(1))).body.code, 'client_cert_header_from_stranger');
  assert.equal((await ask(elsewhere, [])).body.code, 'no_tls');
  assert.equal((await ask(await start(null), lines)).body.code, 'no_tls', 'without the option it means nothing');
});

test('over TLS, a header of a visitor does not stand in for a certificate', async () => {
  const { cert, key } = await issueServer('a.test');
  const lines = `Client-Cert: ${encode(edge)}\r\nClient-Cert-Chain: ${encode(sub)}\r\n`;
  for (const from of [null, ['192.0.2.1']]) {
    const guard = createGuard(from === null ? options : { ...options, clientCertHeader: { from } });
    const server = guard.createServer((_request, response) => response.end('{}'), { cert, key });
    closing.push(guard.close, () => server.close());
    const answer = await askTls(await listen(server), { lines });
    const expected = from === null ? 'no_certificate' : 'client_cert_header_from_stranger';
    assert.deepEqual([answer.status, answer.body.code], [403, expected]);
  }
});

const ADDRESSES: readonly (readonly [string, string | undefined, boolean])[] = [
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.0.0.0/8', '::ffff:10.0.0.1', true],
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.10', false],
  ['0.0.0.0/0', '198.51.100.1', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['2001:db8::/32', '2001:DB8:1::1', true],
  ['2001:db8::/32', '2001:db9::1', false],
  ['::1', '127.0.0.1', false],
  ['10.0.0.0/8', undefined, false],
  ['10.0.0.0/8', '', false],
];

test('addresses of proxies', () => {
  for (const [entry, address, expected] of ADDRESSES)
    assert.equal(addressMatcher([entry])(address), expected, `${entry} ${address}`);
});
