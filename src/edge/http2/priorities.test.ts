import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, test } from 'node:test';
import { startEdge } from '../../../test/doubles/edge.ts';
import { GET, PREFACE, type RawVisitor, rawBlock, rawFrame, visitHttp2 } from '../../../test/doubles/http2-wire.ts';
import { eachRequest, scriptedOrigin } from '../../../test/doubles/wire.ts';
import { ERROR_CODE, FLAG, FRAME, SETTING } from './frame.ts';

const BODY = 100_000;
const WINDOW = 65_535;

const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

/** A visitor whose streams have room for a whole body each, while the connection has room for less than one. */
async function visit(): Promise<RawVisitor> {
  const origin = await scriptedOrigin((socket) =>
    eachRequest(socket, () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY}\r\n\r\n`);
      socket.write(Buffer.alloc(BODY, 97));
    }),
  );
  const edge = await startEdge({ ssl: 'flexible', hosts: { www: { port: 1, httpPort: origin.port } } });
  const visitor = await visitHttp2(edge, true);
  closers.push(
    () => edge.edge.drain(),
    () => origin.close(),
    () => visitor.socket.destroy(),
  );
  const window = Buffer.alloc(6);
  window.writeUInt16BE(SETTING.INITIAL_WINDOW_SIZE);
  window.writeUInt32BE(BODY, 2);
  visitor.send(PREFACE, rawFrame(FRAME.SETTINGS, 0, 0, window));
  return visitor;
}

function ask(visitor: RawVisitor, streamId: number, priority?: string): void {
  const fields: [string, string][] = priority === undefined ? [] : [['priority', priority]];
  visitor.send(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, streamId, rawBlock([...GET, ...fields])));
}

function size(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Resolves when all streams have begun and the connection's window is used up. */
async function windowUsed(visitor: RawVisitor, streamIds: readonly number[]): Promise<void> {
  for (const wanted of streamIds)
    await visitor.until(({ type, streamId }) => type === FRAME.HEADERS && streamId === wanted);
  let length = 0;
  await visitor.until(({ type, payload }) => {
    if (type === FRAME.DATA) length += payload.length;
    return length === WINDOW;
  });
}

/** The streams in the order in which their bodies ended. */
async function endings(visitor: RawVisitor, count: number): Promise<number[]> {
  const ended: number[] = [];
  await visitor.until(({ type, flags, streamId }) => {
    if (type === FRAME.DATA && flags & FLAG.END_STREAM) ended.push(streamId);
    return ended.length === count;
  });
  return ended;
}

test('what is urgent goes first, and of the same urgency one whole response after the other', async () => {
  const visitor = await visit();
  ask(visitor, 1, 'u=7');
  ask(visitor, 3);
  ask(visitor, 5, 'u=2');
  ask(visitor, 7, 'u=2');
  ask(visitor, 9, 'u=0, i');
  await windowUsed(visitor, [1, 3, 5, 7, 9]);
  visitor.send(rawFrame(FRAME.WINDOW_UPDATE, 0, 0, size(5 * BODY)));
  assert.deepEqual(await endings(visitor, 5), [9, 5, 7, 3, 1]);
});

test('a PRIORITY_UPDATE changes a wish (RFC 9218 section 7.1)', async () => {
  const visitor = await visit();
  for (const id of [1, 3, 5]) ask(visitor, id, 'u=4');
  await windowUsed(visitor, [1, 3, 5]);
  visitor.send(rawFrame(FRAME.PRIORITY_UPDATE, 0, 0, Buffer.concat([size(5), Buffer.from('u=1')])));
  visitor.send(rawFrame(FRAME.WINDOW_UPDATE, 0, 0, size(3 * BODY)));
  assert.deepEqual(await endings(visitor, 3), [5, 1, 3]);
});

const MALFORMED: Readonly<Record<string, readonly [frame: Buffer, code: number]>> = {
  'of a wrong size': [rawFrame(FRAME.PRIORITY_UPDATE, 0, 0, Buffer.alloc(3)), ERROR_CODE.FRAME_SIZE_ERROR],
  'on a stream': [rawFrame(FRAME.PRIORITY_UPDATE, 0, 1, size(1)), ERROR_CODE.PROTOCOL_ERROR],
  'about the connection': [rawFrame(FRAME.PRIORITY_UPDATE, 0, 0, size(0)), ERROR_CODE.PROTOCOL_ERROR],
};
for (const [name, [malformed, code]] of Object.entries(MALFORMED)) {
  test(`a PRIORITY_UPDATE ${name} ends the connection`, async () => {
    const visitor = await visit();
    visitor.send(malformed);
    assert.equal(await visitor.goaway(), code);
  });
}

test('wishes for streams that nobody opened are ended in numbers', async () => {
  const visitor = await visit();
  for (let i = 0; i < 2_000; i++) visitor.send(rawFrame(FRAME.PRIORITY_UPDATE, 0, 0, size(2 * i + 101)));
  assert.equal(await visitor.goaway(), ERROR_CODE.ENHANCE_YOUR_CALM);
});
