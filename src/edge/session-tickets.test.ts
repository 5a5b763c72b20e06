import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { makeEdge } from '../../test/doubles/edge.ts';
import type { HostnameEntry, SnapshotEntry, ZoneEntry } from '../core/mod.ts';
import { currentRuntime } from '../platform/mod.ts';
import type { Edge } from './mod.ts';

// Bun takes no ticket keys (its `setTicketKeys` says "not implemented"): there each worker resumes its own sessions only.
const IS_SHARED = currentRuntime().name === 'node';
const SECRETS = [1, 2, 3].map((byte) => Buffer.alloc(32, byte));
const [FIRST, SECOND, THIRD] = SECRETS as [Buffer, Buffer, Buffer];
const ZONE: ZoneEntry = {
  kind: 'zone',
  id: 'z1',
  name: 'a.test',
  accountId: 'acc',
  ssl: 'flexible',
  tlsClientAuth: false,
  originTlsClientAuth: false,
  certificateIds: [],
};
const NAMES = ['www.a.test', 'ab.a.test'];

let entries: SnapshotEntry[];
let ca: Awaited<ReturnType<typeof makeCa>>;
const edges: Edge[] = [];

async function issued(hostname: string): Promise<SnapshotEntry> {
  const { certificate, privateKey, notAfter } = await makeServer(ca, hostname);
  return { kind: 'server_certificate', hostname, algorithm: 'ecdsa', certificate, privateKey, expiresAt: notAfter };
}

before(async () => {
  ca = await makeCa('Test root');
  const origin = { addresses: ['192.0.2.1'], httpsPort: 443, httpPort: 80, sni: null, hostHeader: null };
  const hostname = (name: string): HostnameEntry => ({
    kind: 'hostname',
    zoneId: 'z1',
    hostname: name,
    association: null,
    origin,
  });
  entries = [ZONE, ...NAMES.map(hostname), ...(await Promise.all(NAMES.map(issued)))];
});
after(async () => {
  await Promise.all(edges.map((edge) => edge.drain()));
});

interface Worker {
  readonly edge: Edge;
  readonly port: number;
}

/** A worker of a fleet that has these secrets, the newest first. */
async function startWorker(...secrets: Buffer[]): Promise<Worker> {
  const edge = makeEdge({}, () => undefined);
  edges.push(edge);
  if (secrets.length > 0) edge.useTicketSecrets(secrets);
  edge.load({ number: 1, entries });
  return { edge, port: (await edge.listenHttps({ host: '127.0.0.1', port: 0 })).port };
}

type Version = 'TLSv1.2' | 'TLSv1.3';

/** Shakes hands, with a session if there is one, and asks once: the tickets of TLS 1.3 come before the answer. */
function visit({ port }: Worker, version: Version, offered?: Buffer, servername = 'www.a.test') {
  return new Promise<{ readonly isReused: boolean; readonly session: Buffer }>((resolve, reject) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      servername,
      ca: ca.certificate,
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ['http/1.1'],
      ...(offered === undefined ? {} : { session: offered }),
    });
    let session: Buffer | undefined;
    let isReused = false;
    socket.on('session', (made: Buffer) => {
      session = made;
    });
    socket.on('secureConnect', () => {
      isReused = socket.isSessionReused();
      if (version === 'TLSv1.2') session = socket.getSession();
      socket.write('GET / HTTP/1.1\r\nHost: other.test\r\n\r\n');
    });
    socket.on('data', () => undefined);
    socket.on('error', reject);
    socket.on('close', () => resolve({ isReused, session: session! }));
  });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: a session that one worker began resumes at another, and under its own name only`, async () => {
    const [one, other] = [await startWorker(FIRST), await startWorker(FIRST)];
    const { session, isReused } = await visit(one, version);
    assert.equal(isReused, false);
    assert.equal((await visit(one, version, session)).isReused, true);
    assert.equal((await visit(other, version, session)).isReused, IS_SHARED);
    // Bun's client offers a session under another name as well.
    assert.equal((await visit(other, version, session, 'ab.a.test')).isReused, false);
    assert.equal((await visit(one, version, session, 'ab.a.test')).isReused, false);
  });

  test(`${version}: a secret makes tickets until the next one comes, and opens them until the one after`, async () => {
    const worker = await startWorker(FIRST);
    const first = (await visit(worker, version)).session;
    worker.edge.useTicketSecrets([SECOND, FIRST]);
    assert.equal((await visit(worker, version, first)).isReused, IS_SHARED);
    const second = (await visit(worker, version)).session;
    assert.equal((await visit(worker, version, second)).isReused, true);
    const newcomer = await startWorker(THIRD, SECOND);
    assert.equal((await visit(newcomer, version, second)).isReused, IS_SHARED);
    assert.equal((await visit(newcomer, version, first)).isReused, false);
  });

  test(`${version}: no session outlives the policy or the certificate that it was made under`, async () => {
    const [one, other] = [await startWorker(FIRST), await startWorker(FIRST)];
    const { session } = await visit(one, version);
    const change = (...upserts: SnapshotEntry[]) => {
      const { number } = other.edge;
      other.edge.apply({ from: number, to: number + 1, upserts, deletes: [] });
    };
    change({ ...ZONE, settings: version === 'TLSv1.3' ? { min_tls_version: '1.3' } : { tls_1_3: 'off' } });
    assert.equal((await visit(other, version, session)).isReused, false);
    change(ZONE);
    assert.equal((await visit(other, version, session)).isReused, IS_SHARED);
    change(await issued('www.a.test'));
    assert.equal((await visit(other, version, session)).isReused, false);
  });
}

test('a worker without secrets, and one of another fleet, resume nothing of ours', async () => {
  const { session } = await visit(await startWorker(FIRST), 'TLSv1.3');
  for (const stranger of [await startWorker(), await startWorker(SECOND)]) {
    assert.equal((await visit(stranger, 'TLSv1.3', session)).isReused, false);
  }
});
