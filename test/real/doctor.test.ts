import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import { DOCTOR_CHECKS, type DoctorCheck, type DoctorReport } from '../../src/core/mod.ts';
import { type OriginStage, originStage, type Stage } from '../../src/origin/mod.ts';
import {
  checksOf,
  type DoctorCertificates,
  examineAtOnce,
  makeDoctorCertificates,
  NAME,
  subjectAt,
} from '../doubles/doctor.ts';
import { CONFIGURED, notInstalled, startConfigured } from './configured-server.ts';
import { matrixRow, pageRows, writeRows } from './doctor-matrix.ts';
import { CLOSED, type DoctorServer } from './doctor-servers.ts';
import { missing, SERVERS } from './server-process.ts';
import { type RunningOrigin, WRONG_ORIGINS } from './wrong-origins.ts';

let certificates: DoctorCertificates;
const rows: string[] = [];
before(async () => {
  certificates = await makeDoctorCertificates();
});

/** Examines an origin, stops it, and remembers its row of the matrix. */
async function examined(name: string, starting: Promise<DoctorServer | RunningOrigin>): Promise<DoctorReport> {
  const origin = await starting;
  try {
    const report = await examineAtOnce(await subjectAt(origin.port, certificates, origin.changes));
    rows.push(matrixRow(name, report));
    return report;
  } finally {
    await origin.close();
  }
}

for (const server of SERVERS) {
  test(`${server} that enforces is closed`, { skip: missing(server) }, async () => {
    const report = await examined(`${server} that enforces`, CLOSED[server](certificates, true));
    assert.deepEqual(report.findings, []);
    assert.equal(report.verdict, 'closed');
  });

  test(`${server} that only observes is open`, { skip: missing(server) }, async () => {
    const report = await examined(`${server} that only observes`, CLOSED[server](certificates, false));
    assert.equal(report.verdict, 'open');
    assert.ok(checksOf(report, 'open').includes('none'));
    assert.ok(!checksOf(report, 'open').includes('self_signed'));
  });
}

/** How far an origin that observes shows itself to be: Go's servers do not say in this stage which CAs they trust. */
const OBSERVING: Readonly<Partial<Record<(typeof CONFIGURED)[number], OriginStage>>> = {
  caddy: 'unclear',
  traefik: 'unclear',
};

/** Whether the right certificate gets an answer of the application. */
function isServed(port: number): Promise<boolean> {
  const { certificate: cert, privateKey: key } = certificates.right;
  const options = { port, servername: NAME, headers: { host: NAME }, cert, key, rejectUnauthorized: false };
  return new Promise((resolve) => {
    https
      .get({ ...options, agent: false }, (response) => resolve(response.resume().statusCode === 200))
      .on('error', () => resolve(false));
  });
}

/** Starts a server with the text of `countersign origin config`. */
async function startGenerated(server: (typeof CONFIGURED)[number], stage: Stage): Promise<RunningOrigin> {
  const { ca, server: own, serverCa } = certificates;
  const backend = http.createServer((_, response) => response.end('origin\n')).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  const running = await startConfigured(
    server,
    {
      hostnames: [NAME],
      level: 'zone',
      stage,
      content: { kind: 'backend', host: '127.0.0.1', port },
      addresses: ['127.0.0.1'],
    },
    { trust: ca.certificate, certificate: own.certificate + serverCa.certificate, privateKey: own.privateKey },
  );
  const { port: httpsPort } = running.addresses[0]!;
  // Traefik listens before it has read its routes.
  while (server === 'traefik' && !(await isServed(httpsPort))) await new Promise((resolve) => setImmediate(resolve));
  return {
    port: httpsPort,
    changes: { httpPort: running.httpPort },
    close: async () => {
      await running.stop();
      backend.close();
    },
  };
}

for (const server of CONFIGURED) {
  test(`${server} as origin config writes it: closed where it enforces`, { skip: notInstalled(server) }, async () => {
    const report = await examined(`${server} by \`origin config\`, enforce`, startGenerated(server, 'enforce'));
    assert.deepEqual(report.findings, []);
    assert.deepEqual([report.verdict, originStage(report)], ['closed', 'enforces']);
  });

  test(`${server} as origin config writes it: open where it observes`, { skip: notInstalled(server) }, async () => {
    const report = await examined(`${server} by \`origin config\`, observe`, startGenerated(server, 'observe'));
    assert.deepEqual([report.verdict, originStage(report)], ['open', OBSERVING[server] ?? 'observes']);
  });
}

for (const { fault, server, opens, isImpossible, start } of WRONG_ORIGINS) {
  const skip =
    server !== 'node' && (missing(server) || (isImpossible?.() === true && 'it cannot be wrong in this way here'));
  test(`${server}: ${fault}`, { skip }, async () => {
    const report = await examined(`${server}: ${fault}`, start(certificates));
    assert.deepEqual(checksOf(report, 'open').toSorted(), opens.toSorted());
    assert.equal(report.verdict, 'open');
  });
}

test('the matrix in docs/doctor.md is what was found', () => {
  if (process.env.COUNTERSIGN_TEST_WRITE_MATRIX !== undefined) writeRows(rows);
  const page = pageRows();
  for (const row of rows) assert.equal(page.get(row.split(' | ')[0]!.slice(2)), row);
});

test('for each check of strangers there is an origin that it finds', () => {
  const found = new Set(WRONG_ORIGINS.flatMap(({ opens }) => opens));
  const missed = Object.keys(DOCTOR_CHECKS).filter(
    (check) => !check.startsWith('right') && !found.has(check as DoctorCheck),
  );
  assert.deepEqual(missed, []);
});
