import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import https from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import tls, { type TLSSocket } from 'node:tls';
import { openListeningSocket } from '../../src/platform/mod.ts';
import { eventually, isAlive, isGone } from '../doubles/process-list.ts';
import { FREE_PORTS, type UpInfo, Workshop } from '../doubles/program.ts';
import { eachRequest, response, scriptedOrigin } from '../doubles/wire.ts';

const workshop = new Workshop();
/** A long run by hand: COUNTERSIGN_TEST_RELOADS=100. */
const RELOADS = Number(process.env.COUNTERSIGN_TEST_RELOADS ?? 10);

interface Load {
  /** Requests answered so far. */
  count: number;
  readonly failures: Failure[];
  /** Resolves when the last request is over. */
  stop(): Promise<void>;
}

/** How far a request has come: what a failure is explained by. */
interface Progress {
  phase: 'connecting' | 'shaking hands' | 'sent' | 'being answered';
  socket: TLSSocket | null;
}

interface Failure {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly text: string;
}

type Ask = (progress: Progress) => Promise<void>;

/** Follows a connection that is being made. */
function follow(progress: Progress, socket: TLSSocket): void {
  progress.socket = socket;
  if (!socket.connecting) return;
  socket.once('connect', () => {
    progress.phase = 'shaking hands';
  });
  socket.once('secureConnect', () => {
    progress.phase = 'sent';
  });
}

function explain(name: string, count: number, startedAt: number, error: Error, progress: Progress): Failure {
  const at = Date.now();
  const { code } = error as NodeJS.ErrnoException;
  const { socket, phase } = progress;
  const where = socket === null ? 'without a socket' : `port ${socket.localPort}, ${socket.bytesRead} bytes received`;
  const text = `${name} ${count}: ${code} ${error.message}; ${phase} after ${at - startedAt} ms, ${where}`;
  return { at, text };
}

/** What the program said about the time of a failure: which workers came and went. */
function saidAround(stderr: string, { at, text }: Failure): string {
  const lines = stderr.split('\n').filter((line) => {
    const time = Date.parse(/"time":"([^"]+)"/.exec(line)?.[1] ?? '');
    return time > at - 7_000 && time < at + 1_000;
  });
  return `${new Date(at).toISOString()} ${text}\n${lines.join('\n')}`;
}

/** Asks again and again, one request after the other, until stopped. `ask` rejects where there is no good answer. */
function load(name: string, ask: Ask): Load {
  let isOver = false;
  const made: Load = {
    count: 0,
    failures: [],
    stop: async () => {
      isOver = true;
      await running;
    },
  };
  const running = (async () => {
    while (!isOver) {
      const progress: Progress = { phase: 'connecting', socket: null };
      const startedAt = Date.now();
      try {
        await ask(progress);
        made.count++;
      } catch (error) {
        made.failures.push(explain(name, made.count, startedAt, error as Error, progress));
      }
    }
  })();
  return made;
}

interface Place {
  readonly info: UpInfo;
  readonly hostname: string;
  readonly ca: string;
}

/** GET on one HTTP/1.1 connection, until the edge says that it closes it: then the next takes a new one. */
function keptGetter({ info, hostname, ca }: Place): { ask: Ask; close: () => void } {
  const [host, port] = info.edge.https.split(':');
  let socket: TLSSocket | null = null;
  const ask: Ask = (progress) =>
    new Promise<void>((resolve, reject) => {
      if (socket !== null) progress.phase = 'sent';
      socket ??= tls.connect({ host: host!, port: Number(port), servername: hostname, ca });
      const used = socket;
      follow(progress, used);
      let text = '';
      const done = (error?: Error) => {
        for (const event of ['data', 'error', 'close']) used.removeAllListeners(event);
        used.on('error', () => undefined);
        if (error !== undefined || /^connection: close\r$/im.test(text)) {
          used.destroy();
          socket = null;
        }
        if (error === undefined) resolve();
        else reject(error);
      };
      used.on('error', done);
      used.on('close', () => done(new Error(`closed after ${JSON.stringify(text)}`)));
      used.on('data', (data) => {
        progress.phase = 'being answered';
        text += data;
        const length = Number(/^content-length: (\d+)\r$/im.exec(text)?.[1] ?? Number.NaN);
        const head = text.indexOf('\r\n\r\n');
        if (head < 0 || !(text.length >= head + 4 + length)) return;
        done(text.startsWith('HTTP/1.1 200 ') ? undefined : new Error(text));
      });
      used.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    });
  return { ask, close: () => socket?.destroy() };
}

