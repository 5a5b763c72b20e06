import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http2Reader, http2Request } from './http2-reader.ts';
import { Http1Reader, http1Request, MOST_RESPONSE, type ResponseReader } from './response-reader.ts';
import { alertInRecord, alertOf, isRefusal } from './tls-alert.ts';

/** What a reader makes of bytes that come one by one: a status, or a word. */
function read(reader: ResponseReader, bytes: Buffer): number | string {
  for (const byte of bytes) reader.push(Buffer.from([byte]));
  const state = reader.state();
  return typeof state === 'object' ? state.status : state;
}

for (const [text, result] of [
  ['HTTP/1.1 200 OK\r\n\r\n', 200],
  ['HTTP/1.0 403\r\nServer: x\r\n\r\n', 403],
  ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n', 404],
  ['HTTP/1.1 103 Early Hints\r\n\r\n', 'incomplete'],
  ['HTTP/1.1 200 OK\r\n', 'incomplete'],
  ['HTT', 'incomplete'],
  ['', 'incomplete'],
  ['HTTP/2.0 200 OK\r\n\r\n', 'malformed'],
  ['HTTP/1.1 2000 OK\r\n\r\n', 'malformed'],
  ['HTTP/1.1 099 OK\r\n\r\n', 'malformed'],
  ['SSH-2.0-x\r\n', 'malformed'],
  [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(MOST_RESPONSE)}`, 'malformed'],
] as const)
  test(`HTTP/1.1: ${JSON.stringify(text.slice(0, 60))}`, () =>
    assert.equal(read(new Http1Reader(), Buffer.from(text, 'latin1')), result));

test('HTTP/1.1: where a redirect leads, and whether the body is whole', () => {
  const reader = new Http1Reader();
  reader.push(Buffer.from('HTTP/1.1 301 x\r\nlocation:  https://a/ \r\nContent-Length: 2\r\n\r\na'));
  assert.deepEqual(reader.state(), { status: 301, location: 'https://a/', date: null, body: 'a', isWhole: false });
  reader.push(Buffer.from('b'));
  assert.deepEqual(reader.state(), { status: 301, location: 'https://a/', date: null, body: 'ab', isWhole: true });
});

const frame = (type: number, flags: number, payload: string, stream = 1) =>
  `${(payload.length / 2).toString(16).padStart(6, '0')}${[type, flags].map((n) => n.toString(16).padStart(2, '0')).join('')}${stream.toString(16).padStart(8, '0')}${payload}`;
const SETTINGS = frame(4, 0, '', 0);

// Field sections of RFC 7541 appendices C.5 and C.6, and of servers.
for (const [hex, result] of [
  [frame(1, 5, '88'), 200],
  [frame(1, 5, '8c'), 400],
  [frame(1, 5, '4803333032'), 302],
  [frame(1, 5, '48826402'), 302],
  [frame(1, 5, '4883640eff'), 307],
  [frame(1, 5, '0803343231'), 421],
  [frame(1, 5, '3fe11f88'), 200],
  [frame(1, 5, '2088'), 200],
  [frame(1, 4 | 8 | 32, '020000000010880000'), 200],
  [frame(1, 4, '4803313033') + frame(1, 5, '88'), 200],
  [frame(1, 4, '4803313033'), 'incomplete'],
  [frame(1, 5, '82'), 'malformed'],
  [frame(1, 5, ''), 'malformed'],
  [frame(3, 0, '0000000d'), 'ended'],
  [frame(7, 0, '0000000000000000', 0), 'ended'],
  [frame(1, 5, '88', 3), 'incomplete'],
  [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n').toString('hex'), 'malformed'],
] as const)
  test(`HTTP/2: ${hex}`, () => assert.equal(read(new Http2Reader(), Buffer.from(SETTINGS + hex, 'hex')), result));

test('HTTP/2: settings and pings are acknowledged', () => {
  const reader = new Http2Reader();
  assert.equal(reader.push(Buffer.from(SETTINGS, 'hex'))!.toString('hex'), frame(4, 1, '', 0));
  assert.equal(
    reader.push(Buffer.from(frame(6, 0, '0102030405060708', 0), 'hex'))!.toString('hex'),
    frame(6, 1, '0102030405060708', 0),
  );
});

test('requests say who asks, and no more than is needed', () => {
  const text = http1Request('a.test', '/x').toString();
  assert.equal(text, 'GET /x HTTP/1.1\r\nHost: a.test\r\nUser-Agent: countersign-doctor\r\nConnection: close\r\n\r\n');
  const long = 'x'.repeat(300);
  assert.ok(http2Request('a.test', `/${long}`).toString('latin1').includes(`\x04\x7f\xae\x01/${long}\x01\x06a.test`));
});

for (const [message, alert, refuses] of [
  [
    '4083344DB97F0000:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure',
    'handshake_failure',
    true,
  ],
  ['error:10000410:SSL routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE', 'handshake_failure', true],
  ['error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required', 'certificate_required', true],
  ['error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED', 'certificate_required', true],
  ['error:0A000458:SSL routines::tlsv1 unrecognized name', 'unrecognized_name', true],
  ['error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version', 'protocol_version', false],
  ['error:0A000438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error', 'internal_error', false],
  ['error:0A0004B0:SSL routines::reason(1200)', 'alert_200', false],
  ['error:0A00010B:SSL routines:ssl3_get_record:wrong version number', null, false],
  ['read ECONNRESET', null, false],
] as const)
  test(`an error of the TLS library: ${message}`, () => {
    assert.equal(alertOf(message), alert);
    assert.equal(isRefusal(alert), refuses);
  });

test('an alert as it stands on the wire', () => {
  assert.equal(alertInRecord(Buffer.from('15030100020246', 'hex')), 'protocol_version');
  assert.equal(alertInRecord(Buffer.from('16030100020246', 'hex')), null);
  assert.equal(alertInRecord(Buffer.from('1503', 'hex')), null);
});
