import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Explanation } from '../../src/core/mod.ts';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { startControlPlane, type TestControlPlane } from '../doubles/control-plane.ts';
import { type SpawnOptions, Workshop } from '../doubles/program.ts';

const workshop = new Workshop();
let plane: TestControlPlane;
/** Certificate and key files of four clients, and of something that is neither. */
const files: string[] = [];
let env: Record<string, string>;

before(async () => {
  plane = await startControlPlane('example.test');
  env = { COUNTERSIGN_API: plane.api, COUNTERSIGN_TOKEN: plane.token };
  const ca = await makeCa('CA');
  for (let i = 0; i < 4; i++) {
    const { certificate, privateKey } = await makeClient(ca, `client ${i}`);
    files.push(workshop.path('cert'), workshop.path('key'));
    writeFileSync(files.at(-2)!, certificate);
    writeFileSync(files.at(-1)!, privateKey);
  }
});
after(async () => {
  await plane.close();
  assert.deepEqual(plane.internalErrors, []);
});

/** Runs a command that succeeds. */
async function text(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await workshop.run(args, { env });
  assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  return stdout;
}

/** The same, with --json. */
async function json<T>(...args: string[]): Promise<T> {
  const stdout = await text(...args, '--json');
  assert.match(stdout, /^[^\n]+\n$/);
  return JSON.parse(stdout) as T;
}

/** Runs a command that fails, in one sentence. */
async function fails(
  args: readonly string[],
  code: number,
  sentence: RegExp,
  options: SpawnOptions = { env },
): Promise<void> {
  const { code: found, stdout, stderr } = await workshop.run(args, options);
  assert.match(stderr, sentence);
  assert.match(stderr, /^[^\n]+\n$/, 'one line');
  assert.deepEqual([found, stdout], [code, ''], args.join(' '));
}

/** Does the work for all items, two at a time: each is a process that loads the whole program. */
async function both<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += 2) await Promise.all(items.slice(i, i + 2).map(work));
}

test('origin set points a hostname at an origin', async () => {
  const said = await text('origin', 'set', 'WWW.example.test', '127.0.0.1', '--https-port', '8443');
  assert.equal(said, 'www.example.test is pulled from 127.0.0.1, https port 8443, http port 80.\n');
  const flags = ['--http-port', '81', '--sni', 'a.example', '--host-header', 'b.example'];
  const origin = {
    hostname: 'www.example.test',
    address: 'origin.example',
    https_port: 443,
    http_port: 81,
    sni: 'a.example',
    host_header: 'b.example',
  };
  assert.deepEqual(await json('origin', 'set', 'www.example.test', 'origin.example', ...flags), origin);
  assert.deepEqual(await json('origin', 'list'), [origin]);
  assert.match(
    await text('origin', 'list'),
    /^HOSTNAME +ADDRESS +HTTPS +HTTP +SNI +HOST\nwww\.example\.test +origin\.example +443 +81 /,
  );
});

interface Levels {
  readonly global: string;
  readonly zone_level: string;
  readonly hostnames: readonly { readonly hostname: string; readonly cert_id: string; readonly enabled: boolean }[];
}
interface Certificate {
  readonly id: string;
  readonly status: string;
  readonly level: string;
}

test('levels, certificates and explanations, from upload to deletion', async () => {
  const levels = await json<Levels>('level', 'show');
  assert.deepEqual(levels, { zone: 'example.test', global: 'off', zone_level: 'off', hostnames: [] });
  assert.equal((await json<Levels>('level', 'set', 'global', 'on')).global, 'on');
  assert.equal((await json<Levels>('level', 'set', 'zone', 'on', '--zone', 'example.test')).zone_level, 'on');

  const ofZone = await json<Certificate>('cert', 'upload', files[0]!, files[1]!);
  assert.equal(ofZone.status, 'active');
  const said = await text('cert', 'upload', files[2]!, files[3]!, '--level', 'hostname');
  const id = /^Uploaded as ([0-9a-f-]{36}): active\.\n$/.exec(said)![1]!;
  const listed = await json<Certificate[]>('cert', 'list');
  assert.deepEqual(
    listed.map((one) => [one.id, one.level]),
    [
      [id, 'hostname'],
      [ofZone.id, 'zone'],
    ],
  );
  assert.match(
    await text('cert', 'show', id, '--level', 'hostname'),
    /: active, expires .*, issued by CN=CA\n-----BEGIN/,
  );

  const set = await json<Levels>('level', 'set', 'hostname', 'www.example.test', '--cert', id);
  assert.deepEqual(
    set.hostnames.map(({ hostname, cert_id, enabled }) => [hostname, cert_id, enabled]),
    [['www.example.test', id, true]],
  );
  assert.match(await text('level', 'show'), /^LEVEL +STATE +CERTIFICATE\nhostname www\.example\.test +active +/);

  const url = 'https://www.example.test/path';
  const explained = await text('explain', url);
  assert.match(explained, /^https:\/\/www\.example\.test\/path\n {2}1\. .*\n {2}2\. .* {2}<- decides\n/);
  const explanation = await json<Explanation>('explain', url);
  assert.deepEqual([explanation.level, explanation.certificate_id], ['hostname', id]);
  assert.equal(explanation.reasons.filter(({ decided }) => decided).length, 1);

  await fails(['cert', 'delete', id, '--level', 'hostname'], 3, /in use by: www\.example\.test.*\(code 1433\)\.$/m);
  const off = await json<Levels>('level', 'set', 'hostname', 'www.example.test', '--cert', id, '--disable');
  assert.equal(off.hostnames[0]!.enabled, false);
  assert.deepEqual((await json<Levels>('level', 'void', 'hostname', 'www.example.test')).hostnames, []);
  assert.equal((await json<Certificate>('cert', 'delete', id, '--level', 'hostname')).status, 'deleted');
  assert.equal((await json<Certificate>('cert', 'show', id, '--level', 'hostname')).status, 'deleted');
  assert.match(await text('cert', 'delete', ofZone.id), new RegExp(`^${ofZone.id}: deleted\\.\\n$`));
});