/** GET over HTTP/1.1 on a connection of its own. */
function get({ info, hostname, ca }: Place, progress: Progress = { phase: 'connecting', socket: null }): Promise<void> {
  const [host, port] = info.edge.https.split(':');
  return new Promise((resolve, reject) => {
    const options = { host, port, servername: hostname, ca, headers: { Host: hostname }, agent: false };
    https
      .get(options, (response) => {
        progress.phase = 'being answered';
        response.resume().on('error', reject);
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`answered ${response.statusCode}`)),
        );
      })
      .on('socket', (socket) => follow(progress, socket as TLSSocket))
      .on('error', reject);
  });
}

/** GET over HTTP/2, on one connection until the edge says that it goes away. */
function http2Getter({ info, hostname, ca }: Place): { ask: Ask; close: () => void } {
  const open = () => {
    const session = connect(`https://${info.edge.https}`, { servername: hostname, ca });
    session.on('error', () => undefined);
    session.on('goaway', () => {
      isGoing = true;
    });
    return session;
  };
  let isGoing = false;
  let session = open();
  const once = (progress: Progress) =>
    new Promise<void>((resolve, reject) => {
      if (isGoing || session.closed || session.destroyed) {
        session.close();
        session = open();
        isGoing = false;
      }
      if (session.connecting) session.once('connect', (_, socket) => follow(progress, socket as TLSSocket));
      else progress.phase = 'sent';
      const stream = session.request({ ':path': '/', ':authority': hostname });
      let status = 0;
      stream.on('response', (fields) => {
        progress.phase = 'being answered';
        status = Number(fields[':status']);
      });
      stream.on('error', reject);
      stream.on('close', () => (status === 200 ? resolve() : reject(new Error(`answered ${status}`))));
      stream.resume();
    });
  const ask: Ask = (progress) =>
    once(progress).catch((error: Error) => {
      // A request that met the edge's GOAWAY before it was sent: the client's own library gives it back (RFC 9113 section 8.7).
      if (!error.message.includes('REFUSED_STREAM')) throw error;
      isGoing = true;
      return once(progress);
    });
  return { ask, close: () => session.destroy() };
}

test(`${RELOADS} reloads under load: every request is answered, on new and on kept connections`, async () => {
  const data = workshop.path();
  const { process: up, info } = await workshop.up(['--data', data, '--workers', '2', '--demo', ...FREE_PORTS]);
  const place = { info, hostname: info.demo!.hostnames[0]!, ca: readFileSync(info.rootCaFile, 'utf8') };
  const kept = keptGetter(place);
  const http2 = http2Getter(place);
  const loads = [
    load('new', (progress) => get(place, progress)),
    load('new', (progress) => get(place, progress)),
    load('kept', kept.ask),
    load('http2', http2.ask),
  ];
  const seen = new Set(info.workers);
  try {
    for (let reload = 1; reload <= RELOADS; reload++) {
      const before = loads.map(({ count }) => count);
      up.child.kill('SIGHUP');
      const done = await up.until(({ stderr }) => [...stderr.matchAll(/^.*"reloaded".*$/gm)][reload - 1]?.[0]);
      for (const pid of (JSON.parse(done) as { workers: number[] }).workers) {
        assert.equal(seen.has(pid), false, `${pid} was there before`);
        seen.add(pid);
      }
      await eventually(() => loads.every(({ count }, i) => count > before[i]!), 'a load stands still');
    }
  } finally {
    await Promise.all(loads.map((one) => one.stop()));
    kept.close();
    http2.close();
  }
  const failures = loads.flatMap((one) => one.failures);
  const counts = loads.map(({ count }) => count);
  const explained = failures.map((failure) => saidAround(up.stderr, failure));
  assert.equal(failures.length, 0, `of ${counts} requests:\n${explained.join('\n\n')}`);
  if (RELOADS > 10) console.log(`${RELOADS} reloads, ${counts} requests (new, new, kept, HTTP/2), 0 failed`);
  const metrics = await (await fetch(`${new URL(info.api).origin}/metrics`)).text();
  const counted = [...metrics.matchAll(/^countersign_http_requests_total\{.*status="2xx".*\} (\d+)$/gm)];
  const total = counts.reduce((sum, count) => sum + count, 0);
  assert.equal(
    counted.reduce((sum, [, count]) => sum + Number(count), 0),
    total,
    'the totals outlived the workers',
  );
  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
  for (const pid of seen) await isGone(pid);
});

