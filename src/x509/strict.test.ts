import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { type ApiCodeName, ApiError } from '../core/mod.ts';
import { issueClientCa, issueClientCertificate, parseUpload, readCertificate, writePem } from './mod.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 86_400_000;
const options = { now: Date.parse('2026-11-24T00:00:00Z'), randomBytes, installationId: '0'.repeat(32) };

interface Made {
  readonly certificate: string;
  readonly key: string;
}

/** A self-signed leaf with just these extensions. */
async function make(extensions: x509.Extension[] = [], notAfter = options.now + DAY, name = 'CN=a'): Promise<Made> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name,
    notBefore: new Date(options.now),
    notAfter: new Date(notAfter),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions,
  });
  const key = writePem('PRIVATE KEY', new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)));
  return { certificate: `${certificate.toString('pem')}\n`, key };
}

const LEAF = await make();
const OTHER = await make();
const der = (pem: string) => new X509Certificate(pem).raw;
const keyDer = (pem: string) => createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }) as Buffer;

function refused(certificate: string, key: string, ...kinds: readonly ApiCodeName[]): void {
  assert.throws(
    () => parseUpload(certificate, key),
    (error) => error instanceof ApiError && kinds.includes(error.kind) && error.pointer !== undefined,
  );
}

test('a certificate without a well-defined end (RFC 5280 section 4.1.2.5) is read to the second', async () => {
  const forever = Date.parse('9999-12-31T23:59:59Z');
  assert.equal(readCertificate((await make([], forever)).certificate).notAfter, forever);
});

test('a certificate without basic constraints is a leaf; one that has an extension twice is none at all', async () => {
  assert.equal(readCertificate(LEAF.certificate).isCa, false);
  const leaf = new x509.BasicConstraintsExtension(false, undefined, true);
  const ca = new x509.BasicConstraintsExtension(true, undefined, true);
  const { certificate, key } = await make([leaf, ca]);
  refused(certificate, key, 'certificate_unparseable');
});

test('whether the extended key usage allows a client', async () => {
  const allows = async (...uses: string[]) =>
    readCertificate((await make([new x509.ExtendedKeyUsageExtension(uses)])).certificate).allowsClientAuth;
  assert.equal(readCertificate(LEAF.certificate).allowsClientAuth, true);
  assert.equal(await allows('1.3.6.1.5.5.7.3.1'), false);
  assert.equal(await allows('1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'), true);
  assert.equal(await allows('2.5.29.37.0'), true);
});

test('unknown attributes of a name are written as Go writes them', async () => {
  const title = (text: object) => make([], undefined, [{ '2.5.4.12': [text] }] as unknown as string);
  const subject = async (text: object) => readCertificate((await title(text)).certificate).subject;
  assert.equal(await subject({ ia5String: 'Boss' }), '2.5.4.12=#1304426f7373', 'as PrintableString where it can be');
  assert.equal(await subject({ ia5String: 'B@' }), '2.5.4.12=#0c024240', 'as UTF8String where it cannot');
  assert.equal(await subject({ bmpString: 'é' }), '2.5.4.12=#0c02c3a9');
  const long = await subject({ utf8String: 'x'.repeat(200) });
  assert.equal(long, `2.5.4.12=#1381c8${'78'.repeat(200)}`);
});

test('a private key that does not sign for the certificate is refused, whatever public key its file claims', () => {
  const forged = Buffer.from(keyDer(LEAF.key));
  // PKCS#8 of P-256: 32 octets of private key from octet 36 on, the public key after them.
  keyDer(OTHER.key).copy(forged, 36, 36, 68);
  refused(LEAF.certificate, writePem('PRIVATE KEY', forged), 'private_key_mismatch', 'private_key_unparseable');
});

test('keys of other kinds are unsupported', () => {
  const pkcs8 = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' } } as const;
  const spki = { publicKeyEncoding: { type: 'spki', format: 'pem' } } as const;
  const ed25519 = generateKeyPairSync('ed25519', { ...pkcs8, ...spki }).privateKey;
  refused(LEAF.certificate, ed25519, 'private_key_unsupported');
});

const lines = (pem: string, width: number) =>
  `-----BEGIN CERTIFICATE-----\n${der(pem)
    .toString('base64')
    .match(new RegExp(`.{1,${width}}`, 'g'))!
    .join('\n')}\n-----END CERTIFICATE-----\n`;

