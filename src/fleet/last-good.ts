import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Delta, type Snapshot, type SnapshotEntry, SnapshotIndex } from '../core/mod.ts';

const FILE = 'state.ndjson';

type Line =
  | { readonly snapshot: number; readonly entries: number }
  | { readonly entry: SnapshotEntry }
  | { readonly delta: Delta };

/**
 * Reads the last good state of a directory: a snapshot and the deltas after it, one a line. Null where there is none
 * or the snapshot is not whole; a torn last delta is left out. Private keys in it are sealed.
 */
export function readLastGood(directory: string): Snapshot | null {
  let text: string;
  try {
    text = readFileSync(join(directory, FILE), 'utf8');
  } catch {
    return null;
  }
  const lines = text.split('\n');
  try {
    const head = JSON.parse(lines[0]!) as { snapshot: number; entries: number };
    const entries = lines
      .slice(1, 1 + head.entries)
      .map((line) => (JSON.parse(line) as { entry: SnapshotEntry }).entry);
    const index = new SnapshotIndex({ number: head.snapshot, entries });
    applyDeltas(index, lines.slice(1 + head.entries));
    return index.snapshot();
  } catch {
    return null;
  }
}

function applyDeltas(index: SnapshotIndex, lines: readonly string[]): void {
  for (const line of lines) {
    try {
      index.apply((JSON.parse(line) as { delta: Delta }).delta);
    } catch {
      return;
    }
  }
}

/** Keeps the last good state on disk: appends deltas, and writes the whole anew when they outweigh it. */
export class LastGood {
  readonly #directory: string;
  #file: number | null = null;
  #baseSize = 0;
  #deltaSize = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes the whole state: complete under its name, or not at all. */
  save(snapshot: Snapshot): void {
    this.close();
    const path = join(this.#directory, FILE);
    const file = openSync(`${path}.new`, 'w', 0o600);
    try {
      this.#baseSize = write(file, { snapshot: snapshot.number, entries: snapshot.entries.length });
      for (const entry of snapshot.entries) this.#baseSize += write(file, { entry });
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.new`, path);
    this.#deltaSize = 0;
    this.#file = openSync(path, 'a', 0o600);
  }

  /** Appends a change. `whole` is asked for when it is time to write everything anew. */
  append(delta: Delta, whole: () => Snapshot): void {
    if (this.#file === null || this.#deltaSize > this.#baseSize + 1_000_000) {
      this.save(whole());
      return;
    }
    this.#deltaSize += write(this.#file, { delta });
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

function write(file: number, line: Line): number {
  return writeSync(file, `${JSON.stringify(line)}\n`);
}
