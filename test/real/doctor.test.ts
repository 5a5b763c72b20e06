import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { DOCTOR_CHECKS, type DoctorCheck, type DoctorReport } from '../../src/core/mod.ts';
import {
  checksOf,
  type DoctorCertificates,
  examineAtOnce,
  makeDoctorCertificates,
  subjectAt,
} from '../doubles/doctor.ts';
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
