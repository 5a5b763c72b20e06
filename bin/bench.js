// `npm run bench`: installs what is missing, then runs the benchmarks; see bench/.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { installMissing } from './install.js';
import { findRuntime, root } from './runtime.js';

installMissing();
const bun = findRuntime('bun');
const node = findRuntime('node');
const runner = bun ?? node;
if (runner === null) {
  console.error('No runtime was found. Run "npm install" first.');
  process.exit(3);
}
const runtimes = [...(bun === null ? [] : ['--bun', bun]), ...(node === null ? [] : ['--node', node])];
const child = spawn(runner, [join(root, 'bench/main.ts'), ...runtimes, ...process.argv.slice(2)], { stdio: 'inherit' });
child.on('exit', (code) => process.exit(code ?? 1));
