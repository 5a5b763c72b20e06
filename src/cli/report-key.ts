import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, writeWhole } from '../platform/mod.ts';
import { read } from './files.ts';
import { CliError } from './output.ts';

const PRIVATE = 'report.key';
const PUBLIC = 'report.pub';

/** The key that signs reports, made in the data directory on first use, its public half beside it. Throws `CliError`. */
export function reportKey(dataDirectory: string): KeyObject {
  const path = join(dataDirectory, PRIVATE);
  if (!existsSync(path)) makeKey(dataDirectory, path);
  try {
    return createPrivateKey(read(path));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(3, `${path} is not a private key: move it away, and a new one is made.`);
  }
}

/** The public key in a file, or that of the data directory; null where there is none. Throws `CliError`. */
export function trustedReportKey(file: string | undefined, dataDirectory: string): KeyObject | null {
  const path = file ?? join(dataDirectory, PUBLIC);
  if (file === undefined && !existsSync(path)) return null;
  const text = read(path);
  try {
    return createPublicKey(text);
  } catch {
    throw new CliError(2, `${path} is not a public key in PEM.`);
  }
}

function makeKey(dataDirectory: string, path: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  try {
    makeDirectory(dataDirectory, 0o700);
    writeWhole(path, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600, true);
    writeWhole(join(dataDirectory, PUBLIC), publicKey.export({ type: 'spki', format: 'pem' }) as string, 0o644);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process was first.
    if (code !== 'EEXIST')
      throw new CliError(3, `${dataDirectory} cannot be written (${code}): name another with --data.`);
  }
}
