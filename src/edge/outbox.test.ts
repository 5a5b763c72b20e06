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

test('what is added leaves once, whole and in order, whatever its pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.array(part)), (flushes) => {
      const { socket, writes } = sink();
      const outbox = new Outbox(socket);
      const added: Buffer[] = [];
      for (const parts of flushes) {
        for (const one of parts) {
          outbox.add(one);
          added.push(typeof one === 'string' ? Buffer.from(one, 'latin1') : one);
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
  outbox.add('HTTP/1.1 200 OK\r\n\r\n');
  outbox.add(Buffer.alloc(1024));
  outbox.flush();
  assert.deepEqual(
    writes.map(({ length }) => length),
    [19 + 1024],
  );
  outbox.add('HTTP/1.1 200 OK\r\n\r\n');
  outbox.add(Buffer.alloc(512 * 1024));
  outbox.flush();
  assert.deepEqual(
    writes.slice(1).map(({ length }) => length),
    [16 * 1024, 512 * 1024 + 19 - 16 * 1024],
  );
});
