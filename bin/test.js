// `npm test`: type check, lint, and all tests on Bun and on Node 26. Ends with `N passed, N failed` over both.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installMissing } from './install.js';
import { findRuntime, root } from './runtime.js';

installMissing();
const tsc = join(root, 'node_modules/.bin/tsc');
const only = process.argv.slice(2);
const files = ['src', 'test', 'guard/test']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith('.test.ts') && (only.length === 0 || only.some((part) => file.includes(part))))
  .sort();

const env = {
  ...process.env,
  NO_COLOR: '1',
  FORCE_COLOR: undefined,
  // The guard has to run on the oldest Node that an origin may have, so its tests ask this one too.
  COUNTERSIGN_OWN_NODE: process.execPath,
};
const totals = { passed: 0, failed: 0, skipped: 0 };
/** What each failed test or check printed, to be shown once more at the end: a log of thousands of lines hides it. */
const failures = [];
/** In what Node prints (TAP): a failed test and the block of YAML behind it. */
const NODE_FAILURE = /^( *)not ok .*\n(?:\1 {2}.*\n)*/gm;
/** In what Bun prints: all between the test or file before and the failed test's own line. */
const BUN_FAILURE = /^(?:(?!\((?:pass|skip|fail|todo)\) |\S+\.test\.ts:$).*\n)*\(fail\) .*\n/gm;
const LINES_A_FAILURE = 60;

/** Runs a program, shows its output, and resolves with its exit code and output: what came to stderr stands behind the rest. */
function run(name, command, args) {
  console.log(`\n== ${name}`);
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env });
    const output = ['', ''];
    for (const [i, stream] of [child.stdout, child.stderr].entries()) {
      stream.on('data', (data) => {
        output[i] += data;
        process.stdout.write(data);
      });
    }
    child.on('error', (error) => resolve({ code: 1, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, output: output.join('\n') }));
  });
}

/** A check is one test: it passes or it does not. */
async function check(name, command, args) {
  const { code, output } = await run(name, command, args);
  totals[code === 0 ? 'passed' : 'failed']++;
  if (code !== 0) failures.push(`${name}\n${output}`);
}

/** The last number that `pattern` finds. */
function count(output, pattern) {
  return Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
}

/** Adds a test run's own counts; a run that ended badly without naming a failed test counts as one. */
function add({ code, output }, passed, failed, skipped, failure) {
  const failedTests = count(output, failed);
  totals.passed += count(output, passed);
  totals.failed += failedTests === 0 && code !== 0 ? 1 : failedTests;
  totals.skipped += count(output, skipped);
  failures.push(...(output.match(failure) ?? []));
}

// The tests of the guard use what its users get: the built package.
if (files.some((file) => file.startsWith('guard'))) await check('build of the guard', tsc, ['-p', 'guard']);
if (only.length === 0) {
  await check('types', tsc, []);
  await check('types of the guard', tsc, ['-p', 'guard/test']);
  await check('lint', join(root, 'node_modules/.bin/biome'), ['check', '--error-on-warnings', '.']);
  await check('dead code', join(root, 'node_modules/.bin/knip'), ['--exclude', 'types,binaries']);
}
for (const name of ['node', 'bun']) {
  const runtime = findRuntime(name);
  if (runtime === null) {
    console.error(`\n${name} is not there: run "npm install".`);
    totals.failed++;
  } else if (name === 'node') {
    const args = [
      '--test',
      '--test-reporter=dot',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      '--test-reporter-destination=stderr',
    ];
    add(
      await run('tests on Node', runtime, [...args, ...files]),
      /^# pass (\d+)$/gm,
      /^# fail (\d+)$/gm,
      /^# skipped (\d+)$/gm,
      NODE_FAILURE,
    );
  } else {
    const args = ['test', '--timeout', '120000', ...files.map((file) => `./${file}`)];
    const printed = await run('tests on Bun', runtime, args);
    add(printed, /^ *(\d+) pass$/gm, /^ *(\d+) fail$/gm, /^ *(\d+) skip$/gm, BUN_FAILURE);
  }
}
for (const failure of failures) {
  const lines = failure.trimEnd().split('\n');
  console.log(`\n== failed\n${lines.slice(-LINES_A_FAILURE).join('\n')}`);
}
if (totals.skipped > 0) console.log(`\n${totals.skipped} skipped`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
