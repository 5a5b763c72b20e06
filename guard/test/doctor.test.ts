import assert from 'node:assert/strict';
import type { Server } from 'node:net';
import { after, before, test } from 'node:test';
import {
  checksOf,
  type DoctorCertificates,
  examineAtOnce,
  makeDoctorCertificates,
  NAME,
  OTHER_NAME,
  subjectAt,
} from '../../test/doubles/doctor.ts';
import { matrixRow, pageRows } from '../../test/real/doctor-matrix.ts';
import { createGuard, type Guard } from '../dist/mod.js';
import { listen } from './origin.ts';

let certificates: DoctorCertificates;
const guards: Guard[] = [];
const servers: Server[] = [];
before(async () => {
  certificates = await makeDoctorCertificates();
});
after(() => {
  for (const guard of guards) guard.close();
  for (const server of servers) server.close();
});

/** An origin that the guard stands before; the other name trusts another CA. */
async function start(mode: 'observe' | 'enforce'): Promise<number> {
  const { ca, otherCa, server } = certificates;
  const hosts = { [NAME]: { level: 'zone' }, [OTHER_NAME]: { trust: otherCa.certificate } };
  const guard = createGuard({ mode, trust: ca.certificate, hosts });
  guards.push(guard);
  const origin = guard.createServer((_, response) => response.end('let in\n'), {
    cert: server.certificate,
    key: server.privateKey,
  });
  servers.push(origin);
  return await listen(origin);
}

for (const [mode, verdict] of [
  ['enforce', 'closed'],
  ['observe', 'open'],
] as const)
  test(`an origin with the guard in mode ${mode} is ${verdict}`, async () => {
    const report = await examineAtOnce(await subjectAt(await start(mode), certificates));
    assert.equal(report.verdict, verdict, report.summary);
    assert.equal(checksOf(report, 'open').includes('none'), mode === 'observe');
    const name = `node with the guard, ${mode}`;
    assert.equal(pageRows().get(name), matrixRow(name, report));
  });
