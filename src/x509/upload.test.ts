import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { type ApiCodeName, ApiError } from '../core/mod.ts';
import { parseUpload, readCertificate, writePem } from './mod.ts';

const skip = spawnSync('openssl', ['version']).status !== 0 && 'openssl is missing';
const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
after(() => rmSync(directory, { recursive: true }));

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

interface Made {
  readonly certificate: string;
  readonly key: string;
}

/** A self-signed certificate made by OpenSSL. */
function make(newkey: readonly string[], ca = 'FALSE', subject = '/CN=a.test', extra: readonly string[] = []): Made {
  openssl(
    'req',
    '-x509',
    ...newkey,
    '-nodes',
    '-keyout',
    'k.pem',
    '-out',
    'c.pem',
    '-days',
    '30',
    '-subj',
    subject,
    '-utf8',
    '-addext',
    `basicConstraints=CA:${ca}`,
    ...extra,
  );
  return {
    certificate: readFileSync(join(directory, 'c.pem'), 'utf8'),
    key: readFileSync(join(directory, 'k.pem'), 'utf8'),
  };
}

const EC = (curve: string) => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`];
const P256 = skip ? { certificate: '', key: '' } : make(EC('P-256'));
const OTHER = skip ? { certificate: '', key: '' } : make(EC('P-256'));

function refused(certificate: string, key: string, kind: ApiCodeName): void {
  assert.throws(
    () => parseUpload(certificate, key),
    (error) => error instanceof ApiError && error.kind === kind,
  );
}

const ACCEPTED: readonly [name: string, newkey: readonly string[], signature: string, extra?: readonly string[]][] = [
  ['RSA 2048', ['-newkey', 'rsa:2048'], 'SHA256-RSA'],
  ['RSA 2048 signed with SHA-384', ['-newkey', 'rsa:2048', '-sha384'], 'SHA384-RSA'],
  ['RSA 2048 signed with PSS', ['-newkey', 'rsa:2048', '-sigopt', 'rsa_padding_mode:pss', '-sha256'], 'SHA256-RSAPSS'],
  ['P-256', EC('P-256'), 'ECDSA-SHA256'],
  ['P-384 signed with SHA-384', [...EC('P-384'), '-sha384'], 'ECDSA-SHA384'],
  ['P-521 signed with SHA-512', [...EC('P-521'), '-sha512'], 'ECDSA-SHA512'],
  ['server-only key usage', EC('P-256'), 'ECDSA-SHA256', ['-addext', 'extendedKeyUsage=serverAuth']],
];
for (const [name, newkey, signature, extra] of ACCEPTED) {
  test(`${name} is accepted, and named as Go names it`, { skip }, () => {
    const { certificate, key } = make(newkey, 'FALSE', '/CN=a.test', extra);
    const upload = parseUpload(certificate, key);
    assert.equal(upload.facts.signature, signature);
    const reference = new X509Certificate(certificate);
    assert.equal(upload.facts.serialNumber, BigInt(`0x${reference.serialNumber}`).toString());
    assert.equal(upload.facts.notAfter, Date.parse(reference.validTo));
    assert.equal(upload.facts.fingerprint, reference.fingerprint256.replaceAll(':', '').toLowerCase());
    assert.match(upload.privateKey, /^-----BEGIN PRIVATE KEY-----\n/);
  });
}

test('the issuer reads as Go writes it: most specific first, escaped, unknown attributes in hex', { skip }, () => {
  const { certificate } = make(
    EC('P-256'),
    'FALSE',
    '/C=US/ST=Texas/L=Austin/O=Acme, Inc./OU=A\\+B/CN=#1 é/emailAddress=a@b.test',
  );
  assert.equal(
    readCertificate(certificate).issuer,
    // Go reads the IA5String and writes it as UTF8String (0c), for `@` is none of PrintableString's characters.
    'CN=\\#1 é,ST=Texas,L=Austin,OU=A\\+B,O=Acme\\, Inc.,C=US,1.2.840.113549.1.9.1=#0c08614062' + '2e74657374',
  );
});

test('PKCS#1, SEC1, and SEC1 after its parameters are accepted', { skip }, () => {
  const rsa = make(['-newkey', 'rsa:2048']);
  writeFileSync(join(directory, 'rsa.pem'), rsa.key);
  const pkcs1 = openssl('rsa', '-in', 'rsa.pem', '-traditional');
  assert.match(pkcs1, /BEGIN RSA PRIVATE KEY/);
  parseUpload(rsa.certificate, pkcs1);
  writeFileSync(join(directory, 'ec.pem'), P256.key);
  const sec1 = openssl('ec', '-in', 'ec.pem');
  assert.match(sec1, /BEGIN EC PRIVATE KEY/);
  parseUpload(P256.certificate, sec1);
  parseUpload(P256.certificate, openssl('ecparam', '-name', 'prime256v1') + sec1);
});

test('the PEM is echoed: only the end becomes exactly one newline', { skip }, () => {
  const crlf = P256.certificate.replaceAll('\n', '\r\n');
  assert.equal(parseUpload(`${crlf}\n\n`, P256.key).certificate, `${crlf.trimEnd()}\n`);
});

test('each mistake has an error of its own', { skip }, () => {
  const ca = make(EC('P-256'), 'TRUE');
  refused(ca.certificate, ca.key, 'certificate_not_leaf');
  refused(P256.certificate, OTHER.key, 'private_key_mismatch');
  refused(P256.certificate + OTHER.certificate, P256.key, 'certificate_chain');
  refused('garbage', P256.key, 'certificate_unparseable');
  refused('', P256.key, 'certificate_unparseable');
  refused(P256.key, P256.key, 'certificate_unparseable');
  refused(`hello\n${P256.certificate}`, P256.key, 'certificate_unparseable');
  refused(P256.certificate.repeat(200), P256.key, 'certificate_unparseable');
  refused(P256.certificate, 'garbage', 'private_key_unparseable');
  refused(P256.certificate, P256.certificate, 'private_key_unparseable');
  refused(P256.certificate, P256.key.repeat(2), 'private_key_unparseable');
  writeFileSync(join(directory, 'p.pem'), P256.key);
  refused(P256.certificate, openssl('pkcs8', '-topk8', '-in', 'p.pem', '-passout', 'pass:x'), 'private_key_encrypted');
  refused(P256.certificate, openssl('ec', '-in', 'p.pem', '-aes128', '-passout', 'pass:x'), 'private_key_encrypted');
  refused(P256.certificate, openssl('genpkey', '-algorithm', 'ed25519'), 'private_key_unsupported');
  refused(
    P256.certificate,
    openssl('genpkey', '-algorithm', 'rsa', '-pkeyopt', 'rsa_keygen_bits:1024'),
    'private_key_unsupported',
  );
});

test('no bytes behind the certificate are accepted, and no alteration is anything but an ApiError', { skip }, () => {
  const der = new X509Certificate(P256.certificate).raw;
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 8 }), (tail) => {
      refused(writePem('CERTIFICATE', Buffer.concat([der, tail])), P256.key, 'certificate_unparseable');
    }),
    { numRuns: 50 },
  );
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const altered = Buffer.from(der);
      altered[at]! ^= mask;
      try {
        parseUpload(writePem('CERTIFICATE', altered), P256.key);
      } catch (error) {
        assert.ok(error instanceof ApiError, String(error));
      }
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (certificate, key) => {
      assert.throws(() => parseUpload(certificate, key), ApiError);
    }),
  );
});
