import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { before, test } from 'node:test';
import type { DoctorReport } from '../../src/core/mod.ts';
import type { DoctorSubject } from '../../src/origin/mod.ts';
import { issueServerCertificate } from '../../src/x509/mod.ts';
import { startBlackHole } from '../doubles/black-hole.ts';
import { makeCa } from '../doubles/certificates.ts';
import {
  checksOf,
  type DoctorCertificates,
  examineAtOnce,
  makeDoctorCertificates,
  NAME,
  subjectAt,
} from '../doubles/doctor.ts';
import {
  type DoctorOrigin,
  FORBIDDEN,
  type Guest,
  OK,
  startRawOrigin,
  startRelay,
  startTlsOrigin,
} from '../doubles/doctor-origin.ts';
import { freePorts } from '../real/server-process.ts';

let certificates: DoctorCertificates;
before(async () => {
  certificates = await makeDoctorCertificates();
});

const rightly = ({ isAuthorized }: Guest) => (isAuthorized ? OK : FORBIDDEN);
const redirect = 'HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0\r\n\r\n';
const tooMany = 'HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n';

async function examined(
  origin: DoctorOrigin,
  changes: Partial<DoctorSubject> = {},
  timeout = 400,
): Promise<DoctorReport> {
  try {
    return await examineAtOnce(await subjectAt(origin.port, certificates, { otherNames: [], ...changes }), timeout);
  } finally {
    origin.close();
  }
}

/** Counts the calls, and answers as `first` for so many, then as `then`. */
function changing(
  count: number,
  first: (guest: Guest) => string,
  then: (guest: Guest) => string,
): (guest: Guest) => string {
  let calls = 0;
  return (guest) => (calls++ < count ? first(guest) : then(guest));
}

test('an origin that does as it must is closed: the measure of all that follows', async () => {
  const report = await examined(await startTlsOrigin(certificates, rightly), {}, 3_000);
  assert.deepEqual(report.findings, []);
  assert.equal(report.verdict, 'closed');
});

/** Origins that do something else than answering, and the verdict, never "closed". */
const FAULTS: readonly (readonly [string, () => Promise<DoctorOrigin>, DoctorReport['verdict'], RegExp])[] = [
  ['takes connections and is silent', () => startRawOrigin(() => undefined), 'unknown', /did not finish the handshake/],
  ['resets connections', () => startRawOrigin((socket) => socket.resetAndDestroy()), 'unknown', /./],
  ['closes connections at once', () => startRawOrigin((socket) => socket.end()), 'unknown', /closed the connection/],
  [
    'answers garbage to the handshake',
    () => startRawOrigin((socket) => socket.end('garbage\r\n\r\n')),
    'unknown',
    /neither TLS nor HTTP/,
  ],
  [
    'answers TLS with plain HTTP',
    () => startRawOrigin((socket) => socket.end(OK)),
    'open',
    /plain HTTP on the TLS port/,
  ],
  [
    'is silent after the handshake',
    () => startTlsOrigin(certificates, () => undefined),
    'unknown',
    /did not answer in time/,
  ],
  [
    'answers garbage after the handshake',
    () => startTlsOrigin(certificates, () => 'garbage\r\n\r\n'),
    'unknown',
    /neither TLS nor HTTP/,
  ],
  [
    'closes after the handshake',
    () => startTlsOrigin(certificates, () => null),
    'unknown',
    /refuses the right certificate/,
  ],
  [
    'refuses everybody',
    () => startTlsOrigin(certificates, () => FORBIDDEN),
    'unknown',
    /name a path that answers otherwise/,
  ],
  ['redirects everybody', () => startTlsOrigin(certificates, () => redirect), 'open', /no certificate/],
  ['is overloaded', () => startTlsOrigin(certificates, () => tooMany), 'unknown', /limits requests or is overloaded/],
  [
    'limits requests after some',
    () =>
      startTlsOrigin(
        certificates,
        changing(8, rightly, () => tooMany),
      ),
    'unknown',
    /limits requests or is overloaded/,
  ],
  [
    'refuses everybody after some requests',
    () =>
      startTlsOrigin(
        certificates,
        changing(8, rightly, () => FORBIDDEN),
      ),
    'unknown',
    /at the end it refused the right certificate too/,
  ],
  [
    'lets everybody in from the second try on',
    () =>
      startTlsOrigin(
        certificates,
        (() => {
          let strangers = 0;
          return (guest: Guest) => (guest.isAuthorized || ++strangers > 1 ? OK : FORBIDDEN);
        })(),
      ),
    'open',
    /no certificate/,
  ],
  [
    'is silent to whoever has no certificate',
    () => startTlsOrigin(certificates, ({ isAuthorized }) => (isAuthorized ? OK : undefined)),
    'unknown',
    /did not answer in time/,
  ],
];

