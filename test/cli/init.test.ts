import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Workshop } from '../doubles/program.ts';

const workshop = new Workshop();
const CHOSEN = {
  account: '0123456789abcdef0123456789abcdef',
  email: 'team@example.test',
  key: '144c9defac04969c7bfad8efaa8ea194',
  token: 'a-token_that-is-chosen',
  zone: 'fedcba9876543210fedcba9876543210',
};
const ARGS = ['--account-id', CHOSEN.account, '--email', CHOSEN.email, '--api-key', CHOSEN.key].concat(
  '--api-token',
  CHOSEN.token,
  '--zone',
  `a.test=${CHOSEN.zone}`,
  '--zone',
  'b.test',
);

interface Made {
  readonly accountId: string;
  readonly email: string;
  readonly apiKey?: string;
  readonly apiToken?: string;
  readonly zones: readonly { readonly id: string; readonly name: string }[];
}

async function init(...args: string[]): Promise<Made> {
  const { code, stdout, stderr } = await workshop.run(['init', '--json', ...args]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^[^\n]+\n$/, 'one line');
  return JSON.parse(stdout) as Made;
}

test('every id can be chosen, and a second time changes nothing', async () => {
  const data = workshop.path();
  const made = await init('--data', data, ...ARGS);
  const other = made.zones[1]!.id;
  assert.match(other, /^[0-9a-f]{32}$/);
  const paths = {
    dataDir: data,
    tokenFile: join(data, 'token'),
    rootCaFile: join(data, 'ca/root.pem'),
    originPullCaFile: join(data, 'ca/origin-pull.pem'),
  };
  assert.deepEqual(made, {
    ...paths,
    accountId: CHOSEN.account,
    email: CHOSEN.email,
    apiKey: CHOSEN.key,
    apiToken: CHOSEN.token,
    zones: [
      { id: CHOSEN.zone, name: 'a.test' },
      { id: other, name: 'b.test' },
    ],
  });
  assert.equal(readFileSync(paths.tokenFile, 'utf8'), `${CHOSEN.token}\n`);
  for (const secret of ['token', 'master.key']) assert.equal(statSync(join(data, secret)).mode & 0o777, 0o600);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  assert.deepEqual(await init('--data', data, ...ARGS), made);
  const { apiKey: _key, apiToken: _token, ...known } = made;
  assert.deepEqual(await init('--data', data), { ...known, zones: [] }, 'secrets are shown only when they are made');
});

test('what is not chosen is drawn, and the token is kept', async () => {
  const data = workshop.path();
  const { accountId, apiKey, apiToken, zones } = await init('--data', data);
  assert.match(accountId, /^[0-9a-f]{32}$/);
  assert.match(apiKey!, /^[0-9a-f]{40}$/);
  assert.match(apiToken!, /^[\w-]{40}$/);
  assert.deepEqual(zones, []);
  assert.equal(readFileSync(join(data, 'token'), 'utf8'), `${apiToken}\n`);
});

test("a second account's token does not take the place of the first one's", async () => {
  const data = workshop.path();
  const { apiToken } = await init('--data', data);
  const second = await init('--data', data, '--account-id', CHOSEN.account);
  assert.notEqual(second.apiToken, apiToken);
  assert.equal(readFileSync(join(data, 'token'), 'utf8'), `${apiToken}\n`);
});

const REFUSED: readonly [args: readonly string[], sentence: RegExp][] = [
  [['--account-id', 'ABC'], /^--account-id must be 32 lower-case hexadecimal digits, not "ABC"\.$/m],
  [['--zone', 'a.test=ABC'], /^The id in --zone a\.test must be 32 lower-case hexadecimal digits, not "ABC"\.$/m],
  [['--zone', 'not a name'], /^--zone must be a domain name, as example\.com, not "not a name"\.$/m],
  [['--email', 'nobody'], /^--email must be an e-mail address, not "nobody"\.$/m],
  [['--api-token', 'a b'], /^--api-token must be 1 to 512 printable ASCII characters without a space/m],
  [['--api-key', ''], /^--api-key must be 1 to 512 printable ASCII/m],
];
for (const [args, sentence] of REFUSED) {
  test(`${args.join(' ')} is refused by its flag, and nothing is made`, async () => {
    const data = workshop.path();
    const { code, stdout, stderr } = await workshop.run(['init', '--data', data, ...args]);
    assert.match(stderr, sentence);
    assert.match(stderr, /^[^\n]+\n$/);
    assert.deepEqual([code, stdout, existsSync(data)], [2, '', false]);
  });
}

test('what contradicts what is there is told', async () => {
  const data = workshop.path();
  await init('--data', data, ...ARGS);
  for (const [args, sentence] of [
    [['--zone', `a.test=${'0'.repeat(32)}`], /^The zone a\.test exists already, with another id or account\.$/m],
    [['--zone', `c.test=${CHOSEN.zone}`], /^The zone id f\w+ belongs to the zone a\.test already\.$/m],
    [['--account-id', 'a'.repeat(32), '--api-token', CHOSEN.token], /^This API token belongs to another account/m],
  ] as const) {
    const { code, stdout, stderr } = await workshop.run(['init', '--data', data, ...args]);
    assert.match(stderr, sentence);
    assert.deepEqual([code, stdout], [2, '']);
  }
  const { accountId } = await init('--data', data);
  assert.equal(accountId, CHOSEN.account, 'no account was made for it');
});

test('the data directory comes from the variable, else from countersign.yaml, else from where it stands', async () => {
  const cwd = workshop.path('cwd');
  mkdirSync(cwd);
  const run = async (env: Record<string, string>) => assert.equal((await workshop.run(['init'], { cwd, env })).code, 0);
  await run({});
  assert.ok(existsSync(join(cwd, '.countersign/token')));
  writeFileSync(join(cwd, 'countersign.yaml'), 'data: from-file');
  await run({});
  assert.ok(existsSync(join(cwd, 'from-file/token')));
  await run({ COUNTERSIGN_DATA: 'from-variable' });
  assert.ok(existsSync(join(cwd, 'from-variable/token')));
});
