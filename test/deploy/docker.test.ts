import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Workshop } from '../doubles/program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const workshop = new Workshop();

interface Step {
  readonly word: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile, by stage. */
function stages(text: string): Step[][] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const made: Step[][] = [];
  for (const line of lines) {
    const [, word, rest] = /^(\S+)\s+(.*)$/.exec(line)!;
    if (word === 'FROM') made.push([]);
    made.at(-1)!.push({ word: word!, rest: rest! });
  }
  return made;
}

/** `npm ci` without a network: puts there what is installed here and the lock file does not mark as for development. */
const NPM = `#!${process.execPath}
const fs = require('node:fs');
if (process.argv.slice(2).join(' ') !== 'ci --omit=dev --ignore-scripts') process.exit(1);
const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
for (const [path, { dev, link }] of Object.entries(packages)) {
  const from = ${JSON.stringify(ROOT)} + path;
  if (path === '' || dev || link || /^node_modules\\/(bun|@oven)\\b/.test(path) || !fs.existsSync(from)) continue;
  fs.cpSync(from, path, { recursive: true });
}
`;

/** Does what the stages say below directories of their own: no container engine is needed, and none is proven. */
function build(): { root: string; path: string; steps: readonly Step[] } {
  const [packages, final] = stages(readFileSync(join(ROOT, 'deploy/docker/Dockerfile'), 'utf8')) as [Step[], Step[]];
  const tools = workshop.path('tools');
  mkdirSync(tools);
  writeFileSync(join(tools, 'npm'), NPM);
  chmodSync(join(tools, 'npm'), 0o755);
  symlinkSync(process.execPath, join(tools, 'bun'));
  const path = `${tools}:${process.env.PATH}`;
  const roots: Record<string, string> = {};
  let root = '';
  for (const steps of [packages, final]) {
    root = workshop.path('root');
    mkdirSync(join(root, 'app'), { recursive: true });
    mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
    const name = / AS (\S+)/.exec(steps[0]!.rest)?.[1];
    if (name !== undefined) roots[name] = root;
    for (const { word, rest } of steps) {
      if (word === 'COPY') copy(rest, roots, root);
      else if (word === 'RUN') run(rest, root, path);
    }
  }
  return { root, path, steps: final };
}

function copy(rest: string, roots: Readonly<Record<string, string>>, root: string): void {
  const words = rest.split(/\s+/);
  const stage = words[0]!.startsWith('--from=') ? words.shift()!.slice('--from='.length) : null;
  const target = words.pop()!;
  for (const word of words) {
    const from = stage === null ? join(ROOT, word) : join(roots[stage]!, word);
    const to = target.startsWith('/') ? join(root, target) : join(root, 'app', target);
    cpSync(from, target.endsWith('/') ? join(to, word) : to, { recursive: true });
  }
}

function run(command: string, root: string, path: string): void {
  // Only root may give a directory away.
  const owned = process.getuid?.() === 0 ? command : command.replace(/ -[og] \d+/g, '');
  const script = owned.replaceAll('/usr/local', `${root}/usr/local`).replaceAll(' /data', ` ${root}/data`);
  const { status, stderr } = spawnSync('sh', ['-ec', script], {
    cwd: join(root, 'app'),
    env: { PATH: path },
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${command}: ${stderr}`);
}

test('what the Dockerfile puts together runs without development packages, and its health check tells how it is', async () => {
  const { root, path, steps } = build();
  assert.equal(existsSync(join(root, 'app/node_modules/typescript')), false);
  assert.equal(statSync(join(root, 'data')).mode & 0o777, 0o700);
  const value = (word: string) => steps.find((step) => step.word === word)!.rest;
  assert.equal(value('USER'), '65532:65532');
  const program = join(root, 'usr/local/bin/countersign');
  writeFileSync(program, readFileSync(program, 'utf8').replace('/app/', `${root}/app/`));
  const env = {
    PATH: path,
    ...Object.fromEntries([...value('ENV').matchAll(/(\w+)=(\S+)/g)].map(([, name, text]) => [name!, text!])),
    COUNTERSIGN_DATA: join(root, 'data'),
    COUNTERSIGN_WORKERS: '1',
    COUNTERSIGN_EDGE_HTTPS: '127.0.0.1:0',
    COUNTERSIGN_EDGE_HTTP: '127.0.0.1:0',
    COUNTERSIGN_API: '127.0.0.1:0',
  };
  const [entry] = JSON.parse(value('ENTRYPOINT')) as string[];
  assert.equal(entry, 'countersign');
  const up = workshop.exec(program, [...(JSON.parse(value('CMD')) as string[]), '--json'], { env });
  const info = JSON.parse(await up.until(({ stdout }) => /^.*\n/.exec(stdout)?.[0])) as { api: string };
  const check = JSON.parse(/CMD (\[.*\])/.exec(value('HEALTHCHECK'))![1]!) as string[];
  // COUNTERSIGN_API with port 0 says nothing to a client.
  const healthEnv = { ...env, COUNTERSIGN_API: info.api };
  const healthy = await workshop.exec(program, check.slice(1), { env: healthEnv }).finished;
  assert.deepEqual([healthy.code, healthy.stdout], [0, ''], healthy.stderr);
  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
  assert.equal((await workshop.exec(program, check.slice(1), { env: healthEnv }).finished).code, 3);
});