test('SIGHUP that meets a reload under way leads to one more, and a stop ends them all; systemd is told', async () => {
  const args = ['--data', workshop.path(), '--workers', '1', ...FREE_PORTS];
  // In the place of systemd's tool: it writes down what it is told.
  const tools = workshop.path('tools');
  mkdirSync(tools);
  const told = join(tools, 'told');
  writeFileSync(join(tools, 'systemd-notify'), `#!/bin/sh\necho "$1" >> ${told}\n`, { mode: 0o755 });
  const env = { NOTIFY_SOCKET: '/there/is/none', PATH: `${tools}:${process.env.PATH}` };
  const { process: up, info } = await workshop.up(args, { env });
  up.child.kill('SIGHUP');
  await up.until(({ stderr }) => stderr.includes('"reloading'));
  up.child.kill('SIGHUP');
  await up.until(({ stderr }) => stderr.match(/"reloaded"/g)?.length === 2);
  await isGone(info.workers[0]!);
  up.child.kill('SIGHUP');
  await up.until(({ stderr }) => stderr.match(/"reloading/g)?.length === 3);
  up.child.kill('SIGTERM');
  const { code, stderr } = await up.finished;
  assert.equal(code, 0, stderr);
  const workers = [...stderr.matchAll(/"part":"edge","pid":(\d+)/g)].map(([, pid]) => Number(pid));
  assert.deepEqual(workers.filter(isAlive), []);
  assert.match(stderr, /"limitMs":30000,"msg":"draining"/);
  assert.match(stderr, /"cutOff":0,"msg":"drained"/);
  const states = () => new Set(readFileSync(told, 'utf8').trim().split('\n'));
  await eventually(() => states().size === 3, 'systemd was not told everything');
  assert.deepEqual([...states()].sort(), ['READY=1', 'RELOADING=1', 'STOPPING=1']);
});

/** One request with a session; resolves with whether it was resumed and the next session. */
function resume({ info, hostname, ca }: Place, version: tls.SecureVersion, offered?: Buffer) {
  const [host, port] = info.edge.https.split(':');
  const versions = { minVersion: version, maxVersion: version };
  return new Promise<{ readonly isReused: boolean; readonly session: Buffer | undefined }>((resolve, reject) => {
    const session = offered === undefined ? {} : { session: offered };
    const socket = tls.connect({ host: host!, port: Number(port), servername: hostname, ca, ...versions, ...session });
    let made: Buffer | undefined;
    let isReused = false;
    socket.on('session', (one: Buffer) => {
      made = one;
    });
    socket.on('secureConnect', () => {
      isReused = socket.isSessionReused();
      if (version === 'TLSv1.2') made = socket.getSession();
      socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
    });
    socket.on('data', () => undefined);
    socket.on('error', reject);
    socket.on('close', () => resolve({ isReused, session: made }));
  });
}

// Bun takes no ticket keys (docs/visitor-certificates.md).
test('a TLS session resumes at every worker, and after a reload', {
  skip: process.versions.bun !== undefined && 'Bun takes no ticket keys',
}, async () => {
  const args = ['--data', workshop.path(), '--workers', '3', '--demo', ...FREE_PORTS];
  const { process: up, info } = await workshop.up(args);
  const place = { info, hostname: info.demo!.hostnames[0]!, ca: readFileSync(info.rootCaFile, 'utf8') };
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { session } = await resume(place, version);
    const reused = await Promise.all(Array.from({ length: 20 }, () => resume(place, version, session)));
    assert.deepEqual(
      reused.map(({ isReused }) => isReused),
      reused.map(() => true),
      version,
    );
    const before = up.stderr.match(/"reloaded"/g)?.length ?? 0;
    up.child.kill('SIGHUP');
    await up.until(({ stderr }) => (stderr.match(/"reloaded"/g)?.length ?? 0) > before);
    assert.equal((await resume(place, version, session)).isReused, true, `${version} after a reload`);
  }
  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
});

test('the load spreads over workers that share one queue', async () => {
  const args = ['--data', workshop.path(), '--workers', '2', '--demo', '--access-log', 'access.log', ...FREE_PORTS];
  const { process: up, info } = await workshop.up(args);
  const place = { info, hostname: info.demo!.hostnames[0]!, ca: readFileSync(info.rootCaFile, 'utf8') };
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 8 }, () => get(place)));
  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
  // A ray id begins with what is random to its worker.
  const lines = readFileSync(`${workshop.directory}/access.log`, 'utf8').trim().split('\n');
  const byWorker = new Map<string, number>();
  for (const line of lines) {
    const worker = (JSON.parse(line) as { RayID: string }).RayID.slice(0, 4);
    byWorker.set(worker, (byWorker.get(worker) ?? 0) + 1);
  }
  assert.equal(lines.length >= 160, true);
  for (const count of byWorker.values()) assert.ok(count >= 16, `unfair: ${[...byWorker.values()]}`);
});

