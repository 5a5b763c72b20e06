// Installs what the lock file asks for and is not there yet.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './runtime.js';

/** Runs `npm ci` where the installed packages are older than the lock file, or not there. Exits where that fails. */
export function installMissing() {
  const installed = join(root, 'node_modules/.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error('Installing what is missing (npm ci) ...');
  const npm = spawnSync('npm', ['ci', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (npm.status !== 0) {
    console.error('npm ci failed. Look at its messages above, then try again.');
    process.exit(3);
  }
}
