import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FREE_PORTS, type UpInfo, Workshop } from '../doubles/program.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const workshop = new Workshop();
let info: UpInfo;
let token: string;

before(async () => {
  ({ info } = await workshop.up(['--demo', '--workers', '3', '--data', workshop.path(), ...FREE_PORTS]));
  token = readFileSync(info.tokenFile, 'utf8').trim();
});

/** Replaces the rules of a phase of the demo's zone. */
async function put(phase: string, rules: readonly object[]): Promise<void> {
  const response = await fetch(`${info.api}/zones/${info.demo!.zone.id}/rulesets/phases/${phase}/entrypoint`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ rules }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Asks on a connection of its own, which any worker may get. */
function ask(path: string): Promise<number> {
  const [host, port] = info.edge.http.split(':');
  return new Promise((resolve, reject) => {
    request({ host, port, path, agent: false, headers: { Host: info.demo!.hostnames[0]! } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!));
    })
      .on('error', reject)
      .end();
  });
}

test('a rate limit is exact, whichever worker counts', async () => {
  await put('http_ratelimit', [
    {
      action: 'block',
      expression: 'http.request.uri.path eq "/limited"',
      ratelimit: {
        characteristics: ['cf.colo.id', 'ip.src'],
        period: 3600,
        requests_per_period: 20,
        mitigation_timeout: 3600,
      },
    },
  ]);
  const answers = await Promise.all([...Array(100)].map(() => ask('/limited')));
  assert.equal(answers.filter((status) => status === 429).length, 80);
  assert.notEqual(await ask('/'), 429);
});

test('events reach whoever follows them', async () => {
  await put('http_request_firewall_custom', [
    { action: 'block', expression: 'http.request.uri.path eq "/secret"', description: 'No secrets' },
  ]);
  const env = { COUNTERSIGN_API: info.api, COUNTERSIGN_TOKEN: token };
  const follower = workshop.spawn(
    MAIN,
    ['events', '--zone', info.demo!.zone.name, '--follow', '--json', '--action', 'block'],
    { env },
  );
  assert.equal(await ask('/secret?token=abc&x=1'), 403);
  const line = await follower.until(({ stdout }) => /^.*No secrets.*$/m.exec(stdout)?.[0]);
  const event = JSON.parse(line);
  assert.equal(event.ClientRequestPath, '/secret');
  assert.equal(event.ClientRequestQuery, '?token=REDACTED&x=1');
  assert.equal(event.EdgeResponseStatus, 403);
  follower.child.kill();
  await follower.finished;
});

test('explain says which rules match', async () => {
  const env = { COUNTERSIGN_API: info.api, COUNTERSIGN_TOKEN: token };
  const url = `https://${info.demo!.hostnames[0]}`;
  const blocked = await workshop.run(['explain', `${url}/secret`], { env });
  assert.match(blocked.stdout, /http_request_firewall_custom \(zone\): block by [0-9a-f]{32}, No secrets\n/);
  assert.match(blocked.stdout, /The edge answers 403 itself/);
  const passed = await workshop.run(['explain', url], { env });
  assert.match(passed.stdout, /No rule matches/);
});