/** A zone whose one hostname is pulled in the clear from a port of loopback; the demo's own origin ends with the program. */
async function setUp({ api, tokenFile }: UpInfo, hostname: string, port: number): Promise<void> {
  const headers = { Authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };
  const call = async (method: string, path: string, body: object) => {
    const response = await fetch(api + path, { method, headers, body: JSON.stringify(body) });
    assert.equal(response.status, 200, path);
    return ((await response.json()) as { result: { id: string } }).result;
  };
  const { id } = await call('POST', '/zones', { name: hostname });
  await call('PATCH', `/zones/${id}/settings/ssl`, { value: 'flexible' });
  const origin = { address: '127.0.0.1', https_port: port, http_port: port };
  await call('PUT', `/zones/${id}/countersign/origins/${hostname}`, origin);
}

test('a restart of the whole program refuses nobody where another one holds its sockets', async () => {
  const origin = await scriptedOrigin((socket) => eachRequest(socket, () => socket.write(response('here'))));
  const [forHttps, forHttp] = [await openListeningSocket('127.0.0.1', 0), await openListeningSocket('127.0.0.1', 0)];
  const edge = ['--edge-https', `127.0.0.1:${forHttps!.port}`, '--edge-http', `127.0.0.1:${forHttp!.port}`];
  const args = ['--data', workshop.path(), '--workers', '2', '--api', '127.0.0.1:0', ...edge];
  const options = {
    env: { LISTEN_FDS: '2', LISTEN_FDNAMES: 'https:http' },
    descriptors: [forHttps!.fd, forHttp!.fd],
  };
  const { process: first, info } = await workshop.up(args, options);
  const hostname = 'restart.test';
  await setUp(info, hostname, origin.port);
  const place = { info, hostname, ca: readFileSync(info.rootCaFile, 'utf8') };
  let running = first;
  const kept = keptGetter(place);
  const loads = [load('new', (progress) => get(place, progress)), load('kept', kept.ask)];
  try {
    for (let restart = 1; restart <= 2; restart++) {
      const before = loads.map(({ count }) => count);
      await eventually(() => loads.every(({ count }, i) => count > before[i]!), 'a load stands still');
      running.child.kill('SIGTERM');
      const { code, stderr } = await running.finished;
      assert.equal(code, 0, stderr);
      running = (await workshop.up(args, options)).process;
    }
  } finally {
    await Promise.all(loads.map((one) => one.stop()));
    kept.close();
  }
  const failures = loads.flatMap((one) => one.failures.map(({ text }) => text));
  assert.deepEqual(failures, [], `of ${loads.map(({ count }) => count)}`);
  running.child.kill('SIGTERM');
  assert.equal((await running.finished).code, 0);
  for (const held of [forHttps!, forHttp!, origin]) held.close();
});

test('a new worker that cannot start changes nothing: the old ones serve on', async () => {
  const log = workshop.path('access');
  const args = ['--data', workshop.path(), '--workers', '1', '--demo', '--access-log', log, ...FREE_PORTS];
  const { process: up, info } = await workshop.up(args);
  const place = { info, hostname: info.demo!.hostnames[0]!, ca: readFileSync(info.rootCaFile, 'utf8') };
  rmSync(log);
  mkdirSync(log);
  up.child.kill('SIGHUP');
  await up.until(({ stderr }) => stderr.includes('a new worker did not become ready'));
  await get(place);
  const [pid] = info.workers;
  assert.equal(isAlive(pid!), true);
  // The next one may have more luck, and then rotates the log.
  rmSync(log, { recursive: true });
  up.child.kill('SIGHUP');
  await up.until(({ stderr }) => stderr.includes('"reloaded"'));
  await get(place);
  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
  assert.equal(readFileSync(log, 'utf8').match(/"EdgeResponseStatus":200/g)?.length, 1);
});
