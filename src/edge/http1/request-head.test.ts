import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { headText } from './head-text.ts';
import { Refusal } from './refusal.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';

const parse = (text: string): RequestHead => {
  const head = parseRequestHead(headText(text));
  assert.ok(!(head instanceof Refusal), head instanceof Refusal ? head.reason : '');
  return head;
};

test('a usual request is parsed, and its fields are written anew', () => {
  const head = parse(
    'POST /a?b=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent:x\r\nX-Pad:  two words \t\r\nContent-Length: 12\r\nAccept: text/html',
  );
  assert.equal(head.method, 'POST');
  assert.equal(head.target, '/a?b=1');
  assert.equal(head.host, 'a.test');
  assert.equal(head.contentLength, 12);
  assert.equal(head.chunked, false);
  assert.deepEqual(head.fields.split('\r\n').sort(), ['', 'Accept: text/html', 'User-Agent: x', 'X-Pad: two words']);
});

test('white space around the members of Connection is space and tab, nothing else', () => {
  const head = (value: string) =>
    parseRequestHead(headText(`GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nConnection: ${value}`)) as RequestHead;
  assert.deepEqual([head('a,\t close \t,b').close, head('X ,').fields], [true, '']);
  assert.deepEqual(
    [head('\xa0close').close, head('close\xa0').close, head('\xa0X').fields],
    [false, false, 'X: 1\r\n'],
  );
});

test('hop-by-hop fields and those that Connection lists are left out', () => {
  const head = parse(
    'GET / HTTP/1.1\r\nHost: a\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nConnection: keep-alive, X-Secret\r\nX-Kept: 2',
  );
  assert.equal(head.fields, 'X-Kept: 2\r\n');
  assert.equal(head.keepAlive, true);
});

test('what the edge alone may say to an origin is left out, also spelled with underscores', () => {
  const head = parse(
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\nCF-Ray: 1\r\nTrue-Client-IP: 9.9.9.9\r\nClient-Cert: :x:\r\nX_Forwarded_For: 6.6.6.6\r\ncf_connecting_ip: 1\r\nX_Fine: 1',
  );
  assert.equal(head.fields, 'X_Fine: 1\r\n');
});

test('a long run of spaces in Connection costs no more than its length', () => {
  const startedAt = performance.now();
  const { fields } = parse(`GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nConnection: x,a${' '.repeat(60_000)}b`);
  assert.equal(fields, '');
  assert.ok(performance.now() - startedAt < 500);
});

const REFUSED: readonly [name: string, text: string, status: number][] = [
  [
    'both Content-Length and Transfer-Encoding',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
    400,
  ],
  ['two equal Content-Lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1', 400],
  ['a list of Content-Lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1', 400],
  ['a signed Content-Length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1', 400],
  ['a hexadecimal Content-Length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1', 400],
  ['an empty Content-Length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length:', 400],
  ['a coding other than chunked', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked', 501],
  ['an odd spelling of chunked', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked', 501],
  [
    'two Transfer-Encodings',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    400,
  ],
  ['Transfer-Encoding in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a', 400],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2', 400],
  ['a line without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nnonsense', 400],
  ['an empty name', 'GET / HTTP/1.1\r\nHost: a\r\n: x', 400],
  ['a bare LF', 'GET / HTTP/1.1\r\nHost: a\nX: 1', 400],
  ['a bare CR', 'GET / HTTP/1.1\r\nHost: a\rX: 1', 400],
  ['a NUL', 'GET / HTTP/1.1\r\nHost: a\r\nX: \0', 400],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: a', 400],
  ['a tab in the request line', 'GET\t/ HTTP/1.1\r\nHost: a', 400],
  ['no version', 'GET /\r\nHost: a', 400],
  ['a lower-case version', 'GET / http/1.1\r\nHost: a', 400],
  ['HTTP/2.0 as text', 'PRI * HTTP/2.0', 505],
  ['a method that is no token', 'GE(T / HTTP/1.1\r\nHost: a', 400],
  ['an overlong URL', `GET /${'a'.repeat(17 * 1024)} HTTP/1.1\r\nHost: a`, 414],
  ['an unknown expectation', 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok', 417],
];

for (const [name, text, status] of REFUSED) {
  test(`${name} is refused with ${status}`, () => {
    const head = parseRequestHead(headText(text));
    assert.ok(head instanceof Refusal);
    assert.equal(head.status, status);
  });
}

test('nothing that was parsed can be read as more than one header section', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'Host: a',
      'X: 1',
      'Content-Length: 3',
      'Transfer-Encoding: chunked',
      'Connection: X',
      'Upgrade: websocket',
      ' folded',
    ),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  fc.assert(
    fc.property(
      fc.constantFrom('GET / HTTP/1.1', 'POST /x HTTP/1.0'),
      fc.array(line, { maxLength: 8 }),
      (first, lines) => {
        const head = parseRequestHead(headText([first, ...lines].join('\r\n')));
        if (head instanceof Refusal) return;
        assert.ok(head.fields === '' || head.fields.endsWith('\r\n'));
        for (const field of head.fields.split('\r\n').slice(0, -1))
          assert.match(field, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: ?[^\r\n\0]*$/);
        assert.ok(!/^(content-length|transfer-encoding|host|connection):/im.test(head.fields));
        assert.ok(!(head.chunked && head.contentLength >= 0));
      },
    ),
    { numRuns: 2000 },
  );
});
