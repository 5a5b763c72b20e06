import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passTrailers } from './trailers.ts';

test('usual trailers pass, written anew', () => {
  assert.equal(passTrailers(''), '');
  assert.equal(passTrailers('X-Sum:1 \r\nx-other: 2\r\n'), 'X-Sum: 1\r\nx-other: 2\r\n');
});

const DROPPED = [
  'Host',
  'Content-Length',
  'Transfer_Encoding',
  'X-Forwarded-For',
  // What the edge alone may tell an origin: one that merges trailers into the header would believe it.
  'CF-IPCountry',
  'CF-Connecting-IPv6',
  'CF-Pseudo-IPv4',
  'CF-Worker',
  'CF-EW-Via',
  'CF-Client-Cert-SHA256',
  'CF_Client_Cert_DER_Base64',
  'CF-Cert-Verified',
  'Client-Cert',
  'X-Real-IP',
];
for (const name of DROPPED) {
  test(`a trailer named ${name} is left out`, () => {
    assert.equal(passTrailers(`${name}: 1\r\nX-Sum: 1\r\n`), 'X-Sum: 1\r\n');
  });
}

for (const lines of ['X : 1\r\n', ' X: 1\r\n', 'X\r\n', 'X: 1\n\r\n', 'X: \0\r\n']) {
  test(`the trailers ${JSON.stringify(lines)} are malformed`, () => assert.equal(passTrailers(lines), null));
}
