import { Buffer } from 'node:buffer';
import { detached } from '../detached.ts';
import { DynamicTable, ENTRY_OVERHEAD } from './dynamic-table.ts';
import { type IndexedName, indexedName } from './field-indexing.ts';
import { MAX_INTEGER_LENGTH, writeInteger, writeString } from './hpack-writer.ts';
import { STATIC_LENGTH, STATIC_VALUES } from './static-table.ts';

/** What both ends begin with (RFC 9113 section 6.5.2, SETTINGS_HEADER_TABLE_SIZE). */
const DEFAULT_TABLE_SIZE = 4096;

/** A name with so many values in the table is one whose values change: further ones are not added. */
const MAX_VALUES = 8;

/** Longer plain values are not remembered. */
const MAX_KEPT_VALUE = 64;

const SLAB_SIZE = 64 * 1024;
const MAX_SLAB_BLOCK = SLAB_SIZE / 4;

/** Blocks are written one after the other into shared memory, and never over one that was given away. */
let slab = Buffer.allocUnsafeSlow(SLAB_SIZE);
let slabAt = 0;

/** Encodes the header blocks of one direction of a connection (RFC 7541). */
export class HpackEncoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_SIZE);
  readonly #ownMaxSize: number;
  /** A size that the next block tells the peer, and the smallest since the last block (RFC 7541 section 4.2). */
  #newSize = -1;
  #smallestSize = -1;
  /** The newest entry of a name; those that are no longer in the table are removed by and by. */
  readonly #newest = new Map<string, number>();
  /** For an entry, the next older one of the same name, or -1. */
  readonly #older: number[] = [];
  readonly #entryMask: number;

  /** `maxTableSize` bounds the memory, whatever the peer allows. */
  constructor(maxTableSize: number = DEFAULT_TABLE_SIZE) {
    this.#ownMaxSize = maxTableSize;

    if (maxTableSize < DEFAULT_TABLE_SIZE) this.#announce(maxTableSize);
    let entries = 1;
    while (entries <= maxTableSize / ENTRY_OVERHEAD) entries *= 2;
    this.#entryMask = entries - 1;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE: in force from the next block on, which begins with saying so. */
  setMaxTableSize(size: number): void {
    this.#announce(Math.min(size, this.#ownMaxSize));
  }

  /**
   * Encodes a list of fields, name and value by turns, as one complete header block. Names are in lower case; texts
   * are latin1. The order is kept.
   */
  encode(fields: readonly string[]): Buffer {
    let room = 2 * (MAX_INTEGER_LENGTH + 1);
    for (let i = 0; i < fields.length; i++) room += fields[i]!.length + 2 * (MAX_INTEGER_LENGTH + 1);
    if (room > MAX_SLAB_BLOCK) {
      const block = Buffer.allocUnsafeSlow(room);
      return block.subarray(0, this.#write(fields, block, 0));
    }
    if (room > slab.length - slabAt) {
      slab = Buffer.allocUnsafeSlow(SLAB_SIZE);
      slabAt = 0;
    }
    const start = slabAt;
    slabAt = this.#write(fields, slab, start);
    return slab.subarray(start, slabAt);
  }

  #announce(size: number): void {
    if (size === (this.#newSize < 0 ? this.#table.maxSize : this.#newSize)) return;
    this.#smallestSize = this.#newSize < 0 ? size : Math.min(this.#smallestSize, size);
    this.#newSize = size;
  }

  #write(fields: readonly string[], out: Buffer, start: number): number {
    let at = this.#newSize < 0 ? start : this.#writeSizeUpdates(out, start);
    for (let i = 0; i < fields.length; i += 2) at = this.#writeField(fields[i]!, fields[i + 1]!, out, at);
    return at;
  }

  #writeSizeUpdates(out: Buffer, start: number): number {
    let at = start;
    if (this.#smallestSize < this.#newSize) at = this.#writeSizeUpdate(this.#smallestSize, out, at);
    at = this.#writeSizeUpdate(this.#newSize, out, at);
    this.#newSize = -1;
    return at;
  }

  #writeSizeUpdate(size: number, out: Buffer, at: number): number {
    this.#table.setMaxSize(size);
    return writeInteger(size, 0x1f, 0x20, out, at);
  }

  #writeField(name: string, value: string, out: Buffer, at: number): number {
    const known = indexedName(name);
    for (let index = known.staticIndex; index < known.staticIndex + known.staticCount; index++)
      if (STATIC_VALUES[index] === value && known.indexing !== 'never') return writeInteger(index, 0x7f, 0x80, out, at);
    if (known.indexing === 'plain') return writePlain(known, value, out, at);
    if (known.indexing === 'never') return writeLiteral(known, known.staticIndex, 0x0f, 0x10, value, out, at);
    const table = this.#table;
    const newest = this.#newest.get(name) ?? -1;
    let values = 0;
    for (let entry = newest; entry >= table.first; entry = this.#older[entry & this.#entryMask]!) {
      if (table.value(entry) === value) return writeInteger(this.#indexOf(entry), 0x7f, 0x80, out, at);
      values++;
    }
    const nameIndex = known.staticIndex === 0 && values > 0 ? this.#indexOf(newest) : known.staticIndex;
    const length = name.length + value.length;
    // A large entry would drive most others out.
    if (values >= MAX_VALUES || length + ENTRY_OVERHEAD > table.maxSize / 2)
      return writeLiteral(known, nameIndex, 0x0f, 0x00, value, out, at);
    this.#add(known.name, detached(value), newest);
    return writeLiteral(known, nameIndex, 0x3f, 0x40, value, out, at);
  }

  #indexOf(entry: number): number {
    return STATIC_LENGTH + this.#table.next - entry;
  }

  #add(name: string, value: string, newest: number): void {
    const table = this.#table;
    table.makeRoom(name.length + value.length);
    if (this.#newest.size > 2 * this.#entryMask) this.#forgetRemoved();
    this.#older[table.next & this.#entryMask] = newest;
    this.#newest.set(name, table.next);
    table.add(name, value);
  }

  #forgetRemoved(): void {
    for (const [name, entry] of this.#newest) if (entry < this.#table.first) this.#newest.delete(name);
  }
}

