import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader } from './frame-reader.ts';

const MAX = 1024;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: string;
}

function bytesOf({ type, flags, streamId, payload }: Frame): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, Buffer.from(payload, 'latin1')]);
}

/** What comes out of these reads. Payloads are looked at once all is over: they must not have changed meanwhile. */
function read(pieces: readonly Buffer[]): (Frame | 'too large')[] {
  const seen: [number, number, number, Buffer][] = [];
  let isTooLarge = false;
  const reader = new FrameReader(
    {
      onFrame: (type, flags, streamId, payload) => seen.push([type, flags, streamId, payload]),
      onFrameTooLarge: () => {
        isTooLarge = true;
      },
    },
    MAX,
  );
  for (const piece of pieces) reader.push(piece);
  const frames = seen.map(([type, flags, streamId, payload]) => ({
    type,
    flags,
    streamId,
    payload: payload.toString('latin1'),
  }));
  return isTooLarge ? [...frames, 'too large'] : frames;
}

function cut(data: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(data.subarray(at, at + size));
    at += size;
  }
  pieces.push(data.subarray(at));
  return pieces;
}

const frame = fc.record(
  {
    type: fc.nat(255),
    flags: fc.nat(255),
    streamId: fc.nat(0x7fff_ffff),
    payload: fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 60,
    }),
  },
  { noNullPrototype: true },
);

test('frames come out whole, however the reads cut them', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(40), { maxLength: 60 }), (frames, sizes) => {
      assert.deepEqual(read(cut(Buffer.concat(frames.map(bytesOf)), sizes)), frames);
    }),
  );
});

const SOME: readonly Frame[] = [
  { type: 4, flags: 0, streamId: 0, payload: '' },
  { type: 1, flags: 5, streamId: 0x7fff_ffff, payload: 'x'.repeat(MAX) },
  { type: 0, flags: 1, streamId: 3, payload: 'last' },
];

test('frames come out whole byte by byte, and cut in two anywhere', () => {
  const data = Buffer.concat(SOME.map(bytesOf));
  assert.deepEqual(read(cut(data, Array(data.length).fill(1))), SOME);
  for (let at = 0; at <= data.length; at++) assert.deepEqual(read(cut(data, [at])), SOME);
});

test('a frame that lies whole in one read is a part of that read', () => {
  const data = Buffer.concat(SOME.map(bytesOf));
  let shared = 0;
  const reader = new FrameReader(
    {
      onFrame: (_type, _flags, _streamId, payload) => {
        if (payload.length > 0 && payload.buffer === data.buffer) shared++;
      },
      onFrameTooLarge: () => assert.fail(),
    },
    MAX,
  );
  reader.push(data);
  assert.equal(shared, 2);
  assert.equal(reader.isWithinFrame, false);
  reader.push(data.subarray(0, 1));
  assert.equal(reader.isWithinFrame, true);
});

test('the reserved bit is ignored', () => {
  const data = bytesOf({ type: 0, flags: 0, streamId: 0x8000_0005, payload: 'a' });
  assert.deepEqual(read([data]), [{ type: 0, flags: 0, streamId: 5, payload: 'a' }]);
});

test('a frame above the limit ends the reading, as soon as its length is known', () => {
  const good = bytesOf(SOME[0]!);
  const large = bytesOf({ type: 0, flags: 0, streamId: 1, payload: 'x'.repeat(MAX + 1) });
  const data = Buffer.concat([good, large, good]);
  const expected = [SOME[0], 'too large'];
  for (let at = 0; at <= data.length; at++) assert.deepEqual(read(cut(data, [at])), expected);
  assert.deepEqual(read(cut(data.subarray(0, 18), [10])), expected);
  assert.deepEqual(read([Buffer.from('ffffff000000000001', 'hex')]), ['too large']);
});

test('a handler may stop the reading within a frame', () => {
  const data = Buffer.concat(SOME.map(bytesOf));
  for (let at = 0; at <= data.length; at++) {
    let frames = 0;
    const reader: FrameReader = new FrameReader(
      {
        onFrame: () => {
          frames++;
          if (frames === 2) reader.stop();
        },
        onFrameTooLarge: () => assert.fail(),
      },
      MAX,
    );
    for (const piece of [...cut(data, [at]), data]) reader.push(piece);
    assert.equal(frames, 2);
    assert.equal(reader.isWithinFrame, false);
  }
});