for (const [fault, start, verdict, sentence] of FAULTS) {
  test(`an origin that ${fault}: ${verdict}`, async () => {
    const report = await examined(await start());
    assert.equal(report.verdict, verdict);
    assert.match([report.summary, ...report.findings.map(({ text }) => text)].join('\n'), sentence);
  });
}

test('an address whose connections are cut after some', async () => {
  const origin = await startTlsOrigin(certificates, rightly);
  const report = await examined(
    await startRelay(origin.port, (socket, count) => count >= 20 && Boolean(socket.destroy())),
  );
  origin.close();
  assert.equal(report.verdict, 'unknown');
});

test('nobody listens', async () => {
  const [port] = await freePorts(1);
  const report = await examined({ port: port!, close: () => undefined });
  assert.equal(report.verdict, 'unknown');
  assert.equal(report.attempts.filter(({ answer }) => answer !== null).length, 5, 'it is soon left alone');
});

test('an address that swallows connections', async () => {
  const [port] = await freePorts(1);
  const hole = await startBlackHole('127.0.0.1', port!);
  const report = await examined({ port: port!, close: () => hole.close() });
  assert.equal(report.verdict, 'unknown');
  assert.match(report.findings[0]!.text, /took no connection in time/);
});

test('one of two addresses is down', async () => {
  const origin = await startTlsOrigin(certificates, rightly);
  const [port] = await freePorts(1);
  const endpoints = [origin.port, port!].map((port) => ({ address: '127.0.0.1', port }));
  const report = await examined(origin, { endpoints });
  assert.equal(report.verdict, 'unknown');
});

test('no address', async () => {
  assert.equal((await examined(await startTlsOrigin(certificates, rightly), { endpoints: [] })).verdict, 'unknown');
});

test('without the right certificate nothing is closed', async () => {
  const report = await examined(await startTlsOrigin(certificates, rightly), { right: null });
  assert.equal(report.verdict, 'unknown');
});

test('without a port of plain HTTP nothing is closed', async () => {
  const report = await examined(await startTlsOrigin(certificates, rightly), { httpPort: null });
  assert.deepEqual([report.verdict, checksOf(report, 'unknown')], ['unknown', ['plain_http']]);
});

for (const [fault, onConnection, sentence] of [
  ['is silent', () => undefined, /did not answer in time/],
  [
    'resets connections',
    (socket: Socket) => socket.once('data', () => socket.resetAndDestroy()),
    /reset the connection/,
  ],
  ['answers garbage', (socket: Socket) => socket.end('garbage\r\n\r\n'), /neither TLS nor HTTP/],
] as const) {
  test(`a port of plain HTTP that ${fault} proves nothing`, async () => {
    const port = await startRawOrigin(onConnection);
    const report = await examined(await startTlsOrigin(certificates, rightly), { httpPort: port.port }, 1_000);
    port.close();
    assert.deepEqual([report.verdict, checksOf(report, 'unknown')], ['unknown', ['plain_http']]);
    assert.match(report.findings[0]!.text, sentence);
  });
}

