import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { headText } from './http1/head-text.ts';
import { MessageReader } from './http1/message-reader.ts';
import { parseRequestHead } from './http1/request-head.ts';
import { parseResponseHead } from './http1/response-head.ts';
import { appendFieldLines } from './http2/response-fields.ts';
import { requestTarget } from './request-target.ts';

/** MiB in use after a full collection. */
function inUse(): number {
  const { Bun: bun } = globalThis as { Bun?: { gc(now: boolean): void } };
  if (bun === undefined) {
    setFlagsFromString('--expose-gc');
    // What is outside of the heap goes in the background, and is counted until then.
    for (let i = 0; i < 2; i++) runInNewContext('gc')();
  } else {
    bun.gc(true);
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

const COUNT = 1_000;
const LONG = 'v'.repeat(30_000);
const text = (lines: readonly string[]) => Buffer.from(lines.join('\r\n')).toString('latin1');

// What is kept of a message by its names must not keep the message: a thousand of 30 KB are 30 MB.
const KEEPERS: readonly [name: string, take: (i: number) => void][] = [
  [
    'field names of requests',
    (i) => parseRequestHead(headText(text(['GET / HTTP/1.1', `X-Some-Long-Name-${i}: ${LONG}`]))),
  ],
  [
    'field names of responses',
    (i) => parseResponseHead(headText(text(['HTTP/1.1 200 OK', `X-Some-Long-Name-${i}: ${LONG}`]))),
  ],
  ['field names toward HTTP/2', (i) => appendFieldLines([], `${text([`X-Some-Long-Name-${i}: ${LONG}`])}\r\n`)],
  [
    'hosts',
    (i) => {
      const head = parseRequestHead(
        headText(text(['GET / HTTP/1.1', `Host: some-long-name-${i}.a.test`, `X: ${LONG}`])),
      );
      assert.ok('host' in head && 'hostname' in requestTarget(head));
    },
  ],
];

for (const [name, take] of KEEPERS) {
  test(`${name} that are kept do not keep the messages that they came in`, () => {
    take(0);
    const before = inUse();
    for (let i = 1; i <= COUNT; i++) take(i);
    const grown = inUse() - before;
    assert.ok(grown < 8, `${grown.toFixed(1)} MiB more`);
  });
}

test('the beginning of a head keeps only itself, and not what other buffers were cut out of', () => {
  const handler = { onHead: () => null, onData: () => {}, onMessageEnd: () => {}, onRefused: () => {} };
  const before = inUse();
  const readers = Array.from({ length: COUNT }, () => {
    const reader = new MessageReader(handler, 64 * 1024);
    reader.push(Buffer.from('GET / HT'));
    // What others do meanwhile.
    for (let i = 0; i < 40; i++) Buffer.allocUnsafe(3_000);
    return reader;
  });
  const grown = inUse() - before;
  assert.equal(readers.at(-1)!.held, 8);
  assert.ok(grown < 4, `${grown.toFixed(1)} MiB more`);
});