test('cert rotate lets a new certificate take the place of an old one, hostnames included', async () => {
  const at = ['--level', 'hostname'];
  const { id: old } = await json<Certificate>('cert', 'upload', files[4]!, files[5]!, ...at);
  await json('level', 'set', 'hostname', 'on.example.test', '--cert', old);
  await json('level', 'set', 'hostname', 'off.example.test', '--cert', old, '--disable');
  const rotated = await json<{ id: string }>('cert', 'rotate', old, files[6]!, files[7]!, ...at);
  const hostnames = ['off.example.test', 'on.example.test'];
  assert.deepEqual(rotated, { id: rotated.id, replaced: old, hostnames });
  assert.notEqual(rotated.id, old);
  const { hostnames: found } = await json<Levels>('level', 'show');
  assert.deepEqual(
    found.map(({ hostname, cert_id, enabled }) => [hostname, cert_id, enabled]),
    [
      [hostnames[0], rotated.id, false],
      [hostnames[1], rotated.id, true],
    ],
  );
  assert.equal((await json<Certificate>('cert', 'show', old, ...at)).status, 'deleted');
  await fails(
    ['cert', 'rotate', old, files[4]!, files[5]!, ...at],
    3,
    /is deleted: only a certificate in use can be rotated/,
  );
  assert.equal((await json<Certificate[]>('cert', 'list')).length, 1, 'nothing was uploaded for it');
});

test('cert issue writes a pair that uploads, from a CA that it made or was named', async () => {
  const [first, second] = [workshop.path('issued'), workshop.path('issued')];
  const made = await json('cert', 'issue', 'team a', '--out', first);
  assert.deepEqual(made, {
    certificateFile: join(first, 'cert.pem'),
    keyFile: join(first, 'key.pem'),
    caCertificateFile: join(first, 'ca.pem'),
    caKeyFile: join(first, 'ca.key'),
  });
  for (const secret of ['key.pem', 'ca.key']) assert.equal(statSync(join(first, secret)).mode & 0o777, 0o600);
  const ca = ['--ca-cert', join(first, 'ca.pem'), '--ca-key', join(first, 'ca.key')];
  await text('cert', 'issue', 'team b', '--out', second, ...ca);
  assert.equal(existsSync(join(second, 'ca.key')), false);
  const { issuer } = await json<{ issuer: string }>(
    'cert',
    'upload',
    join(second, 'cert.pem'),
    join(second, 'key.pem'),
  );
  assert.equal(issuer, 'CN=team a CA');
  const before = readFileSync(join(first, 'key.pem'));
  await fails(
    ['cert', 'issue', 'x', '--out', first],
    3,
    /cert\.pem exists already: name another directory with --out\.$/m,
  );
  assert.deepEqual(readFileSync(join(first, 'key.pem')), before);
  const leaf = ['--ca-cert', join(first, 'cert.pem'), '--ca-key', join(first, 'key.pem')];
  const other = ['--ca-cert', join(first, 'ca.pem'), '--ca-key', join(second, 'key.pem')];
  for (const [args, sentence] of [
    [ca.slice(0, 2), /^--ca-cert and --ca-key go together/],
    [leaf, /is not the certificate of a CA\.$/m],
    [other, /does not belong to --ca-cert/],
  ] as const) {
    const out = workshop.path();
    await fails(['cert', 'issue', 'x', '--out', out, ...args], 2, sentence);
    assert.equal(existsSync(out), false);
  }
});

