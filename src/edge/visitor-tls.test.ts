import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type tls from 'node:tls';
import { makeServer } from '../../test/doubles/certificates.ts';
import { type Policy, startEdge, type TestEdge } from '../../test/doubles/edge.ts';
import { startRelay } from '../../test/doubles/relay.ts';
import { eachRequest, response, type ScriptedOrigin, scriptedOrigin, visitHttps } from '../../test/doubles/wire.ts';
import type { TlsVersion, ZoneSettings } from '../core/mod.ts';
import { oldTlsCiphers } from '../platform/mod.ts';

let edge: TestEdge;
let origin: ScriptedOrigin;
let policy: Policy;
const OLD = oldTlsCiphers();
const skip = spawnSync('openssl', ['version']).status !== 0 && 'openssl is missing';

before(async () => {
  origin = await scriptedOrigin((socket) => eachRequest(socket, () => socket.write(response('from the origin'))));
  policy = { ssl: 'flexible', hosts: { www: { port: origin.port }, ab: { port: origin.port } } };
  edge = await startEdge(policy, { drain: 500 });
});
after(async () => {
  await edge.edge.drain();
  origin.close();
});

type Handshake = {
  protocol: string | null;
  alpn: string | false | null;
  isReused: boolean;
  session: Buffer | undefined;
};

/** Shakes hands as a visitor that speaks just this version, and asks once. */
async function visit(
  version: TlsVersion | null,
  label = 'www',
  options: tls.ConnectionOptions = {},
): Promise<Handshake> {
  const name = version === '1.0' ? 'TLSv1' : (`TLSv${version}` as tls.SecureVersion);
  const visitor = await visitHttps(edge, label, {
    ...(version === null ? {} : { minVersion: name, maxVersion: name }),
    ...(version === '1.0' || version === '1.1' ? OLD && { ciphers: OLD } : {}),
    ALPNProtocols: ['http/1.1'],
    ...options,
  });
  const socket = visitor.socket as tls.TLSSocket;
  // TLS 1.3 sends its tickets after the handshake, TLS 1.2 within.
  let session: Buffer | undefined = socket.getProtocol() === 'TLSv1.2' ? socket.getSession() : undefined;
  socket.on('session', (made: Buffer) => {
    session = made;
  });
  const facts = { protocol: socket.getProtocol(), alpn: socket.alpnProtocol, isReused: socket.isSessionReused() };
  if (facts.alpn === 'h2') socket.destroy();
  else {
    visitor.send(`GET / HTTP/1.1\r\nHost: ${label}.a.test\r\nConnection: close\r\n\r\n`);
    assert.match(await visitor.end(), /from the origin$/);
  }
  return { ...facts, session };
}

const change = (settings: Partial<ZoneSettings>): Promise<void> => edge.apply({ ...policy, settings });

const VERSIONS: readonly [settings: Partial<ZoneSettings>, spoken: readonly TlsVersion[]][] = [
  [{}, ['1.2', '1.3']],
  [{ min_tls_version: '1.0' }, ['1.0', '1.1', '1.2', '1.3']],
  [{ min_tls_version: '1.1' }, ['1.1', '1.2', '1.3']],
  [{ min_tls_version: '1.3' }, ['1.3']],
  [{ tls_1_3: 'off' }, ['1.2']],
  [{ tls_1_3: 'zrt' }, ['1.2', '1.3']],
  [{ min_tls_version: '1.0', tls_1_3: 'off' }, ['1.0', '1.1', '1.2']],
];
for (const [settings, spoken] of VERSIONS) {
  test(`${JSON.stringify(settings)}: TLS ${spoken.join(', ')} and no other, from the next handshake on`, async () => {
    await change(settings);
    for (const version of ['1.0', '1.1', '1.2', '1.3'] as const) {
      if (spoken.includes(version)) {
        assert.equal((await visit(version)).protocol, version === '1.0' ? 'TLSv1' : `TLSv${version}`);
      } else {
        await assert.rejects(visit(version), /alert|protocol|version|reset|closed|disconnected/i, version);
      }
    }
    assert.equal((await visit(null, 'www')).protocol, `TLSv${spoken.at(-1)}`);
  });
}

