import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import tls, { type TLSSocket } from 'node:tls';
import { makeCa, makeClient, makeServer } from '../doubles/certificates.ts';
import { eventually, isAlive, isGone } from '../doubles/process-list.ts';
import { FREE_PORTS, type Process, type UpInfo, Workshop } from '../doubles/program.ts';

const ZONE = 'faults.test';
const HOST = `www.${ZONE}`;
const workshop = new Workshop();
let origin: tls.Server;
const sockets = new Set<TLSSocket>();
/** Holds answers to `/slow` back. */
let release: () => void;
let arrived: () => void;
let ca: Awaited<ReturnType<typeof makeCa>>;

/** An origin that tells whom it saw: the subject of the client's certificate, or nobody. */
before(async () => {
  ca = await makeCa('Team CA');
  const { certificate, privateKey } = await makeServer(ca, HOST);
  const http = createServer((request, response) => {
    const subject = (request.socket as TLSSocket).getPeerX509Certificate()?.subject ?? 'nobody';
    if (request.url !== '/slow') {
      response.end(subject);
      return;
    }
    response.write('begun ');
    release = () => response.end(subject);
    arrived();
  });
  origin = tls.createServer(
    { cert: certificate, key: privateKey, ca: ca.certificate, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      sockets.add(socket);
      http.emit('connection', socket);
    },
  );
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', () => resolve()));
});
after(() => {
  origin.close();
  for (const socket of sockets) socket.destroy();
});

interface Installation {
  readonly process: Process;
  readonly info: UpInfo;
  readonly zoneId: string;
  readonly call: (method: string, path: string, body?: unknown) => Promise<{ id: string }>;
  readonly root: string;
}

/** A running installation whose hostname is pulled from the origin, with the zone level on. */
async function start(workers: number): Promise<Installation> {
  const { process, info } = await workshop.up(['--data', workshop.path(), '--workers', `${workers}`, ...FREE_PORTS]);
  const headers = { Authorization: `Bearer ${readFileSync(info.tokenFile, 'utf8').trim()}` };
  const call: Installation['call'] = async (method, path, body) => {
    const response = await fetch(info.api + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const envelope = (await response.json()) as { success: boolean; result: { id: string } };
    assert.ok(envelope.success, JSON.stringify(envelope));
    return envelope.result;
  };
  const { id } = await call('POST', '/zones', { name: ZONE });
  const { port } = origin.address() as AddressInfo;
  await call('PUT', `/zones/${id}/countersign/origins/${HOST}`, { address: '127.0.0.1', https_port: port });
  await call('PUT', `/zones/${id}/origin_tls_client_auth/settings`, { enabled: true });
  return { process, info, zoneId: id, call, root: readFileSync(info.rootCaFile, 'utf8') };
}

/** One request through the edge on a connection of its own. Rejects where there is no whole answer. */
function get({ info, root }: Installation, path = '/'): Promise<string> {
  const [host, port] = info.edge.https.split(':');
  return new Promise((resolve, reject) => {
    const options = { host, port, path, servername: HOST, ca: root, headers: { Host: HOST }, agent: false };
    https
      .get(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (data) => {
          text += data;
        });
        response.on('end', () => resolve(`${response.statusCode} ${text}`)).on('error', reject);
      })
      .on('error', reject);
  });
}

async function readiness({ info }: Installation): Promise<string> {
  const response = await fetch(`${new URL(info.api).origin}/readyz?verbose`);
  return `${response.status} ${await response.text()}`;
}

async function stop({ process, info }: Installation): Promise<void> {
  process.child.kill('SIGTERM');
  assert.equal((await process.finished).code, 0);
  for (const pid of info.workers) await isGone(pid);
}

test('a killed worker is missed by nobody and comes back', async () => {
  const running = await start(2);
  assert.equal(await get(running), '200 nobody');
  for (const [i, pid] of running.info.workers.entries()) {
    process.kill(pid, 'SIGKILL');
    await running.process.until(({ stderr }) => stderr.includes(`"worker":${pid},`));
    let served = 0;
    let state = await readiness(running);
    assert.match(state, /^200 workers: 1 of 2 listen/);
    while (!state.includes('2 of 2 listen')) {
      assert.match(state, /^200 .*\nready\n$/s);
      assert.equal(await get(running), '200 nobody');
      served++;
      state = await readiness(running);
    }
    assert.ok(served > 0, `nothing was asked for while worker ${i} was away`);
  }
  for (const pid of running.info.workers) assert.equal(isAlive(pid), false);
  await stop(running);
});

