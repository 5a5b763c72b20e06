import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parseCertificate } from '../dist/certificate.js';
import { issue, type x509 } from './pki.ts';

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not there';

// Typed values are taken as they are; plain ones would be read as RFC 4514.
const text = (utf8String: string) => [{ utf8String }] as unknown as string[];
const NAMES: readonly (readonly [x509.JsonName, string])[] = [
  [[{ CN: text('edge') }], 'CN=edge'],
  [[{ C: text('DE') }, { O: text('Team') }, { OU: text('a') }, { CN: text('edge') }], 'CN=edge,OU=a,O=Team,C=DE'],
  [[{ CN: text('a,O=Team') }], 'CN=a\\,O=Team'],
  [[{ CN: text('a+b"c<d>e;f\\g') }], 'CN=a\\+b\\"c\\<d\\>e\\;f\\\\g'],
  [[{ CN: text(' a ') }], 'CN=\\ a\\ '],
  [[{ CN: text('#a#') }], 'CN=\\#a#'],
  [[{ CN: text('Zürich 東京') }], 'CN=Zürich 東京'],
  [[{ CN: text('line\nbreak') }], 'CN=line\\0Abreak'],
  [[{ CN: text('a'), OU: text('b') }], 'OU=b+CN=a'],
];

for (const [name, expected] of NAMES) {
  test(`the subject ${expected}, as openssl prints it`, { skip }, async () => {
    const { x509: certificate, cert } = await issue('x', { subject: name });
    assert.equal(parseCertificate(new Uint8Array(certificate.rawData)).subjectText, expected);
    const args = ['x509', '-noout', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb'];
    const { stdout } = spawnSync('openssl', args, { input: cert, encoding: 'utf8' });
    assert.equal(stdout.replace(/^subject=/, '').replace(/\n$/, ''), expected);
  });
}