test('http2 off: HTTP/2 is not offered to new visitors', async () => {
  const alpn = async () => (await visit('1.3', 'www', { ALPNProtocols: ['h2', 'http/1.1'] })).alpn;
  await change({});
  assert.equal(await alpn(), 'h2');
  await change({ http2: 'off' });
  assert.equal(await alpn(), 'http/1.1');
  await change({});
  assert.equal(await alpn(), 'h2');
});

for (const version of ['1.2', '1.3'] as const) {
  test(`TLS ${version}: a session resumes under its own name, and under no other nor other versions`, async () => {
    await change({});
    const { session } = await visit(version);
    assert.ok(session);
    assert.equal((await visit(version, 'www', { session })).isReused, true);
    assert.equal((await visit(version, 'ab', { session })).isReused, false);
    await change(version === '1.3' ? { min_tls_version: '1.3' } : { tls_1_3: 'off' });
    assert.equal((await visit(version, 'www', { session })).isReused, false);
  });
}

for (const version of ['1_2', '1_3']) {
  test(`TLS ${version}: OpenSSL offers a session under another name, and gets a handshake of its own`, {
    skip,
  }, async () => {
    await change({});
    const file = join(mkdtempSync(join(tmpdir(), 'countersign-session-')), 'session');
    const name = (label: string) => ['-servername', `${label}.a.test`, `-tls${version}`];
    assert.match(await openssl(...name('www'), '-sess_out', file), /New, TLSv1/);
    assert.match(await openssl(...name('www'), '-sess_in', file), /Reused, TLSv1/);
    assert.match(await openssl(...name('ab'), '-sess_in', file), /New, TLSv1/);
    rmSync(dirname(file), { recursive: true });
  });
}

test('early data for somebody who took it before is passed over, and the handshake goes on', { skip }, async () => {
  await change({});
  const directory = mkdtempSync(join(tmpdir(), 'countersign-early-'));
  const file = (name: string) => join(directory, name);
  const { certificate, privateKey } = await makeServer(edge.root, 'www.a.test');
  writeFileSync(file('server.pem'), certificate + privateKey);
  writeFileSync(file('early'), 'GET /early HTTP/1.1\r\nHost: www.a.test\r\n\r\n');
  const args = ['-accept', '0', '-cert', file('server.pem'), '-max_early_data', '16384', '-tls1_3', '-rev'];
  const taker = spawn('openssl', ['s_server', ...args]);
  const [, port] = await printed(taker, /ACCEPT [^\n]*:(\d+)\n/);
  const name = ['-servername', 'www.a.test', '-tls1_3'];
  const first = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...name, '-sess_out', file('session')]);
  first.stdin.write('ticket\n');
  // The tickets come before the answer.
  await printed(first, /tekcit/);
  for (const child of [first, taker]) child.kill();
  const told = await openssl(...name, '-sess_in', file('session'), '-early_data', file('early'));
  rmSync(directory, { recursive: true });
  assert.match(told, /Early data was rejected/);
  assert.match(told, /from the origin/);
});

/** Waits for what a process prints. */
function printed(child: ChildProcess, what: RegExp): Promise<RegExpExecArray> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', () => reject(new Error(`${what} is not in ${output}`)));
    child.stdout?.on('data', (data) => {
      output += data;
      const found = what.exec(output);
      if (found !== null) resolve(found);
    });
  });
}

