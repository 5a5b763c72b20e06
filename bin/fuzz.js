// `npm run fuzz -- NAME --seconds N`: installs what is missing, then runs one fuzz at length; see test/fuzz/main.ts.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installMissing } from './install.js';
import { findRuntime, root } from './runtime.js';

installMissing();
const args = process.argv.slice(2);
const at = args.indexOf('--runtime');
const wanted = at >= 0 ? args.splice(at, 2)[1] : undefined;
if (at >= 0 && wanted !== 'bun' && wanted !== 'node') {
  console.error('--runtime must be bun or node.');
  process.exit(2);
}
const runtime = wanted === undefined ? (findRuntime('bun') ?? findRuntime('node')) : findRuntime(wanted);
if (runtime === null) {
  console.error('No runtime was found. Run "npm install" first.');
  process.exit(3);
}
const child = spawn(runtime, [join(root, 'test/fuzz/main.ts'), ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
