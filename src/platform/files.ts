import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file that is on disk and whole when this returns, and otherwise not there or as it was, whatever happens
 * in between. With `isNew` it fails where the file exists (EEXIST).
 */
export function writeWhole(path: string, text: string, mode: number, isNew = false): void {
  const unfinished = `${path}.new`;
  // What a killed process left may be anybody's to read, or half a file.
  rmSync(unfinished, { force: true });
  const file = openSync(unfinished, 'wx', mode);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (isNew) {
    linkSync(unfinished, path);
    rmSync(unfinished);
  } else {
    renameSync(unfinished, path);
  }
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Makes a directory, and those above it that are missing. Throws what the system says. */
export function makeDirectory(path: string, mode = 0o777): void {
  if (!existsSync(dirname(path))) makeDirectory(dirname(path));
  try {
    // Not `recursive`: Node tries for ever where a parent is there and still says ENOENT, as /proc does.
    mkdirSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}
