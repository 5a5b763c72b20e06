import { Buffer } from 'node:buffer';
import { FLAG, FRAME, FRAME_HEADER_LENGTH } from './frame.ts';

/** A SETTINGS frame with these pairs of identifier and value (RFC 9113 section 6.5). */
export function settings(pairs: readonly (readonly [identifier: number, value: number])[]): Buffer {
  const frame = frameOf(6 * pairs.length, FRAME.SETTINGS, 0, 0);
  let at = FRAME_HEADER_LENGTH;
  for (const [identifier, value] of pairs) {
    at = frame.writeUInt16BE(identifier, at);
    at = frame.writeUInt32BE(value, at);
  }
  return frame;
}

/** The answer to the peer's SETTINGS (RFC 9113 section 6.5.3). */
export function settingsAck(): Buffer {
  return frameOf(0, FRAME.SETTINGS, FLAG.ACK, 0);
}

/** The answer to a PING: the same eight bytes (RFC 9113 section 6.7). */
export function pingAck(payload: Buffer): Buffer {
  const frame = frameOf(8, FRAME.PING, FLAG.ACK, 0);
  payload.copy(frame, FRAME_HEADER_LENGTH, 0, 8);
  return frame;
}

/** GOAWAY: streams up to `lastStreamId` may have been acted upon (RFC 9113 section 6.8). */
export function goaway(lastStreamId: number, code: number, debug = ''): Buffer {
  const frame = frameOf(8 + Buffer.byteLength(debug), FRAME.GOAWAY, 0, 0);
  frame.writeUInt32BE(lastStreamId, FRAME_HEADER_LENGTH);
  frame.writeUInt32BE(code, FRAME_HEADER_LENGTH + 4);
  frame.write(debug, FRAME_HEADER_LENGTH + 8);
  return frame;
}

/** RST_STREAM (RFC 9113 section 6.4). */
export function rstStream(streamId: number, code: number): Buffer {
  return numberFrame(FRAME.RST_STREAM, streamId, code);
}

/** WINDOW_UPDATE, of the connection where the stream is 0; at least 1, at most 2^31-1 (RFC 9113 section 6.9). */
export function windowUpdate(streamId: number, increment: number): Buffer {
  return numberFrame(FRAME.WINDOW_UPDATE, streamId, increment);
}

/**
 * A header block as HEADERS, and as many CONTINUATION as the peer's SETTINGS_MAX_FRAME_SIZE makes necessary (RFC 9113
 * sections 6.2 and 6.10): nothing else may be written between them, so they come as one.
 */
export function headers(streamId: number, block: Buffer, isEnd: boolean, maxFrameSize: number): Buffer {
  const endStream = isEnd ? FLAG.END_STREAM : 0;
  if (block.length <= maxFrameSize) {
    const frame = frameOf(block.length, FRAME.HEADERS, endStream | FLAG.END_HEADERS, streamId);
    frame.set(block, FRAME_HEADER_LENGTH);
    return frame;
  }
  const count = Math.ceil(block.length / maxFrameSize);
  const frames = Buffer.allocUnsafe(block.length + count * FRAME_HEADER_LENGTH);
  let at = 0;
  for (let from = 0; from < block.length; from += maxFrameSize) {
    const to = Math.min(from + maxFrameSize, block.length);
    const flags = (from === 0 ? endStream : 0) | (to === block.length ? FLAG.END_HEADERS : 0);
    writeHeader(frames, at, to - from, from === 0 ? FRAME.HEADERS : FRAME.CONTINUATION, flags, streamId);
    block.copy(frames, at + FRAME_HEADER_LENGTH, from, to);
    at += FRAME_HEADER_LENGTH + to - from;
  }
  return frames;
}

/** The header alone of a DATA frame: its payload is written after it, without a copy (RFC 9113 section 6.1). */
export function dataHeader(length: number, flags: number, streamId: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_LENGTH);
  writeHeader(header, 0, length, FRAME.DATA, flags, streamId);
  return header;
}

/** A frame whose payload is one number of 32 bits. */
function numberFrame(type: number, streamId: number, value: number): Buffer {
  const frame = frameOf(4, type, 0, streamId);
  frame.writeUInt32BE(value, FRAME_HEADER_LENGTH);
  return frame;
}

/** A frame whose payload is yet to be written. */
function frameOf(length: number, type: number, flags: number, streamId: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_LENGTH + length);
  writeHeader(frame, 0, length, type, flags, streamId);
  return frame;
}

function writeHeader(out: Buffer, at: number, length: number, type: number, flags: number, streamId: number): void {
  out[at] = length >>> 16;
  out[at + 1] = length >>> 8;
  out[at + 2] = length;
  out[at + 3] = type;
  out[at + 4] = flags;
  out[at + 5] = streamId >>> 24;
  out[at + 6] = streamId >>> 16;
  out[at + 7] = streamId >>> 8;
  out[at + 8] = streamId;
}
