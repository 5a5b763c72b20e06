import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ApiError } from '../core/mod.ts';
import { parseServerUpload } from './mod.ts';

const skip = spawnSync('openssl', ['version']).status !== 0 && 'openssl is missing';
const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
after(() => rmSync(directory, { recursive: true }));

/** A self-signed certificate made by OpenSSL. */
function make(newkey: readonly string[], names: string): { certificate: string; key: string } {
  const san = names === '' ? [] : ['-addext', `subjectAltName=${names}`];
  const files = ['-nodes', '-keyout', 'k.pem', '-out', 'c.pem', '-days', '30', '-subj', '/CN=cn.a.test'];
  const args = ['req', '-x509', ...newkey, ...files, '-addext', 'basicConstraints=CA:FALSE', ...san];
  execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  return { certificate: read('c.pem'), key: read('k.pem') };
}

const EC = (curve: string) => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`];

for (const [newkey, expected] of [
  [EC('P-256'), 'P-256'],
  [EC('P-384'), 'P-384'],
  [EC('P-521'), 'P-521'],
  [['-newkey', 'rsa:2048'], 'RSA'],
] as const) {
  test(`a certificate with a key ${expected} says what it is`, { skip }, () => {
    const { certificate, key } = make(newkey, 'DNS:www.a.test');
    assert.equal(parseServerUpload(certificate, key).key, expected);
  });
}

test('its hosts are the DNS names of the certificate, in the one spelling, each once, and nothing else', {
  skip,
}, () => {
  const names = 'DNS:WWW.a.test,DNS:www.a.test,DNS:*.A.test,DNS:a*.a.test,IP:192.0.2.1,email:me@a.test,DNS:1.2.3.4';
  const { certificate, key } = make(EC('P-256'), names);
  assert.deepEqual(parseServerUpload(certificate, key).hosts, ['www.a.test', '*.a.test']);
  const bare = make(EC('P-256'), '');
  assert.deepEqual(parseServerUpload(bare.certificate, bare.key).hosts, [], 'a common name is none');
});

test('a key of less than 2048 bits is refused', { skip }, () => {
  const { certificate, key } = make(['-newkey', 'rsa:1024'], 'DNS:www.a.test');
  assert.throws(
    () => parseServerUpload(certificate, key),
    (error) => error instanceof ApiError && error.kind === 'private_key_unsupported',
  );
});
