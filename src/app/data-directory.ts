import { accessSync, constants, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeDirectory, type Random, writeWhole } from '../platform/mod.ts';
import { formatMasterKey, type MasterKey, parseMasterKey } from '../x509/mod.ts';

/** A start that cannot go on. The message is one sentence that says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Paths in a data directory (design/product.md, "Files in the data directory"). */
export interface DataDirectory {
  readonly path: string;
  readonly database: string;
  readonly masterKey: string;
  readonly token: string;
  readonly root: string;
  readonly originPullCa: string;
  readonly snapshot: string;
  readonly events: string;
}

/** The paths below `path`, made absolute. */
export function dataDirectory(path: string): DataDirectory {
  const base = resolve(path);
  return {
    path: base,
    database: join(base, 'countersign.db'),
    masterKey: join(base, 'master.key'),
    token: join(base, 'token'),
    root: join(base, 'ca', 'root.pem'),
    originPullCa: join(base, 'ca', 'origin-pull.pem'),
    snapshot: join(base, 'snapshot'),
    events: join(base, 'events'),
  };
}

/** Makes the directory where it is missing. Throws `StartError` where it cannot be written. */
export function prepareDataDirectory(directory: DataDirectory): void {
  try {
    makeDirectory(directory.path, 0o700);
    makeDirectory(join(directory.path, 'ca'));
    makeDirectory(directory.snapshot, 0o700);
    makeDirectory(directory.events, 0o700);
    accessSync(directory.path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new StartError(
      `The data directory ${directory.path} cannot be written (${reason}): give it to this user, or name another with --data.`,
    );
  }
}

/** Refuses a malformed key in the environment before anything is made. Throws `StartError`. */
export function checkMasterKey({ COUNTERSIGN_MASTER_KEY }: NodeJS.ProcessEnv): void {
  if (COUNTERSIGN_MASTER_KEY !== undefined) readKey(COUNTERSIGN_MASTER_KEY, 'COUNTERSIGN_MASTER_KEY');
}

/**
 * The key that seals private keys: from the variable COUNTERSIGN_MASTER_KEY, else from the file. A new one is made
 * only where there is no database yet: a lost key is never replaced by one that opens nothing.
 */
export function loadMasterKey(directory: DataDirectory, environment: NodeJS.ProcessEnv, random: Random): MasterKey {
  const given = environment.COUNTERSIGN_MASTER_KEY;
  if (given !== undefined) return readKey(given, 'COUNTERSIGN_MASTER_KEY');
  if (existsSync(directory.masterKey)) {
    let text: string;
    try {
      text = readFileSync(directory.masterKey, 'utf8');
    } catch (error) {
      throw new StartError(
        `The master key ${directory.masterKey} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      );
    }
    return readKey(text, directory.masterKey);
  }
  if (existsSync(directory.database)) {
    throw new StartError(
      `The master key ${directory.masterKey} is missing, and without it the private keys in the database cannot be opened: put it back, or set COUNTERSIGN_MASTER_KEY.`,
    );
  }
  const key = random.bytes(32);
  writeWhole(directory.masterKey, formatMasterKey(key), 0o600, true);
  return key;
}

/** Keeps an API token in its file, for the commands on this machine. Throws `StartError` where it cannot be written. */
export function writeToken(directory: DataDirectory, token: string): void {
  try {
    writeWhole(directory.token, `${token}\n`, 0o600);
  } catch (error) {
    throw new StartError(
      `The token file ${directory.token} cannot be written (${(error as NodeJS.ErrnoException).code}): make room for it.`,
    );
  }
}

function readKey(text: string, source: string): MasterKey {
  try {
    return parseMasterKey(text);
  } catch (error) {
    throw new StartError(`${source} does not hold a master key: ${(error as Error).message}`);
  }
}

/** A path for the unix socket toward the workers, in a directory of its own that only this user may enter. */
export function makeSocketPath(): string {
  // Not in the data directory: a socket's path has at most 107 bytes.
  return join(mkdtempSync(join(tmpdir(), 'countersign-')), 'fleet.sock');
}
