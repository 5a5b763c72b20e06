#!/usr/bin/env node
// Hands argv and signals to src/cli/main.ts on Bun (default) or Node.
import { spawn } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findRuntime, launchEnvironment, launchFlags, root } from './runtime.js';

/** Runs the program with `args` and exits as it does. */
export function run(args) {
  const at = args.findIndex((arg) => arg === '--runtime' || arg.startsWith('--runtime='));
  const isJoined = args[at]?.includes('=') ?? false;
  const given = isJoined ? args[at].slice('--runtime='.length) : (args[at + 1] ?? '');
  const wanted = at >= 0 ? given : process.env.COUNTERSIGN_RUNTIME;
  if (wanted !== undefined && wanted !== 'bun' && wanted !== 'node') {
    console.error(`${at >= 0 ? '--runtime' : 'COUNTERSIGN_RUNTIME'} must be bun or node, not "${wanted}".`);
    process.exit(2);
  }
  const rest = at >= 0 ? args.toSpliced(at, isJoined ? 1 : 2) : args;
  let runtime = null;
  let name = '';
  for (name of wanted === undefined ? ['bun', 'node'] : [wanted]) {
    runtime = findRuntime(name);
    if (runtime !== null) break;
  }
  if (runtime === null) {
    console.error('No Bun 1.4.5 (or newer) and no Node 26.10 (or newer) was found. Run "npm install" first.');
    process.exit(3);
  }
  const command = [...launchFlags(name), join(root, 'src/cli/main.ts'), ...rest];
  const environment = { ...launchEnvironment, ...process.env };
  const { env, descriptors } = passedOn(environment);
  // In the place of this process where its Node can (22.15 and newer): nothing stays in between. It takes no descriptors with it,
  // and does not search the path.
  if (descriptors.length === 0 && isAbsolute(runtime) && process.platform !== 'win32')
    process.execve?.(runtime, [runtime, ...command], env);
  const stdio = ['inherit', 'inherit', 'inherit', ...descriptors];
  const child = spawn(runtime, command, { stdio, env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`${runtime} did not start: ${error.message}`);
    process.exit(3);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}

/** Sockets that systemd passes to this process (`sd_listen_fds(3)`) are meant for the one that it starts. */
function passedOn(environment) {
  const { LISTEN_PID, LISTEN_FDS, ...env } = environment;
  if (LISTEN_PID !== String(process.pid)) return { env, descriptors: [] };
  const descriptors = Array.from({ length: Number(LISTEN_FDS) }, (_, i) => 3 + i);
  return { env: { ...env, LISTEN_FDS }, descriptors };
}

if (process.argv[1] !== undefined && import.meta.url.endsWith('/countersign.js') && isMain())
  run(process.argv.slice(2));

function isMain() {
  return process.argv[1] === fileURLToPath(import.meta.url) || process.argv[1].endsWith('/countersign');
}
