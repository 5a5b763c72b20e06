import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type IssuedCertificate,
  issueClientCa,
  issueClientCertificate,
  issueOriginPullCa,
  issueRoot,
  issueServerCertificate,
  issueSharedLeaf,
  needsRenewal,
  parseUpload,
  readCertificate,
} from './mod.ts';

const options = {
  now: Date.parse('2026-11-24T00:00:00Z'),
  randomBytes,
  installationId: '0123456789abcdef0123456789abcdef',
};
const withoutOpenssl = spawnSync('openssl', ['version']).status !== 0 && 'openssl is missing';

function openSslVerify(ca: IssuedCertificate, leaf: IssuedCertificate, purpose: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  try {
    writeFileSync(join(directory, 'ca.pem'), ca.certificate);
    writeFileSync(join(directory, 'leaf.pem'), leaf.certificate);
    const args = [
      'verify',
      '-x509_strict',
      '-purpose',
      purpose,
      '-attime',
      String(options.now / 1000),
      '-CAfile',
      'ca.pem',
      'leaf.pem',
    ];
    return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8' }).trim();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('OpenSSL accepts the shared leaf as a client of the origin-pull CA', { skip: withoutOpenssl }, async () => {
  const ca = await issueOriginPullCa(options);
  assert.equal(openSslVerify(ca, await issueSharedLeaf(ca, options), 'sslclient'), 'leaf.pem: OK');
});

for (const algorithm of ['ecdsa', 'rsa'] as const) {
  test(`OpenSSL accepts a visitor certificate as a server of the root (${algorithm})`, {
    skip: withoutOpenssl,
  }, async () => {
    const root = await issueRoot(options, algorithm);
    const leaf = await issueServerCertificate(root, ['www.a.test', '127.0.0.1'], options, algorithm);
    assert.equal(openSslVerify(root, leaf, 'sslserver'), 'leaf.pem: OK');
    const { subjectAltName, publicKey } = new X509Certificate(leaf.certificate);
    assert.equal(subjectAltName, 'DNS:www.a.test, IP Address:127.0.0.1');
    assert.equal(publicKey.asymmetricKeyType, algorithm === 'rsa' ? 'rsa' : 'ec');
    assert.equal(readCertificate(leaf.certificate).signature, algorithm === 'rsa' ? 'SHA256-RSA' : 'ECDSA-SHA256');
  });
}

test('what is issued can be uploaded, and reads as what it is', async () => {
  const ca = await issueClientCa('Team CA', options);
  const leaf = await issueClientCertificate(ca, 'edge of team', options);
  const { facts } = parseUpload(leaf.certificate, leaf.privateKey);
  assert.equal(facts.issuer, 'CN=Team CA');
  assert.equal(facts.subject, 'CN=edge of team');
  assert.equal(facts.signature, 'ECDSA-SHA256');
  assert.equal(facts.notAfter, leaf.notAfter);
  assert.match(facts.serialNumber, /^\d{36,39}$/);
  assert.equal(readCertificate(ca.certificate).isCa, true);
});

test('a name of more than 64 characters still gets a certificate', async () => {
  const name = `${'a'.repeat(60)}.${'b'.repeat(60)}.test`;
  const leaf = await issueServerCertificate(await issueRoot(options, 'ecdsa'), [name], options);
  assert.equal(new X509Certificate(leaf.certificate).subjectAltName, `DNS:${name}`);
});

test('renewal is due when less than a third of the life is left', () => {
  assert.equal(needsRenewal(0, 90, 59), false);
  assert.equal(needsRenewal(0, 90, 61), true);
});