const FORMS: readonly [name: string, pem: string, accepted: boolean][] = [
  ['CRLF', LEAF.certificate.replaceAll('\n', '\r\n'), true],
  ['blank lines around', `\n \t\n${LEAF.certificate}\n\t\n  `, true],
  ['no newline at the end', LEAF.certificate.trimEnd(), true],
  ['blanks at the ends of lines', LEAF.certificate.replaceAll('\n', ' \t\n'), true],
  ['76 characters a line', lines(LEAF.certificate, 76), true],
  ['one line', lines(LEAF.certificate, 100_000), true],
  ['7 characters a line', lines(LEAF.certificate, 7), true],
  ['indented', LEAF.certificate.replaceAll(/^/gm, '  '), false],
  ['an indented first line', ` ${LEAF.certificate}`, false],
  ['an indented end', LEAF.certificate.replace('-----END', ' -----END'), false],
  ['a blank line in the middle', LEAF.certificate.replace(/\n(.{64})\n/, '\n\n$1\n'), false],
  ['a byte order mark', `\ufeff${LEAF.certificate}`, false],
  ['a no-break space before', `\u00a0\n${LEAF.certificate}`, false],
  ['an ideographic space behind', `${LEAF.certificate}\u3000`, false],
  ['a vertical tab', LEAF.certificate.replace(/\n(.{64})\n/, '\n$1\v\n'), false],
  ['bare CR', LEAF.certificate.replaceAll('\n', '\r'), false],
  ['a NUL', LEAF.certificate.replace('\n', '\0\n'), false],
  ['text before', `subject=CN = a\n${LEAF.certificate}`, false],
  ['another label', LEAF.certificate.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'), false],
  ['labels that differ', LEAF.certificate.replace('END CERTIFICATE', 'END X'), false],
  ['no end', LEAF.certificate.slice(0, 200), false],
];
for (const [name, pem, accepted] of FORMS) {
  test(`PEM with ${name} is ${accepted ? 'accepted' : 'refused'}`, () => {
    if (!accepted) return refused(pem, LEAF.key, 'certificate_unparseable');
    const { certificate } = parseUpload(pem, LEAF.key);
    assert.deepEqual(new X509Certificate(certificate).raw, der(LEAF.certificate), 'loads as it is stored');
  });
}

/** Changes bytes, cuts, inserts, repeats: what a broken or hostile file looks like. */
const edits = fc.array(
  fc.record({
    kind: fc.constantFrom('set', 'cut', 'insert', 'repeat'),
    at: fc.nat(10_000),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 4 },
);
function edit(original: Uint8Array, made: typeof edits extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  let bytes = Buffer.from(original);
  for (const { kind, at, bytes: some } of made) {
    const from = at % (bytes.length + 1);
    const rest = bytes.subarray(from);
    const middle = kind === 'repeat' ? rest.subarray(0, some.length * 8) : some;
    const after = kind === 'set' || kind === 'cut' ? rest.subarray(some.length) : rest;
    bytes = Buffer.concat([bytes.subarray(0, from), kind === 'cut' ? Buffer.alloc(0) : middle, after]);
  }
  return bytes;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const KEYS: readonly [label: string, der: Uint8Array][] = [
  ['PRIVATE KEY', keyDer(LEAF.key)],
  ['EC PRIVATE KEY', createPrivateKey(LEAF.key).export({ type: 'sec1', format: 'der' }) as Buffer],
  ['PRIVATE KEY', rsa.export({ type: 'pkcs8', format: 'der' }) as Buffer],
  ['RSA PRIVATE KEY', rsa.export({ type: 'pkcs1', format: 'der' }) as Buffer],
];

function onlyApiErrors(certificate: string, key: string): void {
  try {
    parseUpload(certificate, key);
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
  }
}

test('no broken certificate, key or text throws anything but an ApiError', () => {
  const text = (pem: string) => Buffer.from(pem, 'latin1');
  fc.assert(
    fc.property(edits, fc.constantFrom(...KEYS), (made, [label, key]) => {
      onlyApiErrors(writePem('CERTIFICATE', edit(der(LEAF.certificate), made)), LEAF.key);
      onlyApiErrors(LEAF.certificate, writePem(label, edit(key, made)));
      onlyApiErrors(Buffer.from(edit(text(LEAF.certificate), made)).toString('latin1'), LEAF.key);
      onlyApiErrors(LEAF.certificate, Buffer.from(edit(text(LEAF.key), made)).toString('latin1'));
    }),
    { numRuns: 400 },
  );
});

test('the worst texts of the largest size are refused in time', () => {
  const size = 64 * 1024;
  const fill = (text: string) => text.repeat(Math.ceil(size / text.length)).slice(0, size);
  const block = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  const within = (body: string) => block(fill(body).slice(0, size - 60));
  const sequence = (depth: number) => {
    let bytes = Buffer.alloc(0);
    for (let i = 0; i < depth; i++) {
      const { length } = bytes;
      const header = length < 128 ? [0x30, length] : [0x30, 0x82, length >> 8, length & 0xff];
      bytes = Buffer.concat([Uint8Array.from(header), bytes]);
    }
    return writePem('CERTIFICATE', bytes);
  };
  // One object identifier, and one serial number, as long as they fit.
  const long = (tag: number) => {
    const body = Buffer.alloc(45_000, 0x81);
    body[body.length - 1] = 1;
    const wrap = (t: number, content: Buffer) =>
      Buffer.concat([Uint8Array.from([t, 0x82, content.length >> 8, content.length & 0xff]), content]);
    return writePem('CERTIFICATE', wrap(0x30, wrap(0x30, wrap(tag, body))));
  };
  const texts = [
    fill(' '),
    fill('\n'),
    fill(' \n'),
    fill('-'),
    fill('-----BEGIN CERTIFICATE-----\n'),
    fill(block('AAAA')),
    within('A'),
    within('A\n'),
    within('A \t'),
    within('='),
    within('a:'),
    within('a:\n'),
    within('a-'),
    sequence(2000),
    long(0x06),
    long(0x02),
  ];
  for (const [i, text] of texts.entries()) {
    const from = performance.now();
    refused(text, LEAF.key, 'certificate_unparseable', 'certificate_chain');
    refused(LEAF.certificate, text, 'private_key_unparseable', 'private_key_encrypted');
    assert.ok(performance.now() - from < 1000, `text ${i} took ${performance.now() - from} ms`);
  }
});

test('an issued client certificate allows a client', async () => {
  const ca = await issueClientCa('c', options);
  const { certificate } = await issueClientCertificate(ca, 'x', options);
  assert.equal(readCertificate(certificate).allowsClientAuth, true);
});
