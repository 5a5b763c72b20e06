// Plain JavaScript for any Node >= 20: finds the runtime that Countersign runs on.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const OLDEST = { bun: [1, 4, 5], node: [26, 10, 0] };

/** The places where a runtime may be, the pinned one first. */
function candidates(name) {
  const modules = join(root, 'node_modules');
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;
  if (name === 'bun') {
    return [join(modules, 'bun/bin/bun.exe'), join(modules, `@oven/bun-${platform}/bin/bun`), 'bun'];
  }
  const binary = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}/bin/node`;
  return [
    process.execPath,
    join(modules, 'node/bin/node'),
    join(modules, 'node/node_modules', binary),
    join(modules, binary),
    'node',
  ];
}

function isNewEnough(path, oldest) {
  if (path.includes('/') && !existsSync(path)) return false;
  const run = spawnSync(path, ['--version'], { encoding: 'utf8' });
  const version = /(\d+)\.(\d+)\.(\d+)/.exec(run.stdout ?? '');
  if (run.status !== 0 || version === null) return false;
  const have = version.slice(1).map(Number);
  const at = oldest.findIndex((number, i) => have[i] !== number);
  return at < 0 || have[at] > oldest[at];
}

/** Path of the runtime `bun` or `node`; null where none is new enough. */
export function findRuntime(name) {
  return candidates(name).find((path) => isNewEnough(path, OLDEST[name])) ?? null;
}

/**
 * What a runtime is started with, before the path of the program. The control plane needs no large young generation, which its start makes grow to 30 MB.
 * @param {string} name
 * @returns {string[]}
 */
export function launchFlags(name) {
  return name === 'node' ? ['--max-semi-space-size=1'] : [];
}

/**
 * What a runtime gets besides its environment: where Node keeps what it made of the source, so that it does so once. It is beside the code,
 * since whoever can write there decides what runs.
 * @type {Record<string, string>}
 */
export const launchEnvironment = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/countersign') };
