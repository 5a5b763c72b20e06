import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DoctorCheck, DoctorReport } from '../../src/core/mod.ts';
import { type DoctorSubject, examine } from '../../src/origin/mod.ts';
import { type IssuedCertificate, issueClientCertificate } from '../../src/x509/mod.ts';
import { freePorts } from '../real/server-process.ts';
import { makeCa, makeClient, makeServer } from './certificates.ts';

/** Certificates of a whole installation and of an origin, for examinations. */
export interface DoctorCertificates {
  readonly ca: IssuedCertificate;
  readonly otherCa: IssuedCertificate;
  readonly server: IssuedCertificate;
  readonly serverCa: IssuedCertificate;
  readonly right: IssuedCertificate;
  readonly previous: IssuedCertificate;
  readonly otherTenant: IssuedCertificate;
  readonly shared: IssuedCertificate;
  readonly sharedCa: IssuedCertificate;
  readonly expired: IssuedCertificate;
}

export const NAME = 'www.a.test';
export const OTHER_NAME = 'www.b.test';
const YEARS_AGO = 730 * 86_400_000;

export async function makeDoctorCertificates(): Promise<DoctorCertificates> {
  const [ca, otherCa, sharedCa] = [await makeCa('Team A CA'), await makeCa('Team B CA'), await makeCa('Shared CA')];
  const serverCa = await makeCa('Server CA');
  const past = { now: Date.now() - YEARS_AGO, randomBytes, installationId: '' };
  return {
    ca,
    otherCa,
    sharedCa,
    serverCa,
    server: await makeServer(serverCa, NAME, OTHER_NAME),
    right: await makeClient(ca, 'edge of a'),
    previous: await makeClient(ca, 'edge of a'),
    otherTenant: await makeClient(otherCa, 'edge of b'),
    shared: await makeClient(sharedCa, 'origin-pull'),
    expired: await issueClientCertificate(ca, 'edge of a', past),
  };
}

/** The usual subject: every certificate is there, nothing listens on the port of plain HTTP. */
export async function subjectAt(
  port: number,
  certificates: DoctorCertificates,
  changes: Partial<DoctorSubject> = {},
): Promise<DoctorSubject> {
  const [closedPort] = await freePorts(1);
  const { right, previous, otherTenant, shared, expired } = certificates;
  return {
    hostname: NAME,
    serverName: NAME,
    level: 'zone',
    endpoints: [{ address: '127.0.0.1', port }],
    httpPort: closedPort!,
    path: '/index.html',
    otherNames: [OTHER_NAME],
    right,
    previous,
    otherTenant,
    shared,
    expired,
    ...changes,
  };
}

/** Examines without any pause between attempts. `attemptTimeout` in milliseconds. */
export function examineAtOnce(subject: DoctorSubject, attemptTimeout = 3_000): Promise<DoctorReport> {
  return examine(subject, {
    clock: { now: () => Date.now() },
    randomBytes,
    delay: (milliseconds) => delay(milliseconds),
    attemptTimeout,
    pace: 1_000_000,
  });
}

/** The checks of a verdict, each once. */
export function checksOf(report: DoctorReport, verdict: DoctorReport['findings'][number]['verdict']): DoctorCheck[] {
  return report.findings.flatMap((finding) => (finding.verdict === verdict ? [finding.check] : []));
}
