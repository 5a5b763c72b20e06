import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CertificateRequest, readFlight } from './certificate-request.ts';

const sized = (bytes: number, data: readonly number[]) => [
  ...Array.from({ length: bytes }, (_, i) => (data.length >> (8 * (bytes - 1 - i))) & 255),
  ...data,
];
const message = (type: number, body: readonly number[]) => [type, ...sized(3, body)];
const record = (data: readonly number[], type = 22) => [type, 3, 3, ...sized(2, data)];

const SERVER_HELLO = message(2, [3, 3, ...Array(32).fill(7), 0, 0xc0, 0x2f, 0]);
const DONE = message(14, []);
const NAMES = [
  [0x30, 0],
  [0x30, 2, 0x31, 0],
];
const request = (names: readonly (readonly number[])[]) =>
  message(13, [
    ...sized(1, [1, 64]),
    ...sized(2, [4, 3]),
    ...sized(
      2,
      names.flatMap((name) => sized(2, name)),
    ),
  ]);

const UNSEEN = { isAsked: null, authorities: [] };
const asked = (names: readonly (readonly number[])[]): CertificateRequest => ({
  isAsked: true,
  authorities: names.map((name) => Buffer.from(name)),
});

const TABLE: readonly (readonly [string, readonly number[], CertificateRequest | null])[] = [
  ['nothing yet', [], null],
  ['a part of a record', record(SERVER_HELLO).slice(0, 20), null],
  ['a hello, and more to come', record(SERVER_HELLO), null],
  ['a hello and its end', record([...SERVER_HELLO, ...DONE]), { isAsked: false, authorities: [] }],
  ['a request that names nobody', record([...SERVER_HELLO, ...request([]), ...DONE]), asked([])],
  ['a request that names two CAs', record([...SERVER_HELLO, ...request(NAMES), ...DONE]), asked(NAMES)],
  ['a request in a record of its own', [...record(SERVER_HELLO), ...record(request(NAMES))], asked(NAMES)],
  [
    'a request in records of one byte',
    [...record(SERVER_HELLO), ...request(NAMES).flatMap((byte) => record([byte]))],
    asked(NAMES),
  ],
  ['an alert', record([2, 70], 21), UNSEEN],
  ['something that is no TLS', [...Buffer.from('HTTP/1.1 400 Bad Request\r\n')], UNSEEN],
  ['a name without bytes', record(request([[]])), UNSEEN],
  ['a name that ends too late', record(message(13, [...sized(1, [1]), ...sized(2, []), 0, 4, 0, 9, 1, 1])), UNSEEN],
  ['bytes behind the names', record(message(13, [...sized(1, [1]), ...sized(2, []), 0, 0, 1])), UNSEEN],
  ['a request that ends too early', record(message(13, [9])), UNSEEN],
];

for (const [what, bytes, found] of TABLE)
  test(`${what}: ${found === null ? 'more to come' : JSON.stringify(found.isAsked)}`, () =>
    assert.deepEqual(readFlight(Buffer.from(bytes)), found));

test('no bytes make it throw, and none of a flight that is cut makes it answer wrongly', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readFlight(Buffer.from(bytes))));
  const whole = Buffer.from(record([...SERVER_HELLO, ...request(NAMES), ...DONE]));
  for (let length = 0; length < whole.length; length++) assert.equal(readFlight(whole.subarray(0, length)), null);
});
