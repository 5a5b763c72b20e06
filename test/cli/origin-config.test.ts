import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { issueClientCa, issueOriginPullCa } from '../../src/x509/mod.ts';
import { makeCa, makeClient } from '../doubles/certificates.ts';
import { FREE_PORTS, Workshop } from '../doubles/program.ts';

const workshop = new Workshop();
/** Trust files, by what is in them. */
const files: Record<string, string> = {};

before(async () => {
  const ca = await makeCa('Team CA');
  const next = await makeCa('Team CA 2');
  const client = await makeClient(ca, 'the edge');
  const shared = await issueOriginPullCa({
    now: Date.now(),
    randomBytes,
    installationId: '0123456789abcdef0123456789abcdef',
  });
  const old = await issueClientCa('Old CA', {
    now: Date.now() - 30 * 365 * 86_400_000,
    randomBytes,
    installationId: '00000000000000000000000000000000',
  });
  const texts: Record<string, string> = {
    ca: ca.certificate,
    two: `of the team:\n${ca.certificate}and the next one:\n${next.certificate}`,
    rotated: old.certificate + ca.certificate,
    old: old.certificate,
    shared: shared.certificate,
    leaf: client.certificate,
    key: ca.certificate + ca.privateKey,
    half: ca.certificate.slice(0, 200),
    empty: '',
    prose: 'no certificate at all\n',
    other: ca.certificate.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
  };
  for (const [name, text] of Object.entries(texts)) {
    files[name] = workshop.path('trust');
    writeFileSync(files[name], text);
  }
});

const config = (...args: string[]) =>
  workshop.run(['origin', 'config', ...args], { env: { COUNTERSIGN_API: 'http://127.0.0.1:1' } });

test('a configuration goes to stdout, and what else is to be known to stderr', async () => {
  const { code, stdout, stderr } = await config('nginx', '--hostname', 'WWW.Example.test.', '--trust', files.ca!);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /server_name www\.example\.test;/);
  assert.match(stdout, /ssl_verify_client optional;/);
  assert.ok(stdout.includes(`ssl_client_certificate ${files.ca};`));
});

test('several files stand under their names; --json has them apart', async () => {
  const { stdout } = await config('traefik', '--hostname', 'a.test', '--trust', files.ca!);
  assert.match(stdout, /^==> traefik\.yml <==\n[\s\S]*\n==> origin-pull\.yml <==\n/);
  const args = ['traefik', '--hostname', 'a.test', '--trust', files.ca!, '--stage', 'enforce', '--json'];
  const result = JSON.parse((await config(...args)).stdout);
  assert.deepEqual(
    result.files.map(({ name }: { name: string }) => name),
    ['traefik.yml', 'origin-pull.yml'],
  );
  assert.deepEqual(
    result.warnings.map(({ cve }: { cve: string }) => cve),
    ['CVE-2026-32305', 'CVE-2026-53622'],
  );
  for (const warning of result.warnings) assert.deepEqual(Object.keys(warning), ['cve', 'versions', 'text']);
  assert.equal(result.description.stage, 'enforce');
});

test('a trust file that is not here is only mentioned: it may be the origin that has it', async () => {
  const { code, stderr } = await config('caddy', '--hostname', 'a.test', '--trust', '/etc/caddy/not-here.pem');
  assert.equal(code, 0);
  assert.match(stderr, /not-here\.pem was not checked/);
});

test('several CAs are trusted during a rotation; one that has expired is mentioned', async () => {
  assert.equal((await config('nginx', '--hostname', 'a.test', '--trust', files.two!)).code, 0);
  const { code, stderr } = await config('nginx', '--hostname', 'a.test', '--trust', files.rotated!);
  assert.equal(code, 0);
  assert.match(stderr, /CN=Old CA expired on \d{4}-\d\d-\d\d\./);
});

test('the shared CA is not what a zone or a hostname should trust', async () => {
  const args = ['nginx', '--hostname', 'a.test', '--trust', files.shared!];
  assert.match(
    (await config(...args, '--level', 'zone')).stderr,
    /shared by all accounts .* should trust your own CA only/,
  );
  assert.equal((await config(...args, '--level', 'global')).stderr, '');
});

for (const [name, sentence] of [
  ['old', /CN=Old CA expired on/],
  ['leaf', /certificate 1 \(CN=the edge\) is not a CA/],
  ['key', /holds a private key/],
  ['half', /certificate 1 cannot be read/],
  ['empty', /holds no certificate/],
  ['prose', /holds no certificate/],
  ['other', /something else than certificates/],
] as const) {
  test(`a trust file is refused: ${name}`, async () => {
    const { code, stdout, stderr } = await config('nginx', '--hostname', 'a.test', '--trust', files[name]!);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, sentence);
    assert.match(stderr, /^[^\n]+\n$/, 'one line');
  });
}

for (const [what, args, code, sentence] of [
  ['no hostname', ['nginx'], 2, /--hostname/],
  ['no hostname that is one', ['nginx', '--hostname', 'a b'], 2, /not a hostname/],
  ['a server that nobody knows', ['iplanet', '--hostname', 'a.test'], 2, /nginx, apache/],
  ['a name that every object has', ['constructor', '--hostname', 'a.test'], 2, /nginx, apache/],
  ["no CA of one's own", ['nginx', '--hostname', 'a.test', '--level', 'hostname'], 2, /--trust FILE .*cert issue/],
  [
    'no control plane',
    ['nginx', '--hostname', 'a.test', '--level', 'global'],
    3,
    /No shared CA at http:\/\/127\.0\.0\.1:1\//,
  ],
  ['another level', ['nginx', '--hostname', 'a.test', '--level', 'planet'], 2, /--level must be/],
  ['another stage', ['nginx', '--hostname', 'a.test', '--stage', 'on'], 2, /--stage must be/],
  [
    'a path with a directive in it',
    ['nginx', '--hostname', 'a.test', '--trust', '/x; return 200'],
    2,
    /--trust must be a path/,
  ],
  [
    'a backend with a directive in it',
    ['nginx', '--hostname', 'a.test', '--trust', '/x', '--backend', 'a;b:80'],
    2,
    /--backend/,
  ],
  ['files where there are none', ['haproxy', '--hostname', 'a.test', '--trust', '/x', '--root', '/w'], 2, /no --root/],
  ['an address that is none', ['nginx', '--hostname', 'a.test', '--trust', '/x', '--listen', '*'], 2, /--listen/],
  ['a port that is none', ['nginx', '--hostname', 'a.test', '--trust', '/x', '--https-port', '0'], 2, /--https-port/],
] as const) {
  test(`refused: ${what}`, async () => {
    const result = await config(...args);
    assert.match(result.stderr, sentence);
    assert.deepEqual([result.code, result.stdout], [code, '']);
  });
}

test('at level global the shared CA of the installation is looked at, and how to save it is said', async () => {
  const { info } = await workshop.up(['--data', workshop.path(), ...FREE_PORTS, '--workers', '1']);
  const args = ['nginx', '--hostname', 'a.test', '--level', 'global', '--api', info.api];
  const { code, stdout, stderr } = await config(...args);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /curl -fsS -o \/etc\/nginx\/origin-pull-ca\.pem http:\/\/\S+\/ssl\/static\/authenticated_origin_pull_ca\.pem/,
  );
  assert.match(stdout, /Level global: the CA is shared by all accounts/);
});