/** The values of a metric, by their labels. */
async function metric({ info }: Installation, name: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${new URL(info.api).origin}/metrics`)).text();
  const samples = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
  return Object.fromEntries([...samples].map(([, labels, value]) => [labels ?? '', Number(value)]));
}

test('what a killed worker has counted stays in the total, and what is asked for is as of now', async () => {
  const running = await start(2);
  const requests = () => metric(running, 'countersign_http_requests_total');
  const ok = 'method="GET",status="2xx",protocol="HTTP/1.1"';
  for (let i = 1; i <= 8; i++) {
    await get(running);
    assert.deepEqual(await requests(), { [ok]: i });
  }
  const [pid] = running.info.workers;
  process.kill(pid!, 'SIGKILL');
  await running.process.until(({ stderr }) => stderr.includes(`"worker":${pid},`));
  assert.deepEqual(await requests(), { [ok]: 8 });
  await eventually(async () => (await readiness(running)).includes('2 of 2 listen'), 'it did not come back');
  await get(running);
  assert.deepEqual(await requests(), { [ok]: 9 });
  assert.deepEqual(await metric(running, 'countersign_http_requests_in_flight'), { '': 0 });
  assert.deepEqual(await metric(running, 'countersign_fleet_nodes'), {
    'state="ready"': 2,
    'state="starting"': 0,
    'state="draining"': 0,
  });
  assert.deepEqual(await metric(running, 'countersign_fleet_ack_lag_seconds'), { '': 0 });
  const { 'node="control"': control, 'node="edge"': edge } = await metric(running, 'countersign_snapshot_version');
  assert.ok(control! > 0 && control === edge);
  const api = await metric(running, 'countersign_api_requests_total');
  assert.equal(api['route="/client/v4/zones",method="POST",code="200"'], 1, JSON.stringify(api));
  const handshakes = await metric(running, 'countersign_origin_handshakes_total');
  assert.deepEqual(Object.keys(handshakes), ['level="none",outcome="ok"']);
  await stop(running);
});

test('without a worker it says that it is not ready, until there is one again', async () => {
  const running = await start(1);
  const [pid] = running.info.workers;
  process.kill(pid!, 'SIGKILL');
  await running.process.until(({ stderr }) => stderr.includes(`"worker":${pid},`));
  assert.match(await readiness(running), /^503 workers: 0 of 1 listen.*\nnot ready\n$/s);
  await eventually(async () => (await readiness(running)).startsWith('200 '), 'it did not become ready again');
  assert.equal(await get(running), '200 nobody');
  await stop(running);
});

test('a change is in force in every worker when its answer arrives, also in one that has just come back', async () => {
  const running = await start(2);
  const { call, zoneId } = running;
  const path = `/zones/${zoneId}/origin_tls_client_auth`;
  const names: string[] = [];
  for (let i = 0; i < 6; i++) {
    const { certificate, privateKey } = await makeClient(ca, `client ${i}`);
    await call('POST', path, { certificate, private_key: privateKey });
    names.push(`CN=client ${i}`);
    // Enough that both workers are asked; the kernel chooses.
    const answers = await Promise.all(Array.from({ length: 16 }, () => get(running)));
    assert.deepEqual(new Set(answers), new Set([`200 ${names[i]}`]));
    await call('PUT', `${path}/settings`, { enabled: false });
    assert.deepEqual(
      new Set(await Promise.all(Array.from({ length: 16 }, () => get(running)))),
      new Set(['200 nobody']),
    );
    await call('PUT', `${path}/settings`, { enabled: true });
    if (i % 2 === 0) {
      // The next change meets a worker that is being started, beside one that serves.
      await eventually(async () => (await readiness(running)).includes('2 of 2'), 'a worker did not come back');
      const [pid] = await newest(running);
      process.kill(pid!, 'SIGKILL');
      await running.process.until(({ stderr }) => stderr.includes(`"worker":${pid},`));
    }
  }
  await stop(running);
});

/** The workers at the moment: children of the control plane. */
async function newest({ info }: Installation): Promise<number[]> {
  const text = await new Promise<string>((resolve) => {
    const ps: ChildProcess = spawn('ps', ['-o', 'pid=', '--ppid', `${info.pid}`]);
    let output = '';
    ps.stdout!.on('data', (data) => {
      output += data;
    });
    ps.on('close', () => resolve(output));
  });
  return text.trim().split(/\s+/).map(Number);
}

test('when the control plane is killed its workers finish what is under way and end', async () => {
  const running = await start(2);
  const begun = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const answer = get(running, '/slow');
  await begun;
  running.process.child.kill('SIGKILL');
  // The idle worker goes at once, the busy one when it is done.
  await eventually(() => running.info.workers.filter(isAlive).length <= 1, 'the idle worker is still there');
  assert.equal(running.info.workers.filter(isAlive).length, 1);
  release();
  assert.equal(await answer, '200 begun nobody');
  for (const pid of running.info.workers) await isGone(pid);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: what is under way finishes, nothing new is taken, and the exit code is 0`, async () => {
    const running = await start(2);
    const begun = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const answer = get(running, '/slow');
    await begun;
    running.process.child.kill(signal);
    await eventually(() => running.info.workers.filter(isAlive).length <= 1, 'the idle worker is still there');
    await assert.rejects(get(running), { code: 'ECONNREFUSED' });
    release();
    assert.equal(await answer, '200 begun nobody');
    assert.equal((await running.process.finished).code, 0);
    for (const pid of running.info.workers) await isGone(pid);
  });
}
