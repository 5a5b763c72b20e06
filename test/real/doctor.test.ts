import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  checksOf,
  type DoctorCertificates,
  examineAtOnce,
  makeDoctorCertificates,
  subjectAt,
} from '../doubles/doctor.ts';
import { CLOSED } from './doctor-servers.ts';
import { missing, SERVERS } from './server-process.ts';
import { WRONG_ORIGINS } from './wrong-origins.ts';

let certificates: DoctorCertificates;
before(async () => {
  certificates = await makeDoctorCertificates();
});

for (const name of SERVERS) {
  test(`${name} that enforces is closed`, { skip: missing(name) }, async () => {
    const server = await CLOSED[name](certificates, true);
    try {
      const report = await examineAtOnce(
        await subjectAt(server.port, certificates, { previous: certificates.previous, ...server.changes }),
      );
      assert.deepEqual(report.findings, []);
      assert.equal(report.verdict, 'closed');
    } finally {
      await server.close();
    }
  });

  test(`${name} that only observes is open`, { skip: missing(name) }, async () => {
    const server = await CLOSED[name](certificates, false);
    try {
      const report = await examineAtOnce(await subjectAt(server.port, certificates, server.changes));
      assert.equal(report.verdict, 'open');
      assert.ok(checksOf(report, 'open').includes('none'));
      assert.ok(!checksOf(report, 'open').includes('self_signed'));
    } finally {
      await server.close();
    }
  });
}

for (const { fault, server, opens, start } of WRONG_ORIGINS) {
  test(`${server}: ${fault}`, { skip: server !== 'node' && missing(server) }, async () => {
    const origin = await start(certificates);
    try {
      const report = await examineAtOnce(await subjectAt(origin.port, certificates, origin.changes));
      const shown = () =>
        report.attempts
          .filter(({ verdict }) => verdict !== 'ok')
          .map((a) => JSON.stringify(a))
          .slice(0, 12)
          .join('\n');
      assert.deepEqual(checksOf(report, 'open').toSorted(), opens.toSorted(), shown());
      assert.equal(report.verdict, 'open');
    } finally {
      await origin.close();
    }
  });
}
