import { type BigIntStats, type FSWatcher, statSync, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const POLL_MS = 2000;

/** What tells that a file is another one than before, by its path. */
export type FileStates = Map<string, string>;

/** The present state of files. Take it before reading them, so that no change falls in between. */
export function statesOf(files: readonly string[]): FileStates {
  return new Map(files.map((file) => [file, stateOf(() => statSync(file, { bigint: true }))]));
}

/**
 * Calls `onChange` with the files whose state became another. Directories are watched, since files are replaced by renaming, and
 * the files are looked at every two seconds as well, since watching misses some (network and overlay file systems, links).
 * Keeps no process alive. Returns what ends it.
 */
export function watchFiles(states: FileStates, onChange: (changed: ReadonlySet<string>) => void): () => void {
  let closed = false;
  let looking = false;
  let again = false;

  const look = async (): Promise<void> => {
    again = looking;
    if (looking) return;
    looking = true;
    const changed = new Set<string>();
    for (const [file, before] of states) {
      const found = await stat(file, { bigint: true }).then(
        (stats) => stateOf(() => stats),
        (error) =>
          stateOf(() => {
            throw error;
          }),
      );
      if (found !== before) changed.add(file);
      states.set(file, found);
    }
    looking = false;
    if (closed) return;
    if (changed.size > 0) onChange(changed);
    if (again) await look();
  };

  const directories = new Set([...states.keys()].map((file) => dirname(file)));
  const watchers = [...directories].flatMap((directory) => watchDirectory(directory, () => void look()));
  const timer = setInterval(() => void look(), POLL_MS);
  timer.unref();
  return () => {
    closed = true;
    clearInterval(timer);
    for (const watcher of watchers) watcher.close();
  };
}

function watchDirectory(directory: string, onEvent: () => void): FSWatcher[] {
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
}

function stateOf(read: () => BigIntStats): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = read();
    return [ino, size, mtimeNs, ctimeNs].join();
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
