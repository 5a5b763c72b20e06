import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { type Finished, FREE_PORTS, type SpawnOptions, Workshop } from '../doubles/program.ts';

const workshop = new Workshop();
/** A data directory as `init` leaves it, to be copied by making it again; the master key that belongs to it. */
let good: string;

before(async () => {
  good = workshop.path('good');
  assert.equal((await workshop.run(['init', '--data', good])).code, 0);
});

const up = (data: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Finished> =>
  workshop.run(['up', '--json', '--workers', '1', '--data', data, ...FREE_PORTS, ...args], options);

/** Exactly one sentence on stderr, nothing on stdout, no stack. */
function refused({ code, stdout, stderr }: Finished, exitCode: number, sentence: RegExp): void {
  assert.match(stderr, sentence);
  assert.match(stderr, /^[^\n]+\n$/, 'one line');
  assert.doesNotMatch(stderr, /\bat .*:\d+:\d+|^\w*Error:/, 'no stack');
  assert.deepEqual([code, stdout], [exitCode, '']);
}

/** Everything below a directory with its bytes, except what SQLite keeps beside the database. */
function contents(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => !/-(wal|shm)$/.test(path))
      .sort()
      .map((path) => [path, readFileSync(path, 'base64')]),
  );
}

/** A listener on loopback for as long as `work` runs. */
async function whileTaken(work: (address: string) => Promise<void>): Promise<void> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  try {
    await work(`127.0.0.1:${(server.address() as net.AddressInfo).port}`);
  } finally {
    server.close();
  }
}

for (const flag of ['--edge-https', '--edge-http', '--api', '--api-tls']) {
  test(`${flag}: an address that is taken is refused, and nothing is left running`, async () => {
    await whileTaken(async (address) => {
      const sentence = new RegExp(
        `^The address ${address} is taken by another program: choose another with ${flag}\\.$`,
        'm',
      );
      refused(await up(good, [flag, address]), 3, sentence);
    });
    assert.deepEqual(sockets(), [], 'the sockets toward the workers are gone');
  });
}

test('an address that is not ours is refused with the reason', async () => {
  refused(await up(good, ['--api', '192.0.2.1:7070']), 3, /^The address 192\.0\.2\.1:7070 .*EADDRNOTAVAIL.*--api\.$/m);
});

/** Directories of sockets toward workers. */
function sockets(): string[] {
  return readdirSync(workshop.directory).filter((name) => name.startsWith('countersign-'));
}

test('a data directory that cannot be made is refused', async () => {
  const file = workshop.path('file');
  writeFileSync(file, '');
  refused(await up(join(file, 'data')), 3, /^The data directory .* cannot be written \(ENOTDIR\): .*--data\.$/m);
  refused(
    await up('/proc/countersign'),
    3,
    /^The data directory \/proc\/countersign cannot be written \(EN\w+\): .*--data\.$/m,
  );
});

test('a missing master key is told, and no new one takes its place', async () => {
  const data = await made();
  unlinkSync(join(data, 'master.key'));
  const before = contents(data);
  refused(
    await up(data),
    3,
    /^The master key .*master\.key is missing, .*: put it back, or set COUNTERSIGN_MASTER_KEY\.$/m,
  );
  assert.deepEqual(contents(data), before);
});

test('a master key that belongs to another installation is told, and nothing is changed', async () => {
  const data = await made();
  const other = 'ab'.repeat(32);
  const before = contents(data);
  const sentence = /^The master key does not open this database: put back the key that belongs to it/m;
  refused(await up(data, [], { env: { COUNTERSIGN_MASTER_KEY: other } }), 3, sentence);
  assert.deepEqual(contents(data), before);
  writeFileSync(join(data, 'master.key'), other);
  refused(await up(data), 3, sentence);
});

