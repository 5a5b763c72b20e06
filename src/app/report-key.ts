import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, writeWhole } from '../platform/mod.ts';
import { StartError } from './data-directory.ts';

const PRIVATE = 'report.key';
/** The public half of the key that signs reports, in the data directory. */
export const REPORT_PUBLIC_KEY = 'report.pub';

/** The key that signs reports, made in the data directory on first use, its public half beside it. Throws `StartError`. */
export function reportKey(dataDirectory: string): KeyObject {
  const path = join(dataDirectory, PRIVATE);
  if (!existsSync(path)) makeKey(dataDirectory, path);
  try {
    return createPrivateKey(readFileSync(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(
      code === 'EACCES'
        ? `${path} cannot be read: give it to this user.`
        : `${path} is not a private key: move it away, and a new one is made.`,
    );
  }
}

function makeKey(dataDirectory: string, path: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  try {
    makeDirectory(dataDirectory, 0o700);
    writeWhole(path, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600, true);
    writeWhole(
      join(dataDirectory, REPORT_PUBLIC_KEY),
      publicKey.export({ type: 'spki', format: 'pem' }) as string,
      0o644,
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process was first.
    if (code !== 'EEXIST')
      throw new StartError(`${dataDirectory} cannot be written (${code}): name another with --data.`);
  }
}
