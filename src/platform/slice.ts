import type { Buffer } from 'node:buffer';

/** A part of a buffer that is only ever copied: a view of it would cost ten times as much. */
export class Slice {
  readonly data: Buffer;
  readonly from: number;
  readonly to: number;

  constructor(data: Buffer, from: number, to: number) {
    this.data = data;
    this.from = from;
    this.to = to;
  }

  /** Bytes. */
  get length(): number {
    return this.to - this.from;
  }
}

/** The bytes of `data` from `from` to `to`: itself where that is all of it. */
export function cut(data: Buffer, from: number, to: number): Buffer {
  return from === 0 && to === data.length ? data : data.subarray(from, to);
}
