import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { Outbox } from './outbox.ts';

/** Keeps what is written, write by write. */
function sink(): { socket: Socket; writes: Buffer[] } {
  const writes: Buffer[] = [];
  const stream = new Writable({
    decodeStrings: true,
    write: (chunk: Buffer, _encoding, done) => {
      writes.push(Buffer.from(chunk));
      done();
    },
  });
  return { socket: stream as unknown as Socket, writes };
}

const part = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
  fc.integer({ min: 1, max: 40_000 }).map((length) => Buffer.alloc(length, length)),
);

/** Bytes of a buffer, its own among them. */
const range = fc
  .tuple(fc.integer({ min: 1, max: 40_000 }), fc.nat(40_000), fc.nat(40_000))
  .map(([length, from, more]) => {
    const start = Math.min(from, length - 1);
    const data = Buffer.from(Array.from({ length }, (_, i) => i & 255));
    return { data, from: start, to: Math.min(length, start + 1 + more) };
  });

test('what is added leaves once, whole and in order, whatever its pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.oneof(part, range))), (flushes) => {
      const { socket, writes } = sink();
      const outbox = new Outbox(socket);
      const added: Buffer[] = [];
      for (const parts of flushes) {
        for (const one of parts) {
          if (typeof one === 'string') {
            outbox.addText(one);
            added.push(Buffer.from(one, 'latin1'));
          } else if (Buffer.isBuffer(one)) {
            outbox.add(one);
            added.push(one);
          } else {
            outbox.addBytes(one.data, one.from, one.to);
            added.push(one.data.subarray(one.from, one.to));
          }
        }
        outbox.flush();
        assert.equal(outbox.length, 0);
      }
      assert.deepEqual(Buffer.concat(writes), Buffer.concat(added));
    }),
  );
});

test('a head and a small body leave in one write; a large body is not copied behind its first record', () => {
  const { socket, writes } = sink();
  const outbox = new Outbox(socket);
  outbox.addText('HTTP/1.1 200 OK\r\n\r\n');
  outbox.add(Buffer.alloc(1024));
  outbox.flush();
  assert.deepEqual(
    writes.map(({ length }) => length),
    [19 + 1024],
  );
  outbox.addText('HTTP/1.1 200 OK\r\n\r\n');
  outbox.add(Buffer.alloc(512 * 1024));
  outbox.flush();
  assert.deepEqual(
    writes.slice(1).map(({ length }) => length),
    [16 * 1024, 512 * 1024 + 19 - 16 * 1024],
  );
});
