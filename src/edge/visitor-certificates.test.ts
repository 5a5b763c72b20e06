import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import tls from 'node:tls';
import { makeCa, makeRsaServer, makeServer } from '../../test/doubles/certificates.ts';
import { makeEdge } from '../../test/doubles/edge.ts';
import type { CustomCertificateEntry, ServerAlgorithm, SnapshotEntry, ZoneEntry } from '../core/mod.ts';
import type { IssuedCertificate } from '../x509/mod.ts';
import type { Edge } from './mod.ts';

// Bun's client cannot be told its signature algorithms: OpenSSL plays the visitor.
const skip = spawnSync('openssl', ['version']).status !== 0 && 'openssl is missing';

/** Ways to say: no ECDSA. */
const RSA_ONLY: readonly (readonly string[])[] = [
  ['-tls1_3', '-sigalgs', 'rsa_pss_rsae_sha256'],
  ['-tls1_2', '-sigalgs', 'RSA+SHA256'],
  ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'],
];
const ECDSA_ONLY: readonly (readonly string[])[] = [
  ['-tls1_3', '-sigalgs', 'ecdsa_secp256r1_sha256'],
  ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
];
const ANY: readonly (readonly string[])[] = [['-tls1_3'], ['-tls1_2'], []];
const ORIGIN = { addresses: ['192.0.2.1'], httpsPort: 443, httpPort: 80, sni: null, hostHeader: null };

let edge: Edge;
let port: number;
let caCertificate: string;
/** Distinct in their keys and names; one a test would cost a second each in RSA keys. */
let pairs: Record<'issued' | 'issuedRsa' | 'exact' | 'exactRsa' | 'wild' | 'wildRsa', IssuedCertificate>;
let asked: string[];

before(async () => {
  const ca = await makeCa('Test root');
  caCertificate = ca.certificate;
  pairs = {
    issued: await makeServer(ca, 'www.a.test'),
    issuedRsa: await makeRsaServer(ca, 'www.a.test'),
    exact: await makeServer(ca, 'www.a.test'),
    exactRsa: await makeRsaServer(ca, 'www.a.test'),
    wild: await makeServer(ca, '*.a.test'),
    wildRsa: await makeRsaServer(ca, '*.a.test'),
  };
});
beforeEach(async () => {
  await edge?.drain();
  asked = [];
  const request = async (name: string, algorithm: ServerAlgorithm) => {
    asked.push(`${name} ${algorithm}`);
    put(issued(name, algorithm));
    return true;
  };
  edge = makeEdge({}, () => undefined, undefined, [], undefined, request);
  edge.load({
    number: 1,
    entries: [
      zone('z1', 'a.test'),
      zone('z2', 'b.test'),
      { kind: 'hostname', zoneId: 'z1', hostname: 'www.a.test', association: null, origin: ORIGIN },
      issued('www.a.test', 'ecdsa'),
    ],
  });
  port = (await edge.listenHttps({ host: '127.0.0.1', port: 0 })).port;
});
after(() => edge.drain());

const zone = (id: string, name: string): ZoneEntry => ({
  kind: 'zone',
  id,
  name,
  accountId: 'acc',
  ssl: 'flexible',
  tlsClientAuth: false,
  originTlsClientAuth: false,
  certificateIds: [],
});

function issued(hostname: string, algorithm: ServerAlgorithm): SnapshotEntry {
  const { certificate, privateKey, notAfter } = algorithm === 'rsa' ? pairs.issuedRsa : pairs.issued;
  return { kind: 'server_certificate', hostname, algorithm, certificate, privateKey, expiresAt: notAfter };
}

/** An uploaded certificate, named after the pair. */
function uploaded(pair: keyof typeof pairs, facts: Partial<CustomCertificateEntry> = {}): CustomCertificateEntry {
  const { certificate, privateKey, notAfter } = pairs[pair];
  return {
    kind: 'custom_certificate',
    id: pair,
    zoneId: 'z1',
    hosts: [pair.startsWith('wild') ? '*.a.test' : 'www.a.test'],
    key: pair.endsWith('Rsa') ? 'RSA' : 'P-256',
    certificate,
    privateKey,
    priority: 0,
    uploadedAt: 1,
    expiresAt: notAfter,
    ...facts,
  };
}

function put(...upserts: SnapshotEntry[]): void {
  edge.apply({ from: edge.number, to: edge.number + 1, upserts, deletes: [] });
}

function remove(...ids: string[]): void {
  const deletes = ids.map((id) => `custom_certificate:${id}`);
  edge.apply({ from: edge.number, to: edge.number + 1, upserts: [], deletes });
}