test('the certificate before the rotation is refused already', async () => {
  const previous = certificates.otherTenant;
  const report = await examined(await startTlsOrigin(certificates, rightly), { previous });
  assert.deepEqual([report.verdict, checksOf(report, 'broken')], ['unknown', []]);
  assert.match(report.findings[0]!.text, /the certificate before the rotation/);
});

test('the right certificate is refused in the handshake', async () => {
  const origin = await startTlsOrigin({ ...certificates, ca: certificates.otherCa }, ({ isAuthorized }) =>
    isAuthorized ? OK : null,
  );
  const report = await examined(origin, { otherTenant: null });
  assert.deepEqual([report.verdict, checksOf(report, 'broken')], ['unknown', ['right', 'right_old']]);
});

for (const hours of [-25, -1, 1, 25])
  test(`an origin whose clock is ${hours} hours from the doctor's: no refusal for a date passes for one of trust`, async () => {
    const isTimely = ({ socket }: Guest) => {
      const { valid_from, valid_to } = socket.getPeerCertificate();
      return Date.parse(valid_from) <= Date.now() && Date.now() < Date.parse(valid_to);
    };
    const origin = await startTlsOrigin(certificates, (guest) =>
      guest.error !== '' && isTimely(guest)
        ? OK.replace('\r\n', `\r\nDate: ${new Date().toUTCString()}\r\n`)
        : rightly(guest),
    );
    const { examine } = await import('../../src/origin/mod.ts');
    const report = await examine(await subjectAt(origin.port, certificates), {
      clock: { now: () => Date.now() - hours * 3_600_000 },
      randomBytes,
      delay: async () => undefined,
      attemptTimeout: 3_000,
      pace: 10,
    });
    origin.close();
    assert.equal(report.verdict, 'open');
    assert.ok(checksOf(report, 'open').includes('self_signed'));
    assert.ok(checksOf(report, 'open').includes('same_subject'));
    assert.match(
      report.summary,
      new RegExp(`some ${Math.abs(hours) * 60} minutes ${hours > 0 ? 'ahead of' : 'behind'}`),
    );
  });

test("an origin's own certificate that has expired is told, and changes no verdict", async () => {
  const past = { now: Date.now() - 730 * 86_400_000, randomBytes, installationId: '' };
  const server = await issueServerCertificate(await makeCa('Server CA'), [NAME], past);
  const report = await examined(await startTlsOrigin({ ...certificates, server }, rightly), {}, 3_000);
  assert.equal(report.verdict, 'closed');
  assert.match(report.summary, /The origin's own certificate has expired \(20/);
});

test('at the global level another tenant is let in by right, and the report says so', async () => {
  const { sharedCa, ca } = certificates;
  const trusting = { ...certificates, ca: { ...ca, certificate: ca.certificate + sharedCa.certificate } };
  const changes = { level: 'global', shared: certificates.right, otherTenant: certificates.shared } as const;
  const report = await examined(await startTlsOrigin(trusting, rightly), changes, 3_000);
  assert.deepEqual(report.findings, []);
  assert.equal(report.verdict, 'closed');
  assert.match(report.summary, /not from whose account/);
});

test('no more attempts than said, and no faster than said', async () => {
  const origin = await startTlsOrigin(certificates, rightly);
  const { examine } = await import('../../src/origin/mod.ts');
  const waits: number[] = [];
  let now = 1_000_000;
  const progress: [number, number][] = [];
  const report = await examine(await subjectAt(origin.port, certificates), {
    clock: { now: () => now },
    randomBytes,
    delay: async (milliseconds) => {
      waits.push(milliseconds);
      now += milliseconds;
    },
    attemptTimeout: 3_000,
    pace: 10,
    onProgress: (...step) => progress.push(step),
  });
  origin.close();
  const [made, most] = progress.at(-1)!;
  assert.ok(made <= most, `${made} of ${most}`);
  assert.ok(made >= report.attempts.filter(({ answer }) => answer !== null).length - 4);
  assert.deepEqual(new Set(waits), new Set([100]));
  assert.equal(waits.length, made - 1);
});
