import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BodyFraming, MessageReader } from './message-reader.ts';
import { Refusal } from './refusal.ts';
import { parseRequestHead } from './request-head.ts';

/** Everything a reader reports, as one comparable list. */
function read(pieces: readonly Buffer[], maxHead = 4096): string[] {
  const events: string[] = [];
  const note = (kind: string, text: string) => {
    const last = events.at(-1);
    if (kind === 'data' && last?.startsWith('data ')) events[events.length - 1] = last + text;
    else events.push(`${kind} ${text}`);
  };
  const reader: MessageReader = new MessageReader(
    {
      onHead(source): BodyFraming | null {
        const head = parseRequestHead(source);
        note('head', source.text);
        if (head instanceof Refusal) return null;
        if (head.chunked) return { kind: 'chunked' };
        return head.contentLength >= 0 ? { kind: 'length', length: head.contentLength } : { kind: 'none' };
      },
      onData: (data, from, to) => note('data', data.toString('latin1', from, to)),
      onMessageEnd: (trailers) => {
        note('end', trailers);
        reader.next();
      },
      onRefused: (refusal) => note('refused', refusal.reason),
    },
    maxHead,
  );
  for (const piece of pieces) reader.push(piece);
  return events;
}

const PIPELINED = Buffer.from(
  'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n' +
    'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello' +
    'POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0010\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\n\r\n' +
    '\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n',
  'latin1',
);

test('pipelined messages come out in order, with bodies and trailers', () => {
  const events = read([PIPELINED]);
  assert.deepEqual(
    events.map((event) => event.split('\r\n')[0]),
    [
      'head GET /1 HTTP/1.1',
      'end ',
      'head POST /2 HTTP/1.1',
      'data hello',
      'end ',
      'head POST /3 HTTP/1.1',
      'data abc0123456789abcdef',
      'end X-Sum: 1',
      'head GET /4 HTTP/1.1',
      'end ',
    ],
  );
});

test('how the bytes are cut into reads changes nothing', () => {
  const whole = read([PIPELINED]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      const pieces: Buffer[] = [];
      for (let at = 0, i = 0; at < PIPELINED.length; i++) {
        const size = sizes[i % sizes.length]!;
        pieces.push(PIPELINED.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(read(pieces), whole);
    }),
  );
});

const CHUNKED_HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const BAD_CHUNKS: readonly [name: string, body: string][] = [
  ['a 0x size', '0x1\r\na\r\n0\r\n\r\n'],
  ['an empty size', '\r\na\r\n'],
  ['a negative size', '-1\r\n'],
  ['a size with a space before it', ' 1\r\na\r\n'],
  ['an endless size', `${'0'.repeat(40)}1\r\na\r\n`],
  ['a bare LF after the size', '1\na\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '1;a\nb\r\na\r\n0\r\n\r\n'],
  ['more bytes than the size says', '1\r\nab\r\n0\r\n\r\n'],
  ['a bare LF after the chunk', '1\r\na\n0\r\n\r\n'],
  ['an overlong extension', `1;${'x'.repeat(400)}\r\na\r\n`],
  ['endless trailers', `0\r\n${'X: 1\r\n'.repeat(4000)}`],
];

for (const [name, body] of BAD_CHUNKS) {
  test(`a chunked body with ${name} is refused`, () => {
    const events = read([Buffer.from(CHUNKED_HEAD + body, 'latin1')]);
    assert.match(events.at(-1)!, /^refused /);
  });
}

test('a head without end is refused at its limit, however it comes', () => {
  const endless = Buffer.from(`GET / HTTP/1.1\r\n${'X: 1\r\n'.repeat(2000)}`, 'latin1');
  assert.match(read([endless])[0]!, /^refused /);
  const bytes = Array.from({ length: endless.length }, (_, i) => endless.subarray(i, i + 1));
  assert.match(read(bytes)[0]!, /^refused /);
});