/** Which of `pairs` a visitor sees; null where there is no handshake. */
async function seen(options: readonly string[] = [], name = 'www.a.test'): Promise<string | null> {
  const [pem] = await shown(options, name);
  if (pem === undefined) return null;
  const { fingerprint256 } = new X509Certificate(pem);
  const found = Object.entries(pairs).find(
    ([, { certificate }]) => new X509Certificate(certificate).fingerprint256 === fingerprint256,
  );
  return found?.[0] ?? 'another';
}

/** The certificates that a visitor is sent, with the option `-showcerts` all of them. */
async function shown(options: readonly string[], name: string): Promise<readonly string[]> {
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, ...options];
  const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stdin.end();
  await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  return output.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

async function sees(kinds: readonly (readonly string[])[], pair: string | null, name?: string): Promise<void> {
  for (const options of kinds) assert.equal(await seen(options, name), pair, options.join(' '));
}

test('nothing uploaded: ECDSA for all who can, and RSA made for the first who cannot', { skip }, async () => {
  await sees([...ANY, ...ECDSA_ONLY], 'issued');
  assert.deepEqual(asked, [], 'no RSA key for those');
  await sees(RSA_ONLY, 'issuedRsa');
  assert.deepEqual(asked, ['www.a.test rsa'], 'once');
  await sees(ANY, 'issued');
});

test('a visitor who can do neither makes nothing, and gets an alert', { skip }, async () => {
  await sees([['-tls1_3', '-sigalgs', 'ed25519']], null);
  assert.deepEqual(asked, []);
});

test('ECDSA and RSA uploaded side by side: RSA for whoever cannot do ECDSA, ECDSA for the others', {
  skip,
}, async () => {
  put(uploaded('exact'), uploaded('exactRsa', { uploadedAt: 2 }));
  await sees([...ANY, ...ECDSA_ONLY], 'exact');
  await sees(RSA_ONLY, 'exactRsa');
  assert.deepEqual(asked, []);
});

test('RSA uploaded alone is for everybody who can do it', { skip }, async () => {
  put(uploaded('exactRsa'));
  await sees([...ANY, ...RSA_ONLY], 'exactRsa');
  await sees(ECDSA_ONLY, 'issued');
});

test('exactly the name goes before a wildcard, and a wildcard before what was issued', { skip }, async () => {
  put(uploaded('wild'));
  await sees(ANY, 'wild');
  put(uploaded('exact'));
  await sees(ANY, 'exact');
  put(uploaded('wildRsa'));
  await sees(RSA_ONLY, 'wildRsa');
  remove('exact');
  await sees(ANY, 'wild');
  remove('wild', 'wildRsa');
  await sees(ANY, 'issued');
});

test('of two for the same name the priority decides, then the newer one', { skip }, async () => {
  const both = { hosts: ['www.a.test'] };
  put(uploaded('exact', { uploadedAt: 5 }), uploaded('wild', { ...both, uploadedAt: 6 }));
  await sees(ANY, 'wild');
  put(uploaded('exact', { uploadedAt: 5, priority: 1 }));
  await sees(ANY, 'exact');
});

// The libraries look for the rest of a chain among the CAs that they trust, anew in every handshake: 80 us, and a root more.
test('what was uploaded is sent and nothing else, though its CA is one that this machine trusts', {
  skip,
}, async () => {
  const trusted = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...trusted, caCertificate]);
  try {
    put(uploaded('exact'));
    assert.equal((await shown(['-showcerts'], 'www.a.test')).length, 1);
  } finally {
    tls.setDefaultCACertificates(trusted);
  }
});

test('one that ended is passed over', { skip }, async () => {
  put(uploaded('exact', { expiresAt: Date.now() - 60_000 }));
  await sees(ANY, 'issued');
});

test('one that was uploaded to another zone is none of ours', { skip }, async () => {
  put(uploaded('exact', { zoneId: 'z2' }));
  await sees(ANY, 'issued');
});

test('an uploaded one also serves a name that no issued one could: far below a wildcard', { skip }, async () => {
  put({ kind: 'hostname', zoneId: 'z1', hostname: '*.a.test', association: null, origin: ORIGIN });
  await sees(ANY, null, 'deep.er.a.test');
  put(uploaded('wild', { hosts: ['*.er.a.test'] }));
  await sees(ANY, 'wild', 'deep.er.a.test');
  await sees(ANY, null, 'www.b.test');
});

test('a key that does not open costs its visitors the handshake, and nobody else anything', { skip }, async () => {
  put(uploaded('exact', { privateKey: 'damaged' }));
  await sees(ANY, null);
  remove('exact');
  await sees(ANY, 'issued');
});
