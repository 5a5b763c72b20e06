import { createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { REPORT_PUBLIC_KEY } from '../app/mod.ts';
import { read } from './files.ts';
import { CliError } from './output.ts';

/** The public key in a file, or that of the data directory; null where there is none. Throws `CliError`. */
export function trustedReportKey(file: string | undefined, dataDirectory: string): KeyObject | null {
  const path = file ?? join(dataDirectory, REPORT_PUBLIC_KEY);
  if (file === undefined && !existsSync(path)) return null;
  const text = read(path);
  try {
    return createPublicKey(text);
  } catch {
    throw new CliError(2, `${path} is not a public key in PEM.`);
  }
}