test('wrong usage is told in one sentence, with exit code 2', async () => {
  const cases = [
    [['level', 'set', 'zone', 'maybe'], /^The value must be on or off, not "maybe"\.$/m],
    [['level', 'set', 'moon', 'on'], /^The level must be global, zone or hostname, not "moon"\.$/m],
    [['level', 'set', 'hostname', 'www.example.test'], /^Name the certificate with --cert ID/],
    [['level', 'void', 'zone', 'x'], /^Only an association can be void/],
    [
      ['origin', 'set', 'www.example.test', 'x', '--https-port', '0'],
      /^--https-port must be a port from 1 to 65535, not "0"\.$/m,
    ],
    [['cert', 'list', '--api', 'nonsense'], /^--api must be a URL, as .*, not "nonsense"\.$/m],
    [['cert', 'upload', '/no/such/file', files[1]!], /^\/no\/such\/file cannot be read \(ENOENT\)\.$/m],
    [['cert', 'show', 'x', '--level', 'global'], /^--level must be zone or hostname, not "global"\.$/m],
    [['explain', 'www.example.test'], /^"www\.example\.test" is not a URL: write it as /],
    [['cert', 'show'], /^error: missing required argument 'id'/],
  ] as const;
  await both(cases, ([args, sentence]) => fails(args, 2, sentence));
});

test('what cannot be reached or done is told in one sentence, with exit code 3', async () => {
  const elsewhere = createServer((_, response) => response.end('<html>'));
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  try {
    for (const [args, sentence] of [
      [['explain', 'https://www.other.test/'], /^No zone holds www\.other\.test: make one first/],
      [['cert', 'show', '00000000-0000-4000-8000-000000000000'], /not found.*\(code 1552\)\.$/m],
      [['level', 'show', '--token', 'wrong'], /\(code 10000\)\. Check --token/],
      [
        ['level', 'show', '--api', 'http://127.0.0.1:1'],
        /^No control plane answers at http:\/\/127\.0\.0\.1:1\/client\/v4: start one/,
      ],
      [['level', 'show', '--api', url], /answered 200, but not as a control plane does: check --api\.$/m],
    ] as const) {
      await fails(args, 3, sentence);
    }
  } finally {
    elsewhere.close();
    elsewhere.closeAllConnections();
  }
  const empty = workshop.path('cwd');
  mkdirSync(empty);
  await fails(['level', 'show'], 3, /^No token: give --token, set COUNTERSIGN_TOKEN, or name the data directory/, {
    cwd: empty,
  });
});

test('flags beat variables, which beat the data directory that countersign.yaml names', async () => {
  const cwd = workshop.path('cwd');
  mkdirSync(join(cwd, 'here'), { recursive: true });
  writeFileSync(join(cwd, 'countersign.yaml'), 'data: here');
  writeFileSync(join(cwd, 'here/token'), `${plane.token}\n`);
  writeFileSync(join(cwd, 'here/api'), `${plane.api}\n`);
  const code = async (args: readonly string[], variables: Record<string, string>) =>
    (await workshop.run(['level', 'show', ...args], { cwd, env: variables })).code;
  assert.equal(await code([], {}), 0);
  assert.equal(await code([], { COUNTERSIGN_TOKEN: 'wrong' }), 3);
  assert.equal(await code(['--token', plane.token], { COUNTERSIGN_TOKEN: 'wrong' }), 0);
  assert.equal(await code([], { COUNTERSIGN_API: '127.0.0.1:1' }), 3);
  assert.equal(await code([], { COUNTERSIGN_API: new URL(plane.api).host }), 0, 'HOST:PORT, as up takes it');
  assert.equal(await code(['--api', new URL(plane.api).origin], { COUNTERSIGN_API: '127.0.0.1:1' }), 0);
});

const COMMANDS = [
  '',
  'up',
  'init',
  'origin',
  'origin set',
  'origin list',
  'level',
  'level show',
  'level set',
  'level void',
]
  .concat('cert', 'cert issue', 'cert upload', 'cert list', 'cert show', 'cert delete', 'cert rotate', 'explain')
  .map((command) => command.split(' ').filter((word) => word !== ''));

test('every command has --help, and those that say things have --json', async () => {
  await both(COMMANDS, async (command) => {
    const help = await text(...command, '--help');
    assert.match(help, new RegExp(`^Usage: countersign ${command.join(' ')}`));
    if (!help.includes('Commands:')) assert.match(help, /--json/, command.join(' '));
  });
});

test('an unknown command is wrong usage', async () => {
  const { code, stderr, stdout } = await workshop.run(['levle', 'show']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /^error: unknown command 'levle'\n\(Did you mean level\?\)\n$/);
});
