import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import type { Delta, Snapshot } from '../core/mod.ts';
import { Subscriber } from './mod.ts';

const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
after(() => rmSync(directory, { recursive: true }));

/** A data plane that only counts. */
class Target {
  readonly counters = { report: () => ({ added: [], gauges: [] }) };
  readonly takeEvents = () => ({ events: [], dropped: 0 });
  readonly takeOriginProofs = () => [];
  readonly heardOriginProofs = () => undefined;
  number: number;
  secrets: string[] = [];

  constructor(number: number) {
    this.number = number;
  }

  load(snapshot: Snapshot): void {
    this.number = snapshot.number;
  }

  apply(delta: Delta): void {
    this.number = delta.to;
  }

  useTicketSecrets(secrets: readonly Uint8Array[]): void {
    this.secrets = secrets.map((secret) => Buffer.from(secret).toString());
  }
}

let sockets = 0;
let path: string;
let server: Server;
let connected: Promise<Socket>;
let subscriber: Subscriber;

beforeEach(async () => {
  path = join(directory, `${++sockets}.sock`);
  server = net.createServer();
  connected = new Promise((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
});
afterEach(() => {
  subscriber.stop();
  server.close();
});

/** The next line that the subscriber says. */
const line = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once('data', (data) => resolve(JSON.parse(String(data).split('\n')[0]!))));

test('a target with a state of its own has started only when it has what was changed meanwhile', async () => {
  const target = new Target(5);
  subscriber = new Subscriber(target, null, path, 1);
  const order: string[] = [];
  const started = subscriber.start().then(() => order.push(`started at ${target.number}`));
  const socket = await connected;
  assert.deepEqual(await line(socket), { type: 'subscribe', last: 5, pid: 1 });
  order.push('asked');
  socket.write(`${JSON.stringify({ type: 'delta', delta: { from: 5, to: 7, upserts: [], deletes: [] } })}\n`);
  await started;
  assert.deepEqual(order, ['asked', 'started at 7']);
});

test('a target with a state of its own starts where no control plane answers', async () => {
  await new Promise((resolve) => server.close(resolve));
  const target = new Target(5);
  subscriber = new Subscriber(target, null, path, 1);
  await subscriber.start();
  assert.equal(target.number, 5);
});

test('a target without a state starts with the one that it is sent', async () => {
  const target = new Target(0);
  subscriber = new Subscriber(target, null, path, 1);
  const started = subscriber.start();
  const socket = await connected;
  assert.deepEqual(await line(socket), { type: 'subscribe', last: 0, pid: 1 });
  socket.write(`${JSON.stringify({ type: 'snapshot', number: 3, entries: [], more: false })}\n`);
  await started;
  assert.equal(target.number, 3);
});

test('the secrets of ticket keys are there before the first state, and whenever new ones come', async () => {
  const target = new Target(0);
  subscriber = new Subscriber(target, null, path, 1);
  const started = subscriber.start();
  const socket = await connected;
  const say = (...secrets: string[]) => {
    const encoded = secrets.map((secret) => Buffer.from(secret).toString('base64'));
    socket.write(`${JSON.stringify({ type: 'ticket_secrets', secrets: encoded })}\n`);
  };
  say('one');
  socket.write(`${JSON.stringify({ type: 'snapshot', number: 3, entries: [], more: false })}\n`);
  await started;
  assert.deepEqual(target.secrets, ['one']);
  say('two', 'one');
  socket.write(`${JSON.stringify({ type: 'count', request: 7 })}\n`);
  await new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      if (String(data).includes('"request":7')) resolve();
    });
  });
  assert.deepEqual(target.secrets, ['two', 'one']);
});