test('a malformed master key is told with its source', async () => {
  const data = await made();
  writeFileSync(join(data, 'master.key'), 'x');
  refused(await up(data), 3, /^.*master\.key does not hold a master key: it must be 64 hexadecimal digits\.$/m);
  const fresh = workshop.path();
  refused(
    await up(fresh, [], { env: { COUNTERSIGN_MASTER_KEY: 'x' } }),
    3,
    /^COUNTERSIGN_MASTER_KEY does not hold a master key: it must be 64 hexadecimal digits\.$/m,
  );
  assert.equal(existsSync(fresh), false, 'nothing was made');
});

test('the master key may come from the environment alone', async () => {
  const data = workshop.path();
  const env = { COUNTERSIGN_MASTER_KEY: '0123456789abcdef'.repeat(4) };
  assert.equal((await workshop.run(['init', '--data', data], { env })).code, 0);
  assert.equal(existsSync(join(data, 'master.key')), false);
  assert.equal((await workshop.run(['init', '--data', data], { env })).code, 0);
  refused(await up(data), 3, /^The master key .* is missing/m);
});

test('a database of a newer version is refused and left as it is', async () => {
  const data = await made();
  const database = new DatabaseSync(join(data, 'countersign.db'));
  database.exec('update schema_version set version = 99');
  database.close();
  const before = contents(data);
  refused(await up(data), 3, /^The database has schema version 99, .* newer version\. Install that one\.$/m);
  assert.deepEqual(contents(data), before);
});

test('a database that is none is refused and left as it is', async () => {
  const data = await made();
  for (const garbage of ['not a database at all, '.repeat(100), '\0'.repeat(4096), 'SQLite format 3\0'.repeat(300)]) {
    const file = join(data, 'countersign.db');
    for (const path of [`${file}-wal`, `${file}-shm`]) rmSync(path, { force: true });
    writeFileSync(file, garbage);
    refused(await up(data), 3, /^The database .*countersign\.db cannot be opened: .*\.$/m);
    assert.equal(readFileSync(file, 'utf8'), garbage);
  }
});

test('a token file that cannot be written is told, and the next start makes the token', async () => {
  const data = workshop.path();
  mkdirSync(join(data, 'token'), { recursive: true });
  refused(await up(data), 3, /^The token file .*token cannot be written \(EISDIR\): .*\.$/m);
  rmSync(join(data, 'token'), { recursive: true });
  const { process, info } = await workshop.up(['--workers', '1', '--data', data, ...FREE_PORTS]);
  const response = await fetch(`${info.api}/user/tokens/verify`, {
    headers: { Authorization: `Bearer ${readFileSync(info.tokenFile, 'utf8').trim()}` },
  });
  assert.equal(response.status, 200);
  process.child.kill('SIGTERM');
  assert.equal((await process.finished).code, 0);
});

const WRONG_USAGE: readonly [
  what: string,
  args: readonly string[],
  env: Record<string, string>,
  yaml: string,
  RegExp,
][] = [
  ['an unknown flag', ['--nonsense'], {}, '', /^error: unknown option '--nonsense'/],
  ['a flag without its value', ['--workers'], {}, '', /^error: option '--workers <N>' argument missing/],
  ['a bad flag', ['--workers', '0'], {}, '', /^--workers must be a whole number from 1 to 256, not "0"\./],
  ['a bad variable', [], { COUNTERSIGN_API: 'x' }, '', /^COUNTERSIGN_API must be HOST:PORT, as .*, not "x"\./],
  ['a bad key', [], {}, 'wrokers: 2', /^countersign\.yaml has the unknown key "wrokers"\. Known are: .*workers/],
];
for (const [what, args, env, yaml, sentence] of WRONG_USAGE) {
  test(`${what} is wrong usage, and nothing is made`, async () => {
    const cwd = workshop.path('cwd');
    mkdirSync(cwd);
    if (yaml !== '') writeFileSync(join(cwd, 'countersign.yaml'), yaml);
    refused(await workshop.run(['up', ...args], { cwd, env }), 2, sentence);
    assert.deepEqual(readdirSync(cwd), yaml === '' ? [] : ['countersign.yaml']);
  });
}

/** A data directory as `init` leaves it. */
async function made(): Promise<string> {
  const data = workshop.path();
  assert.equal((await workshop.run(['init', '--data', data])).code, 0);
  return data;
}
