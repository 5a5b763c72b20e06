import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { issueClientCa, issueClientCertificate } from '../../src/x509/mod.ts';
import { FREE_PORTS, Workshop } from '../doubles/program.ts';

const workshop = new Workshop();

test('status: what runs, by text, JSON and exit code', async () => {
  const data = workshop.path();
  const { process: up, info } = await workshop.up(['--data', data, '--workers', '2', ...FREE_PORTS]);
  const headers = { Authorization: `Bearer ${readFileSync(info.tokenFile, 'utf8').trim()}` };
  const post = async (path: string, body: object): Promise<string> => {
    const response = await fetch(info.api + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return ((await response.json()) as { result: { id: string } }).result.id;
  };
  const zone = await post('/zones', { name: 'status.test' });
  // Issued 345 days ago for 365 days.
  const options = { now: Date.now() - 345 * 86_400_000, randomBytes: randomBytes, installationId: 'i' };
  const { certificate, privateKey } = await issueClientCertificate(await issueClientCa('CA', options), 'old', options);
  const id = await post(`/zones/${zone}/origin_tls_client_auth`, { certificate, private_key: privateKey });

  const json = await workshop.run(['status', '--json', '--data', data]);
  assert.deepEqual([json.code, json.stderr], [0, '']);
  const status = JSON.parse(json.stdout);
  assert.equal(status.ready, true);
  assert.equal(status.parts.workers, '2 of 2 listen');
  assert.match(status.version, /^\d+\.\d+\.\d+/);
  assert.match(status.runtime, /^(bun|node) \d/);
  assert.deepEqual(status.listeners, { ...info.edge, api: new URL(info.api).host, api_tls: null });
  assert.deepEqual(
    status.workers.toSorted((a: { pid: number }, b: { pid: number }) => a.pid - b.pid),
    info.workers.toSorted((a, b) => a - b).map((pid) => ({ pid, state: 'ready', change: status.change })),
  );
  assert.equal(status.certificates_ending.length, 1);
  const [ending] = status.certificates_ending;
  assert.deepEqual([ending.id, ending.level, ending.zone], [id, 'zone', 'status.test']);

  const text = await workshop.run(['status', '--data', data]);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^ready {2}countersign \d.*\n {2}workers {3}2 of 2 listen\n/);
  assert.ok(text.stdout.includes(id));
  const quiet = await workshop.run(['status', '--quiet', '--data', data]);
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', '']);

  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
  const gone = await workshop.run(['status', '--api', info.api, '--data', data]);
  assert.equal(gone.code, 3);
  assert.match(gone.stderr, /^No control plane answers at /);
});

test('status: exit code 1 where the installation is not ready', async () => {
  const result = {
    ready: false,
    parts: { workers: '0 of 1 listen' },
    version: '1.0.0',
    runtime: 'test',
    uptime_seconds: 1,
    change: 1,
    listeners: { https: null },
    workers: [],
    origin_proofs: { enforced: 0, not_enforced: 0, unknown: 0 },
    certificates_ending: [],
  };
  const server = createServer((request, response) => {
    response.end(
      JSON.stringify({ success: true, result: request.url!.endsWith('/accounts') ? [{ id: 'a' }] : result }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code, stdout } = await workshop.run(['status', '--api', api, '--token', 't']);
  server.close();
  assert.equal(code, 1);
  assert.match(stdout, /^not ready .*\n {2}workers {3}0 of 1 listen\n/);
});
