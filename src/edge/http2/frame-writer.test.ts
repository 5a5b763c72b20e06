import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { ERROR_CODE, FLAG, FRAME, SETTING } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import * as write from './frame-writer.ts';

type Frame = readonly [type: number, flags: number, streamId: number, payload: Buffer];

function read(data: Buffer, maxFrameSize: number): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader(
    { onFrame: (...frame) => frames.push(frame), onFrameTooLarge: () => assert.fail('a frame above the limit') },
    maxFrameSize,
  );
  reader.push(data);
  assert.equal(reader.isWithinFrame, false);
  return frames;
}

const FRAMES: readonly [name: string, frame: Buffer, hex: string][] = [
  ['SETTINGS without settings', write.settings([]), '000000040000000000'],
  [
    'SETTINGS',
    write.settings([
      [SETTING.MAX_CONCURRENT_STREAMS, 128],
      [SETTING.INITIAL_WINDOW_SIZE, 0x7fff_ffff],
    ]),
    '00000c040000000000000300000080' + '00047fffffff',
  ],
  ['the answer to SETTINGS', write.settingsAck(), '000000040100000000'],
  ['the answer to PING', write.pingAck(Buffer.from('0102030405060708', 'hex')), '0000080601000000000102030405060708'],
  ['GOAWAY', write.goaway(7, ERROR_CODE.ENHANCE_YOUR_CALM), '000008070000000000000000070000000b'],
  ['GOAWAY with a text', write.goaway(0x7fff_ffff, 0, 'hi'), '00000a0700000000007fffffff000000006869'],
  ['RST_STREAM', write.rstStream(3, ERROR_CODE.CANCEL), '00000403000000000300000008'],
  ['WINDOW_UPDATE', write.windowUpdate(0, 0x7fff_ffff), '0000040800000000007fffffff'],
  ['the header of DATA', write.dataHeader(0x01_02_03, FLAG.END_STREAM, 0x7fff_ffff), '01020300017fffffff'],
  ['HEADERS', write.headers(5, Buffer.from('88', 'hex'), false, 16_384), '00000101040000000588'],
  ['HEADERS that end the stream', write.headers(5, Buffer.from('88', 'hex'), true, 16_384), '00000101050000000588'],
];

for (const [name, frame, hex] of FRAMES) {
  test(`${name}, byte for byte`, () => {
    assert.equal(frame.toString('hex'), hex);
  });
}

test('a header block is split by what the peer takes, and only its ends are marked', () => {
  const block = Buffer.from(Array.from({ length: 250 }, (_, at) => at));
  for (const size of [1, 100, 125, 249, 250, 251]) {
    const frames = read(write.headers(1, block, true, size), size);
    assert.equal(frames.length, Math.ceil(block.length / size));
    assert.deepEqual(Buffer.concat(frames.map(([, , , payload]) => payload)), block);
    for (const [at, [type, flags, streamId]] of frames.entries()) {
      const isFirst = at === 0;
      const isLast = at === frames.length - 1;
      assert.equal(type, isFirst ? FRAME.HEADERS : FRAME.CONTINUATION);
      assert.equal(flags, (isFirst ? FLAG.END_STREAM : 0) | (isLast ? FLAG.END_HEADERS : 0));
      assert.equal(streamId, 1);
    }
  }
});
