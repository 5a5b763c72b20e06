import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { DoctorReport } from '../../src/core/mod.ts';
import { type DoctorCertificates, makeDoctorCertificates, NAME } from '../doubles/doctor.ts';
import { FORBIDDEN, OK, startTlsOrigin } from '../doubles/doctor-origin.ts';
import { type Finished, Workshop } from '../doubles/program.ts';
import { freePorts } from '../real/server-process.ts';

const workshop = new Workshop();
let certificates: DoctorCertificates;
let pair: string[];
let closedPort: string;
before(async () => {
  certificates = await makeDoctorCertificates();
  pair = ['--cert', file(certificates.right.certificate), '--key', file(certificates.right.privateKey)];
  closedPort = String((await freePorts(1))[0]);
});

function file(text: string): string {
  const path = workshop.path('file');
  writeFileSync(path, text);
  return path;
}

/** Runs the doctor against an origin that lets in whom it must, or everybody. */
async function run(isOpen: boolean, args: readonly string[]): Promise<Finished> {
  const origin = await startTlsOrigin(certificates, ({ isAuthorized }) => (isAuthorized || isOpen ? OK : FORBIDDEN));
  const address = `127.0.0.1:${origin.port}`;
  try {
    return await workshop.run(['doctor', '--origin', address, '--sni', NAME, '--http-port', closedPort, ...args]);
  } finally {
    origin.close();
  }
}

test('an origin that is closed: exit 0, a table, and a report that anybody can check', async () => {
  const [report, data] = [workshop.path('report'), workshop.path('data')];
  const { code, stdout, stderr } = await run(false, [...pair, '--report', report, '--data', data]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    /^CHECK +ADDRESS +BY +THE ORIGIN +VERDICT\nthe right certificate +127\.0\.0\.1:\d+ +TLS 1\.3, TLS 1\.2 +answered 200 +ok\n/,
  );
  assert.match(
    stdout,
    /\n\nClosed: \d+ attempts, and only the right certificate was let in\. Not tried: an expired certificate, /,
  );
  assert.equal(statSync(join(data, 'report.key')).mode & 0o777, 0o600);

  const known = await workshop.run(['doctor', 'verify', report, '--data', data]);
  assert.equal(known.code, 0);
  assert.match(known.stdout, /^Signed by .+@.+ at 20\d\d-.+Z\.\nwww\.a\.test, examined at .+Z: closed\.\nClosed: /);
  const named = await workshop.run(['doctor', 'verify', report, '--key', join(data, 'report.pub'), '--json']);
  assert.equal(named.code, 0);
  assert.equal(JSON.parse(named.stdout).verdict, 'closed');

  const unknown = await workshop.run(['doctor', 'verify', report, '--data', workshop.path('data')]);
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /none is known to trust/);
  const other = workshop.path('data');
  await run(true, ['--report', workshop.path('report'), '--data', other]);
  const wrong = await workshop.run(['doctor', 'verify', report, '--data', other]);
  assert.equal(wrong.code, 3);
  assert.match(wrong.stderr, /signed by another key/);
  const changed = file(readFileSync(report, 'utf8').replace(NAME, 'www.c.test'));
  const forged = await workshop.run(['doctor', 'verify', changed, '--data', data]);
  assert.equal(forged.code, 3);
  assert.match(forged.stderr, /is not a report as it was signed/);
});

test('an origin that is open: exit 1, what is open and what closes it; the report says the same', async () => {
  const [report, data] = [workshop.path('report'), workshop.path('data')];
  const { code, stdout } = await run(true, [...pair, '--report', report, '--data', data]);
  assert.equal(code, 1);
  assert.match(stdout, /\nno certificate +127\.0\.0\.1:\d+ +TLS 1\.3, TLS 1\.2 +answered 200 +open\n/);
  assert.match(
    stdout,
    /\nOpen to no certificate, at 127\.0\.0\.1:\d+: The origin answered 200\.\n {2}Let nginx demand a certificate: "ssl_verify_client on;"/,
  );
  assert.equal((await workshop.run(['doctor', 'verify', report, '--data', data])).code, 1);
});

test('without a certificate there is no proof: exit 3', async () => {
  const { code, stdout } = await run(false, ['--json']);
  assert.equal(code, 3);
  const report = JSON.parse(stdout) as DoctorReport;
  assert.deepEqual([report.version, report.verdict, report.level], [1, 'unknown', null]);
});

test('what is wrong is told: exit 2', async () => {
  const origin = ['--origin', '127.0.0.1:1', '--sni', NAME];
  const key = file(certificates.otherTenant.privateKey);
  for (const [args, sentence] of [
    [[], /any origin with --origin HOST:PORT/],
    [['--origin', '127.0.0.1', '--sni', NAME], /^--origin must be HOST:PORT/],
    [['--origin', '127.0.0.1:1', '--sni', '127.0.0.1'], /^--sni: "127\.0\.0\.1" is not a hostname/],
    [[...origin, '--http-port', '0'], /^--http-port must be a port/],
    [[...origin, '--path', 'x'], /^--path must begin with a slash/],
    [[...origin, '--path', '/ HTTP/1.1\r\nX: y'], /^--path must begin with a slash/],
    [[...origin, '--host', 'a b'], /^--host: "a b" is not a hostname/],
    [[...origin, '--cert', pair[1]!], /^--cert and --key go together/],
    [[...origin, '--cert', 'nowhere', '--key', 'nowhere'], /^nowhere cannot be read/],
    [[...origin, '--cert', pair[1]!, '--key', key], /are not a certificate and its private key/],
  ] as const) {
    const { code, stdout, stderr } = await workshop.run(['doctor', ...args]);
    assert.match(stderr, sentence);
    assert.deepEqual([code, stdout], [2, '']);
  }
});
