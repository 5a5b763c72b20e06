import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import type { ServerKey } from '../core/mod.ts';
import type { ClientHello } from './client-hello.ts';
import { acceptsKey } from './key-offer.ts';

const list = (...numbers: number[]): Buffer => Buffer.from(numbers.flatMap((number) => [number >> 8, number & 255]));
const hello = (facts: Partial<ClientHello>): ClientHello => ({
  serverName: 'www.a.test',
  ciphers: list(0x1301, 0xc02b, 0xc02f),
  versions: list(0x0304, 0x0303),
  groups: list(29, 23, 24),
  signatures: list(0x0403, 0x0503, 0x0804, 0x0401),
  ticket: null,
  offersEarlyData: false,
  ...facts,
});
const TLS_1_2 = { versions: null };

const CASES: readonly [what: string, facts: Partial<ClientHello>, accepted: readonly ServerKey[]][] = [
  ['a browser', {}, ['P-256', 'P-384', 'RSA']],
  ['TLS 1.3 with RSA signatures only', { signatures: list(0x0804, 0x0401) }, ['RSA']],
  ['TLS 1.3 with PKCS#1 signatures only, which it does not have', { signatures: list(0x0401) }, []],
  ['TLS 1.3 with ECDSA on P-384 only', { signatures: list(0x0503) }, ['P-384']],
  ['TLS 1.3 without signatures', { signatures: null }, []],
  ['TLS 1.2', TLS_1_2, ['P-256', 'P-384', 'RSA']],
  ['TLS 1.2 with RSA suites only', { ...TLS_1_2, ciphers: list(0xc02f) }, ['RSA']],
  ['TLS 1.2 with ECDSA suites only', { ...TLS_1_2, ciphers: list(0xc02b) }, ['P-256', 'P-384']],
  ['TLS 1.2 with RSA signatures only', { ...TLS_1_2, signatures: list(0x0401) }, ['RSA']],
  ['TLS 1.2 with one curve', { ...TLS_1_2, groups: list(24) }, ['P-384', 'RSA']],
  [
    'TLS 1.2 that names neither curves nor signatures',
    { ...TLS_1_2, groups: null, signatures: null },
    ['P-256', 'P-384', 'P-521', 'RSA'],
  ],
  ['a list that is cut off', { signatures: Buffer.from([4]) }, []],
];
for (const [what, facts, accepted] of CASES) {
  test(`${what}: ${accepted.join(', ') || 'nothing'}`, () => {
    const keys = (['P-256', 'P-384', 'P-521', 'RSA'] as const).filter((key) =>
      acceptsKey(hello(facts), key, { maxVersion: 'TLSv1.3' }),
    );
    assert.deepEqual(keys, accepted);
  });
}

test('where the policy stops at TLS 1.2, that version decides', () => {
  const facts = hello({ signatures: list(0x0503, 0x0401), ciphers: list(0x1301, 0xc02b, 0xc02f) });
  const accepts = (maxVersion: 'TLSv1.2' | 'TLSv1.3') => acceptsKey(facts, 'P-256', { maxVersion });
  assert.deepEqual([accepts('TLSv1.2'), accepts('TLSv1.3')], [true, false]);
});
