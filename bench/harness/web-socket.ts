import { Buffer } from 'node:buffer';

/** A frame of up to 125 bytes (RFC 6455 section 5.2), the only kind that the soak sends. */
export interface SmallFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export const OPCODE = { TEXT: 1, CLOSE: 8 } as const;
const LAST = 0x80;
const MASKED = 0x80;
/** A mask protects nothing between two ends of ours: it is there because clients must have one. */
const MASK = Buffer.from('mask');

/** Writes a frame, as clients do (masked) or as servers do. */
export function smallFrame(opcode: number, text: string, isMasked: boolean): Buffer {
  const payload = Buffer.from(text);
  if (!isMasked) return Buffer.concat([Buffer.of(LAST | opcode, payload.length), payload]);
  return Buffer.concat([Buffer.of(LAST | opcode, MASKED | payload.length), MASK, unmask(payload, MASK)]);
}

/** Reads the frame that `data` begins with, and how long it is; null where it is not whole yet. */
export function readSmallFrame(data: Buffer): { readonly frame: SmallFrame; readonly size: number } | null {
  if (data.length < 2) return null;
  const isMasked = (data[1]! & MASKED) !== 0;
  const start = isMasked ? 6 : 2;
  const size = start + (data[1]! & 0x7f);
  if (data.length < size) return null;
  const payload = data.subarray(start, size);
  return {
    frame: { opcode: data[0]! & 0x0f, payload: isMasked ? unmask(payload, data.subarray(2, 6)) : payload },
    size,
  };
}

function unmask(payload: Buffer, mask: Buffer): Buffer {
  return Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]!));
}
