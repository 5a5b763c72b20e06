import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCertificate } from '../dist/certificate.js';
import { parseClientCert, parseClientCertChain } from '../dist/client-cert-header.js';
import { children, DerError, readElement, readTime, TAG } from '../dist/der.js';
import { parseRevocationList } from '../dist/revocation.js';
import { issue, revoke, x509 } from './pki.ts';

const ca = await issue('ca', { ca: true });
const gone = await Promise.all([issue('a', { issuer: ca }), issue('b', { issuer: ca, serialNumber: '00ff' })]);
const list = new Uint8Array(x509.PemConverter.decodeFirst(await revoke(ca, gone)));
const certificate = new Uint8Array(ca.x509.rawData);

/** A DER element of a tag. */
function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Uint8Array.from([tag, ...head, ...content]);
}

test('what was written as DER is read as it was', () => {
  const tag = fc.constantFrom(0x04, 0x30, 0xa0, 0x02);
  fc.assert(
    fc.property(fc.array(fc.tuple(tag, fc.uint8Array({ maxLength: 300 })), { maxLength: 20 }), (elements) => {
      const content = Uint8Array.from(elements.flatMap(([tag, content]) => [...der(tag, content)]));
      const found = children(readElement(der(0x30, content), TAG.sequence));
      assert.deepEqual(
        found.map(({ tag, content }) => [tag, [...content]]),
        elements.map(([tag, content]) => [tag, [...content]]),
      );
    }),
  );
});

test('any bytes are read or refused with a DerError', () => {
  const parse = (bytes: Uint8Array) => {
    try {
      for (const element of children(readElement(bytes, TAG.sequence))) children(element);
    } catch (error) {
      assert.ok(error instanceof DerError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), parse), { numRuns: 2000 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => parse(der(0x30, bytes))),
    { numRuns: 2000 },
  );
});

test('lengths in a longer form than needed, and without an end, are refused', () => {
  for (const bytes of [
    [0x30, 0x81, 0x01, 0x00],
    [0x30, 0x82, 0x00, 0x80],
    [0x30, 0x80, 0, 0],
    [0x30, 0x84, 1],
    [0x30],
    [],
  ])
    assert.throws(() => readElement(Uint8Array.from(bytes), TAG.sequence), DerError);
  assert.throws(() => readElement(Uint8Array.from([0x30, 0x00, 0x00]), TAG.sequence), /behind the end/);
});

test('a revocation list says what its issuer put in', () => {
  const { revoked, issuer } = parseRevocationList(list);
  assert.deepEqual(
    [...revoked].sort(),
    gone.map((identity) => parseCertificate(new Uint8Array(identity.x509.rawData)).serialNumber).sort(),
  );
  assert.equal(issuer, parseCertificate(certificate).subject);
});

test('a list or certificate that is cut off anywhere is refused', () => {
  for (let length = 0; length < list.length; length++)
    assert.throws(() => parseRevocationList(list.subarray(0, length)));
  for (let length = 0; length < certificate.length; length++)
    assert.throws(() => parseCertificate(certificate.subarray(0, length)));
});

test('a list with an octet changed is refused, or no longer signed as it was', async () => {
  const { isListOf } = await import('../dist/revocation.js');
  const issuer = parseCertificate(certificate);
  assert.ok(isListOf(parseRevocationList(list), issuer));
  fc.assert(
    fc.property(fc.nat(list.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Uint8Array.from(list);
      changed[at]! ^= change;
      let parsed: ReturnType<typeof parseRevocationList>;
      try {
        parsed = parseRevocationList(changed);
      } catch {
        return;
      }
      assert.ok(!isListOf(parsed, issuer), `octet ${at}`);
    }),
    { numRuns: 500 },
  );
});

const TIMES: readonly (readonly [number, string, string | null])[] = [
  [TAG.utcTime, '491231235959Z', '2049-12-31T23:59:59.000Z'],
  [TAG.utcTime, '500101000000Z', '1950-01-01T00:00:00.000Z'],
  [TAG.generalizedTime, '20500101000000Z', '2050-01-01T00:00:00.000Z'],
  [TAG.generalizedTime, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
  [TAG.utcTime, '230229000000Z', null],
  [TAG.utcTime, '2301010000Z', null],
  [TAG.utcTime, '230101000000+0100', null],
  [TAG.generalizedTime, '20230101000000.5Z', null],
  [TAG.octetString, '230101000000Z', null],
];

test('times', () => {
  for (const [tag, text, expected] of TIMES) {
    const read = () => readTime({ tag, content: Buffer.from(text), bytes: Buffer.from(text) });
    if (expected === null) assert.throws(read, DerError, text);
    else assert.equal(new Date(read()).toISOString(), expected);
  }
});

test('Client-Cert is a byte sequence and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      const base64 = Buffer.from(bytes).toString('base64');
      assert.deepEqual([...parseClientCert(`:${base64}:`)!], [...bytes]);
      assert.equal(parseClientCert(base64), null);
      assert.equal(parseClientCert(`:${base64}:;a=1`), null);
      assert.equal(parseClientCert(`:${base64}:, :${base64}:`), null);
      assert.deepEqual(parseClientCertChain(`:${base64}:,\t:${base64}:`)?.length, 2);
      assert.equal(parseClientCertChain(`:${base64}:,`), null);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
      const found = parseClientCert(text);
      assert.ok(found === null || `:${found.toString('base64')}:` === text.trim());
    }),
    { numRuns: 2000 },
  );
  for (const malformed of ['', '::', ':=:', ':QQ:', ':QR==:', ':Q Q=:', 'QQ==', ':QQ==', '"QQ=="'])
    assert.equal(parseClientCert(malformed), null, malformed);
});