/** A value that is not for the table; one that comes again is not put in Huffman code again. */
function writePlain(known: IndexedName, value: string, out: Buffer, start: number): number {
  const at = writeName(known, known.staticIndex, 0x0f, 0x00, out, start);
  if (value !== known.lastValue) {
    known.lastValue = value.length > MAX_KEPT_VALUE ? '' : value;
    known.lastLiteral = null;
    return writeString(value, out, at);
  }
  if (known.lastLiteral !== null) return copyBytes(known.lastLiteral, out, at);
  const end = writeString(value, out, at);
  known.lastLiteral = Buffer.from(out.subarray(at, end));
  return end;
}

/** RFC 7541 section 6.2: a literal whose name is an index, or a literal too where that is 0. */
function writeLiteral(
  known: IndexedName,
  nameIndex: number,
  mask: number,
  pattern: number,
  value: string,
  out: Buffer,
  start: number,
): number {
  return writeString(value, out, writeName(known, nameIndex, mask, pattern, out, start));
}

function writeName(
  known: IndexedName,
  nameIndex: number,
  mask: number,
  pattern: number,
  out: Buffer,
  start: number,
): number {
  const at = writeInteger(nameIndex, mask, pattern, out, start);
  return nameIndex === 0 ? copyBytes(known.literal, out, at) : at;
}

/** For some ten bytes, faster than a call of `copy`. */
function copyBytes(bytes: Buffer, out: Buffer, at: number): number {
  for (let i = 0; i < bytes.length; i++) out[at + i] = bytes[i]!;
  return at + bytes.length;
}
