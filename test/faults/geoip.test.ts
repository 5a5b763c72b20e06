import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'node:test';
import { geoDatabase, ipv4Bits } from '../doubles/geo-database.ts';
import { FREE_PORTS, type UpInfo, Workshop } from '../doubles/program.ts';

const workshop = new Workshop();

function ask({ edge, demo }: UpInfo): Promise<number> {
  const [host, port] = edge.http.split(':');
  return new Promise((resolve, reject) => {
    request({ host, port, path: '/', agent: false, headers: { Host: demo!.hostnames[0]! } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!));
    })
      .on('error', reject)
      .end();
  });
}

test('rules ask where a visitor is with --geoip; started without it, a zone whose rules ask is closed', async () => {
  const directory = workshop.path();
  const { process: first, info } = await workshop.up(['--demo', '--workers', '1', '--data', directory, ...FREE_PORTS]);
  const put = async ({ api, tokenFile, demo }: UpInfo): Promise<Response> =>
    await fetch(`${api}/zones/${demo!.zone.id}/rulesets/phases/http_request_firewall_custom/entrypoint`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` },
      body: JSON.stringify({
        rules: [{ action: 'block', expression: 'ip.src.country eq "CH" and ip.src.asnum eq 64500' }],
      }),
    });
  const refused = await put(info);
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /ip\.src\.country.*geo database/);
  first.child.kill('SIGTERM');
  await first.finished;

  const [city, asn] = [workshop.path('city'), workshop.path('asn')];
  writeFileSync(city, geoDatabase([[ipv4Bits('127.0.0.0', 8), { country: { iso_code: 'CH' } }]]));
  writeFileSync(asn, geoDatabase([[ipv4Bits('127.0.0.0', 16), { autonomous_system_number: 64500 }]]));
  const again = ['--demo', '--workers', '1', '--data', directory, ...FREE_PORTS];
  const { process: second, info: placed } = await workshop.up([...again, '--geoip', `${city},${asn}`]);
  assert.equal((await put(placed)).status, 200);
  assert.equal(await ask(placed), 403);
  second.child.kill('SIGTERM');
  await second.finished;

  const { info: without } = await workshop.up(again);
  assert.equal(await ask(without), 503);
});

test('a file that is no geo database is named, and nothing starts', async () => {
  const file = workshop.path('text.mmdb');
  writeFileSync(file, 'no database');
  const { code, stderr } = await workshop.run(['up', '--data', workshop.path(), ...FREE_PORTS, '--geoip', file]);
  assert.notEqual(code, 0);
  assert.match(stderr, /--geoip: .*text\.mmdb-\d+ is not a database in MaxMind's format\./);
});
