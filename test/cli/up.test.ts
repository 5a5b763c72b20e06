import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../doubles/process-list.ts';
import { FREE_PORTS, type Process, Workshop } from '../doubles/program.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));
const workshop = new Workshop();
const HOST_PORT = /^127\.0\.0\.1:[1-9]\d*$/;

/** Stops a process and looks at all it has written: one JSON document on stdout, and logs on stderr. */
async function stopped(process: Process): Promise<void> {
  process.child.kill('SIGTERM');
  const { code, stdout, stderr } = await process.finished;
  assert.equal(code, 0);
  assert.match(stdout, /^[^\n]+\n$/, 'stdout is one line');
  for (const line of stderr.trim().split('\n')) assert.ok(JSON.parse(line).msg, 'logs are JSON lines');
}

test('up --json prints exactly the promised keys', async () => {
  const data = workshop.path();
  const { process, info } = await workshop.up(['--data', data, '--workers', '2', ...FREE_PORTS]);
  assert.deepEqual(info, {
    ready: true,
    pid: process.child.pid,
    workers: info.workers,
    edge: info.edge,
    api: info.api,
    dataDir: data,
    tokenFile: join(data, 'token'),
    rootCaFile: join(data, 'ca/root.pem'),
    originPullCaFile: join(data, 'ca/origin-pull.pem'),
  });
  assert.deepEqual(Object.keys(info.edge), ['https', 'http']);
  assert.match(info.edge.https, HOST_PORT);
  assert.match(info.edge.http, HOST_PORT);
  assert.match(info.api, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/client\/v4$/);
  assert.equal(new Set(info.workers).size, 2);
  for (const pid of info.workers) assert.ok(isAlive(pid));
  for (const file of [info.tokenFile, info.rootCaFile, info.originPullCaFile]) assert.ok(existsSync(file), file);
  const { origin } = new URL(info.api);
  assert.equal(await (await fetch(`${origin}/readyz`)).text(), 'ready\n');
  assert.equal(
    await (await fetch(`${origin}/ssl/static/authenticated_origin_pull_ca.pem`)).text(),
    readFileSync(info.originPullCaFile, 'utf8'),
  );
  // Another command finds the API and its token in the data directory alone.
  const { code, stdout } = await workshop.run(['origin', 'list', '--zone', 'x.test', '--data', data]);
  assert.deepEqual([code, stdout], [3, '']);
  await stopped(process);
  assert.equal(existsSync(join(data, 'api')), false, 'where it listened is forgotten');
});

test('up --json with --demo and --api-tls adds theirs', async () => {
  const args = ['--data', workshop.path(), '--workers', '1', '--demo', '--api-tls', '127.0.0.1:0', ...FREE_PORTS];
  const { process, info } = await workshop.up(args);
  const keys = ['ready', 'pid', 'workers', 'edge', 'api', 'apiTls', 'dataDir', 'tokenFile', 'rootCaFile'];
  assert.deepEqual(Object.keys(info), [...keys, 'originPullCaFile', 'demo']);
  assert.match(info.apiTls!, /^https:\/\/127\.0\.0\.1:[1-9]\d*\/client\/v4$/);
  assert.deepEqual(Object.keys(info.demo!), ['zone', 'hostnames', 'origin']);
  assert.match(info.demo!.zone.id, /^[0-9a-f]{32}$/);
  assert.equal(info.demo!.zone.name, 'demo.localhost');
  assert.deepEqual(info.demo!.hostnames, ['hostname.demo.localhost', 'zone.demo.localhost', 'global.demo.localhost']);
  assert.match(info.demo!.origin, HOST_PORT);
  await stopped(process);
});

test('every flag may be a variable or a key of countersign.yaml', async () => {
  const cwd = workshop.path('cwd');
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'countersign.yaml'), 'workers: 2\ndata: not-this\nedge-http: 127.0.0.1:0\ndemo: true\n');
  const env = {
    COUNTERSIGN_DATA: 'this',
    COUNTERSIGN_EDGE_HTTPS: '127.0.0.1:0',
    COUNTERSIGN_API: '127.0.0.1:0',
    COUNTERSIGN_API_TLS: '127.0.0.1:0',
    COUNTERSIGN_ACCESS_LOG: 'access.log',
  };
  const { process, info } = await workshop.up([], { cwd, env });
  assert.equal(info.workers.length, 2);
  assert.equal(info.dataDir, join(cwd, 'this'));
  assert.ok(info.apiTls !== undefined && info.demo !== undefined);
  assert.ok(existsSync(join(cwd, 'access.log')));
  await stopped(process);
});

test('up says what is where in words, without colour where nobody sees it', async () => {
  const data = workshop.path();
  const process = workshop.spawn(fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)), [
    ...['up', '--data', data, '--workers', '1', '--demo'],
    ...FREE_PORTS,
  ]);
  const text = await process.until(({ stdout }) => stdout.includes('Stop with Ctrl-C.') && stdout);
  assert.match(text, /^Countersign is up\.\n {2}edge {4}https:\/\/127\.0\.0\.1:\d+ {2}http:.*\(1 workers\)\n/);
  assert.equal(text.match(/ ok$/gm)?.length, 5);
  assert.doesNotMatch(text, /WRONG/);
  assert.ok(!text.includes('\x1b'), 'no escape sequences');
  process.child.kill('SIGTERM');
  assert.equal((await process.finished).code, 0);
});

test('colour is for terminals only, and not with NO_COLOR', {
  skip: spawnSync('script', ['--version']).error !== undefined,
}, () => {
  const main = fileURLToPath(new URL('../doubles/coloured.ts', import.meta.url));
  const onTerminal = (env: Record<string, string | undefined>) =>
    spawnSync('script', ['-qec', `'${process.execPath}' '${main}'`, '/dev/null'], { encoding: 'utf8', env }).stdout;
  // The runtimes colour nothing where CI is set, terminal or not.
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...env } = process.env;
  assert.ok(onTerminal({ ...env, TERM: 'xterm' }).includes('\x1b[1m'));
  assert.ok(!onTerminal({ ...env, TERM: 'xterm', NO_COLOR: '1' }).includes('\x1b'));
});

test('--runtime and COUNTERSIGN_RUNTIME choose the runtime, and only one that there is', async () => {
  const data = workshop.path();
  for (const [args, env] of [
    [['--runtime', 'deno'], {}],
    [['--runtime=deno'], {}],
    [[], { COUNTERSIGN_RUNTIME: 'deno' }],
  ] as const) {
    const { code, stdout, stderr } = await workshop.spawn(LAUNCHER, ['init', '--data', data, ...args], { env })
      .finished;
    assert.match(stderr, /^(--runtime|COUNTERSIGN_RUNTIME) must be bun or node, not "deno"\.\n$/);
    assert.deepEqual([code, stdout, existsSync(data)], [2, '', false]);
  }
  for (const args of [['--runtime', 'bun'], ['--runtime=node']]) {
    const { code, stdout } = await workshop.spawn(LAUNCHER, ['init', '--json', '--data', data, ...args]).finished;
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).dataDir, data);
  }
});

test('the launcher makes room for the program where its runtime can, and ends as the program does', async () => {
  const process = workshop.spawn(LAUNCHER, [
    'up',
    '--json',
    '--data',
    workshop.path(),
    '--workers',
    '1',
    ...FREE_PORTS,
  ]);
  await process.until(({ stdout }) => stdout.includes('\n'));
  assert.equal(JSON.parse(process.stdout).pid, process.child.pid);
  await stopped(process);
});
