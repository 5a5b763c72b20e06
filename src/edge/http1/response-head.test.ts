import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headText } from './head-text.ts';
import { Refusal } from './refusal.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';

test('a usual response is parsed; what spec 4.1 removes is removed', () => {
  const head = parseResponseHead(
    headText(
      'HTTP/1.1 200 OK\r\nDate: x\r\nServer: nginx\r\nX-Accel-Redirect: /secret\r\nAlt-Svc: h3=":443"\r\nContent-Length: 3\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nCF-Ray: forged\r\nContent-Encoding: gzip',
    ),
  );
  assert.ok(!(head instanceof Refusal));
  assert.deepEqual(head.fields.split('\r\n').sort(), ['', 'Date: x', 'Set-Cookie: a=1', 'Set-Cookie: b=2']);
  assert.equal(head.contentLength, 3);
  assert.equal(head.contentEncoding, 'gzip');
  assert.equal(head.close, false);
});

test('an HTTP/1.0 origin closes, unless it says keep-alive', () => {
  const head = (text: string) => parseResponseHead(headText(text)) as ResponseHead;
  assert.equal(head('HTTP/1.0 200 OK').close, true);
  assert.equal(head('HTTP/1.0 200 OK\r\nConnection: keep-alive').close, false);
  assert.equal(head('HTTP/1.1 200\r\nConnection: close').close, true);
});

const REFUSED: readonly [name: string, text: string][] = [
  ['not HTTP', 'SSH-2.0-OpenSSH_9.2'],
  ['a status of two digits', 'HTTP/1.1 20 OK'],
  ['HTTP/2 as text', 'HTTP/2 200 OK'],
  ['both lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked'],
  ['two Content-Lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2'],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip'],
  ['Transfer-Encoding in 1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked'],
  ['a bare LF', 'HTTP/1.1 200 OK\nX: 1'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nX: 1\r\n\t2'],
];

for (const [name, text] of REFUSED) {
  test(`a response with ${name} is refused`, () => assert.ok(parseResponseHead(headText(text)) instanceof Refusal));
}