/** What `openssl s_client` says of one request. */
function openssl(...args: string[]): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${edge.httpsPort}`, '-ign_eof', ...args]);
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  // Only an answer shows that the tickets of TLS 1.3 are here.
  child.stdin.end(`GET / HTTP/1.1\r\nHost: ${args[1]}\r\nConnection: close\r\n\r\n`);
  return new Promise((resolve, reject) => child.on('close', () => resolve(output)).on('error', reject));
}

/** The same ClientHello with another name of the same length in it. */
function rename(data: Buffer, from: string, to: string): Buffer {
  const at = data.indexOf(from, 0, 'latin1');
  assert.ok(at > 0 && from.length === to.length);
  const changed = Buffer.from(data);
  changed.write(to, at, 'latin1');
  return changed;
}

/** The first record of `data` as records of one byte, and the rest as it is. */
function tinyRecords(data: Buffer): Buffer {
  const length = data.readUInt16BE(3);
  const records = [...data.subarray(5, 5 + length)].map((byte) => Buffer.from([22, 3, 1, 0, 1, byte]));
  return Buffer.concat([...records, data.subarray(5 + length)]);
}

const CUTS: Readonly<Record<string, (data: Buffer) => Buffer[]>> = {
  'in writes of one byte': (data) => [...data].map((byte) => Buffer.from([byte])),
  'in records of one byte': (data) => [tinyRecords(data)],
  'in records of one byte, in writes of five': (data) => {
    const tiny = tinyRecords(data);
    return Array.from({ length: Math.ceil(tiny.length / 5) }, (_, i) => tiny.subarray(5 * i, 5 * i + 5));
  },
};
for (const [how, cut] of Object.entries(CUTS)) {
  test(`a ClientHello ${how} gets the policy of its name all the same`, async () => {
    await change({ tls_1_3: 'off', http2: 'off' });
    const relay = await startRelay(edge.httpsPort, (data, isFirst) => (isFirst ? cut(data) : [data]));
    const { protocol, alpn } = await visit(null, 'www', { port: relay.port, ALPNProtocols: ['h2', 'http/1.1'] });
    assert.deepEqual([protocol, alpn], ['TLSv1.2', 'http/1.1']);
    relay.close();
  });
}

test('the policy is that of the zone that holds the name, whatever its case and its trailing dot', async () => {
  await change({ tls_1_3: 'off' });
  const { certificate, privateKey, notAfter } = await makeServer(edge.root, 'www.b.test');
  const { number } = edge.edge;
  const target = {
    addresses: ['127.0.0.1'],
    httpsPort: origin.port,
    httpPort: origin.port,
    sni: null,
    hostHeader: null,
  };
  edge.edge.apply({
    from: number,
    to: number + 1,
    deletes: [],
    upserts: [
      {
        kind: 'zone',
        id: 'z2',
        name: 'b.test',
        accountId: 'acc',
        ssl: 'flexible',
        tlsClientAuth: false,
        originTlsClientAuth: false,
        certificateIds: [],
        settings: { min_tls_version: '1.3' },
      },
      { kind: 'hostname', zoneId: 'z2', hostname: 'www.b.test', association: null, origin: target },
      {
        kind: 'server_certificate',
        hostname: 'www.b.test',
        algorithm: 'ecdsa',
        certificate,
        privateKey,
        expiresAt: notAfter,
      },
    ],
  });
  for (const servername of ['www.a.test', 'WWW.A.test', 'www.a.test.', 'wWw.A.TEST.']) {
    const { protocol } = await visit(null, 'www', { servername, checkServerIdentity: () => undefined });
    assert.equal(protocol, 'TLSv1.2', servername);
  }
  for (const servername of ['www.b.test', 'WWW.B.TEST.']) {
    const options = { servername, checkServerIdentity: () => undefined };
    const visitor = await visitHttps(edge, 'www', options);
    assert.equal((visitor.socket as tls.TLSSocket).getProtocol(), 'TLSv1.3', servername);
    visitor.socket.destroy();
    await assert.rejects(visitHttps(edge, 'www', { ...options, maxVersion: 'TLSv1.2' }));
  }
});

test('an address, a stranger, nothing, and what is no name at all get neither certificate nor answer', async () => {
  for (const name of ['127.0.0.1', '::1.test.', 'no.a.test', 'ab_a@test', '-b.a.test', 'ab.\0.tes.']) {
    const from = `${'x'.repeat(name.length - 2)}.x`;
    const relay = await startRelay(edge.httpsPort, (data, isFirst) => [isFirst ? rename(data, from, name) : data]);
    await assert.rejects(visitHttps(edge, 'www', { port: relay.port, servername: from }), name);
    relay.close();
  }
  await assert.rejects(visitHttps(edge, 'www', { servername: '' }));
});
