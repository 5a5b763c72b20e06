import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Source } from './options.ts';

/** A file far beyond any list of CAs; revocation lists of large CAs have some megabytes. */
const MAX_BYTES = 64 * 1024 * 1024;

/** One text with its name for messages. */
export interface Text {
  readonly name: string;
  readonly text: string;
}

/** Paths of the files that a source names. */
export function filesOf(source: Source | null | undefined): string[] {
  return entries(source).flatMap((entry) => (isPem(entry) ? [] : [resolve(entry)]));
}

/** Reads what a source names. Throws with the file's name where one cannot be read. */
export function readSource(source: Source, option: string): Text[] {
  const found = entries(source);
  if (found.length === 0) throw new Error(`"${option}" is empty: name a PEM file, or give PEM text`);
  return found.map((entry) =>
    isPem(entry)
      ? { name: `the PEM text of "${option}"`, text: entry }
      : { name: resolve(entry), text: readText(entry) },
  );
}

function entries(source: Source | null | undefined): string[] {
  const list = source === null || source === undefined ? [] : Array.isArray(source) ? source : [source];
  const wrong = list.find((entry) => typeof entry !== 'string' || entry.trim() === '');
  if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong)} is neither PEM text nor the path of a file`);
  return list;
}

function isPem(entry: string): boolean {
  return entry.includes('-----BEGIN');
}

function readText(path: string): string {
  const file = resolve(path);
  try {
    const stat = statSync(file);
    if (!stat.isFile())
      throw new Error(stat.isDirectory() ? 'it is a directory, name a file' : 'it is not a regular file');
    if (stat.size === 0) throw new Error('it is empty');
    if (stat.size > MAX_BYTES) throw new Error('it is too large');
    return readFileSync(file, 'latin1');
  } catch (error) {
    throw new Error(`${file} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}
