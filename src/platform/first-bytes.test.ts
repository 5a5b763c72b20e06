import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import net, { type AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { hearFirstBytes } from './first-bytes.ts';
import { currentRuntime } from './runtime.ts';

const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

/** A record of the handshake, with its header (RFC 8446 section 5.1). */
function record(length: number): Buffer {
  const header = Buffer.from([22, 3, 1, length >> 8, length & 255]);
  return Buffer.concat([header, Buffer.from(Array.from({ length }, (_, i) => i & 255))]);
}

/** Sends each part when the one before has been told; the pieces that are told. */
async function tell(parts: readonly Buffer[]): Promise<Buffer[]> {
  const told: Buffer[] = [];
  let length = 0;
  let wake = () => {};
  const onFirstBytes = (data: Buffer) => {
    told.push(data);
    length += data.length;
    wake();
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    closers.push(() => socket.destroy());
    hearFirstBytes(socket, { onFirstBytes }, true);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = net.connect({ port: (server.address() as AddressInfo).port, noDelay: true });
  closers.push(() => client.destroy());
  closers.push(() => server.close());
  let sent = 0;
  for (const part of parts) {
    sent += part.length;
    client.write(part);
    while (length < sent) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return told;
}

const bytes = (data: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size));

const WHOLE = record(1_400);
const CASES: Readonly<Record<string, { parts: Buffer[]; byRecords?: number[] }>> = {
  'a record at once': { parts: [WHOLE], byRecords: [5, 1_400] },
  'its header byte by byte': {
    parts: [...bytes(WHOLE.subarray(0, 5), 1), WHOLE.subarray(5)],
    byRecords: [1, 1, 1, 1, 1, 1_400],
  },
  'its header in two, and what is behind it in three': {
    parts: [WHOLE.subarray(0, 4), WHOLE.subarray(4, 600), WHOLE.subarray(600, 601), WHOLE.subarray(601)],
    byRecords: [4, 1, 595, 1, 804],
  },
  'three at once, of which one is empty': {
    parts: [Buffer.concat([record(7), record(0), record(300)])],
    byRecords: [5, 7, 5, 5, 300],
  },
  'one that is longer than any may be': { parts: [record(40_000)] },
};
for (const [name, { parts, byRecords }] of Object.entries(CASES)) {
  test(`${name}: all is told, in memory of its own, on Node never beyond a record's end`, async () => {
    const told = await tell(parts);
    assert.ok(Buffer.concat(told).equals(Buffer.concat(parts)));
    if (currentRuntime().name !== 'node') return;
    const lengths = told.map(({ length }) => length);
    if (byRecords !== undefined) assert.deepEqual(lengths, byRecords);
    assert.ok(Math.max(...lengths) <= 16_384);
  });
}
