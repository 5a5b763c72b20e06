import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { DoctorReport } from '../../core/mod.ts';
import { publicKeyText, readSigned, signReport, writeSigned } from './signed-report.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const REPORT: DoctorReport = {
  version: 1,
  hostname: 'www.a.test',
  level: null,
  started_at: '2026-01-01T00:00:00Z',
  duration_ms: 12,
  verdict: 'open',
  summary: 'Open: the origin lets in no certificate.',
  findings: [],
  certificate_requests: [],
  attempts: [],
};
const signed = () => signReport(REPORT, privateKey, 'root@host', Date.parse('2026-01-02T03:04:05.678Z'));
const text = writeSigned(signed());

test('a report as it was signed', () => {
  const { signature, report } = readSigned(text)!;
  assert.deepEqual(report, REPORT);
  assert.deepEqual([signature.by, signature.signed_at], ['root@host', '2026-01-02T03:04:05Z']);
  assert.equal(signature.public_key, publicKeyText(createPublicKey(privateKey)));
  assert.equal(text.includes('PRIVATE'), false);
});

const another = generateKeyPairSync('ed25519').privateKey;
const CHANGED: readonly (readonly [string, string])[] = [
  ['the verdict', text.replace('"open"', '"closed"')],
  ['the time', text.replace('2026-01-02', '2026-02-02')],
  ['the signer', text.replace('root@host', 'root@else')],
  ['the key', text.replace(publicKeyText(createPublicKey(privateKey)), publicKeyText(createPublicKey(another)))],
  ['a member twice', text.replace('"verdict": "open"', '"verdict": "closed",\n    "verdict": "open"')],
  ['a member more', text.replace('"signature": {', '"note": "closed",\n  "signature": {')],
  ['the form', JSON.stringify(JSON.parse(text))],
  ['the value', text.replace(/"value": ".{4}/, '"value": "AAAA')],
  ['the end', text.slice(0, -20)],
  ['everything', ''],
  ['another document', '{}\n'],
  ['null', 'null\n'],
];

for (const [what, changed] of CHANGED) {
  test(`${what} is changed`, () => {
    assert.notEqual(changed, text);
    assert.equal(readSigned(changed), null);
  });
}
