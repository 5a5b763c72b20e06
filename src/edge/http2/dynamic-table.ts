/** What an entry counts beyond its name and its value (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32;

/**
 * The dynamic table of one direction of a connection (RFC 7541 sections 2.3.2 and 4): a ring that grows to what its
 * size lets in, a thirty-second of it in entries. Every entry has a number, counted from 0 in order of insertion.
 */
export class DynamicTable {
  #names: string[] = [];
  #values: string[] = [];
  #mask = -1;
  #first = 0;
  #next = 0;
  #size = 0;
  #maxSize: number;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get maxSize(): number {
    return this.#maxSize;
  }

  /** Number of the oldest entry. */
  get first(): number {
    return this.#first;
  }

  /** The number that the next entry will have. */
  get next(): number {
    return this.#next;
  }

  name(entry: number): string {
    return this.#names[entry & this.#mask]!;
  }

  value(entry: number): string {
    return this.#values[entry & this.#mask]!;
  }

  /** Section 4.3: entries go until the rest fits. */
  setMaxSize(size: number): void {
    this.#maxSize = size;
    this.#evictTo(size);
  }

  /**
   * Makes room for an entry with a name and a value of so many bytes (section 4.4). False where it is larger than the
   * whole table, which is empty then: that is not an error, and nothing is to be added.
   */
  makeRoom(length: number): boolean {
    const size = length + ENTRY_OVERHEAD;
    this.#evictTo(Math.max(0, this.#maxSize - size));
    return size <= this.#maxSize;
  }

  /** Adds an entry, after `makeRoom`. */
  add(name: string, value: string): void {
    if (this.#next - this.#first > this.#mask) this.#grow();
    const at = this.#next++ & this.#mask;
    this.#names[at] = name;
    this.#values[at] = value;
    this.#size += name.length + value.length + ENTRY_OVERHEAD;
  }

  #evictTo(size: number): void {
    while (this.#size > size) {
      const at = this.#first++ & this.#mask;
      this.#size -= this.#names[at]!.length + this.#values[at]!.length + ENTRY_OVERHEAD;
      this.#names[at] = '';
      this.#values[at] = '';
    }
  }

  #grow(): void {
    const names: string[] = [];
    const values: string[] = [];
    const mask = Math.max(16, 2 * (this.#mask + 1)) - 1;
    for (let at = 0; at <= mask; at++) {
      names.push('');
      values.push('');
    }
    for (let entry = this.#first; entry < this.#next; entry++) {
      names[entry & mask] = this.name(entry);
      values[entry & mask] = this.value(entry);
    }
    this.#names = names;
    this.#values = values;
    this.#mask = mask;
  }
}
