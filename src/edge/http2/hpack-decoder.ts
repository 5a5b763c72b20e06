import { Buffer } from 'node:buffer';
import { DynamicTable, ENTRY_OVERHEAD } from './dynamic-table.ts';
import { decodeHuffman, maxDecodedLength } from './huffman.ts';
import { STATIC_LENGTH, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

/**
 * What is wrong with a header block: `compression` ends the connection (RFC 9113 section 4.3), for the tables of both
 * ends are no longer known to be the same; after `too_large` the connection is as good as before.
 */
export type HpackProblem = 'compression' | 'too_large';

const MAX_CONTINUATION_BYTES = 5;
/** A block begins with two at most: the smallest size since the last block, and the last one (RFC 7541 section 4.2). */
const MAX_SIZE_UPDATES = 2;
const MALFORMED = -1;

/** Room for the text of one Huffman string, used and left within one call. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * Decodes the header blocks of one direction of a connection (RFC 7541). Work is at most proportional to a block's
 * bytes, whatever they refer to: a field beyond the list's limit is counted, but no text is made for it.
 */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #maxTableSize: number;
  readonly #maxListSize: number;
  #block: Buffer = scratch;
  #at = 0;
  /** Where the string is that `#readString` came upon: in `#source`, `#textLength` bytes from `#textStart`. */
  #source: Buffer = scratch;
  #textStart = 0;
  #textLength = 0;

  /**
   * `maxTableSize` is what SETTINGS_HEADER_TABLE_SIZE tells the peer; the table may be this large from the start, so
   * it shall not be below the default of 4,096 unless the peer knows already. `maxListSize` is what
   * SETTINGS_MAX_HEADER_LIST_SIZE tells it.
   */
  constructor(maxTableSize: number, maxListSize: number) {
    this.#table = new DynamicTable(maxTableSize);
    this.#maxTableSize = maxTableSize;
    this.#maxListSize = maxListSize;
  }

  /**
   * Decodes a complete header block and gives its fields to `onField`, in order, as latin1 texts. Where the list turns
   * out larger than its limit (name, value and 32 a field, RFC 9113 section 6.5.2), no field is given from there on.
   */
  decode(block: Buffer, onField: (name: string, value: string) => void): HpackProblem | null {
    this.#block = block;
    this.#at = 0;
    const problem = this.#decodeBlock(onField);
    this.#block = scratch;
    this.#source = scratch;
    return problem;
  }

  #decodeBlock(onField: (name: string, value: string) => void): HpackProblem | null {
    const block = this.#block;
    if (!this.#readSizeUpdates()) return 'compression';
    const table = this.#table;
    const limit = this.#maxListSize;
    let listSize = 0;
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if (first >= 0x80) {
        // Section 6.1: both from a table.
        const index = this.#readInteger(0x7f);
        if (!this.#isIndex(index)) return 'compression';
        const name = this.#nameAt(index);
        const value = this.#valueAt(index);
        listSize += name.length + value.length + ENTRY_OVERHEAD;
        if (listSize <= limit) onField(name, value);
        continue;
      }
      // Section 4.2: a size update anywhere but at the start.
      if ((first & 0xe0) === 0x20) return 'compression';
      // Section 6.2: a literal; the field is added to the table, or (0000, 0001) is not.
      const isAdded = first >= 0x40;
      const index = this.#readInteger(isAdded ? 0x3f : 0x0f);
      let name: string;
      if (index === 0) {
        if (!this.#readString()) return 'compression';
        // A name that no list and no table has room for is not made, but its length counts.
        const isUsed = listSize + this.#textLength <= limit || (isAdded && this.#textLength <= table.maxSize);
        if (!isUsed) {
          listSize += this.#textLength;
          if (!this.#readString()) return 'compression';
          listSize += this.#textLength + ENTRY_OVERHEAD;
          if (isAdded) table.makeRoom(Number.POSITIVE_INFINITY);
          continue;
        }
        name = this.#text();
      } else {
        if (!this.#isIndex(index)) return 'compression';
        name = this.#nameAt(index);
      }
      if (!this.#readString()) return 'compression';
      const length = name.length + this.#textLength;
      listSize += length + ENTRY_OVERHEAD;
      if (isAdded && table.makeRoom(length)) {
        const value = this.#text();
        table.add(name, value);
        if (listSize <= limit) onField(name, value);
      } else if (listSize <= limit) {
        onField(name, this.#text());
      }
    }
    return listSize > limit ? 'too_large' : null;
  }

  /** Section 6.3: size updates at a block's start. */
  #readSizeUpdates(): boolean {
    for (let updates = 0; this.#at < this.#block.length && (this.#block[this.#at]! & 0xe0) === 0x20; updates++) {
      const size = this.#readInteger(0x1f);
      if (size === MALFORMED || size > this.#maxTableSize || updates === MAX_SIZE_UPDATES) return false;
      this.#table.setMaxSize(size);
    }
    return true;
  }

  /** Section 2.3.3: false for 0 and for what lies beyond both tables. */
  #isIndex(index: number): boolean {
    return index > 0 && index <= STATIC_LENGTH + this.#table.next - this.#table.first;
  }

  #nameAt(index: number): string {
    return index <= STATIC_LENGTH ? STATIC_NAMES[index]! : this.#table.name(this.#entryOf(index));
  }

  #valueAt(index: number): string {
    return index <= STATIC_LENGTH ? STATIC_VALUES[index]! : this.#table.value(this.#entryOf(index));
  }

  /** The newest entry of the dynamic table has the lowest index. */
  #entryOf(index: number): number {
    return this.#table.next - (index - STATIC_LENGTH);
  }

  /** Section 5.1: an integer whose prefix is `mask`, or MALFORMED where it ends early or has too many bytes. */
  #readInteger(mask: number): number {
    const block = this.#block;
    let value = block[this.#at++]! & mask;
    if (value < mask) return value;
    let scale = 1;
    for (let count = 0; count < MAX_CONTINUATION_BYTES && this.#at < block.length; count++) {
      const byte = block[this.#at++]!;
      // At most 127 * 2^35: exact, and above all limits.
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return MALFORMED;
  }

  /** Section 5.2: finds the next string and its length, without making a text of it. */
  #readString(): boolean {
    const block = this.#block;
    if (this.#at >= block.length) return false;
    const isHuffman = block[this.#at]! >= 0x80;
    const length = this.#readInteger(0x7f);
    const start = this.#at;
    if (length === MALFORMED || length > block.length - start) return false;
    this.#at = start + length;
    if (!isHuffman) {
      this.#source = block;
      this.#textStart = start;
      this.#textLength = length;
      return true;
    }
    const room = maxDecodedLength(length);
    this.#source = room > scratch.length ? Buffer.allocUnsafe(room) : scratch;
    this.#textStart = 0;
    this.#textLength = decodeHuffman(block, start, this.#at, this.#source);
    return this.#textLength >= 0;
  }

  #text(): string {
    return this.#source.toString('latin1', this.#textStart, this.#textStart + this.#textLength);
  }
}
