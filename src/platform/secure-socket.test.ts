import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import {
  closeAll,
  connectNode,
  connectOurs,
  type Issued,
  issue,
  type Peer,
  serveNode,
  serveOurs,
  turns,
} from '../../test/doubles/secure-peers.ts';
import { currentRuntime } from './runtime.ts';
import { hear, writeJoined } from './secure-socket.ts';

let issued: Issued;

before(async () => {
  issued = await issue();
});
after(closeAll);

type End = 'ours' | 'node:tls';

/** A connection by the handshake of these two: its server's end, and its client's. */
async function connection(server: End, client: End): Promise<readonly [server: Peer, client: Peer]> {
  const { port, next } =
    server === 'ours' ? await serveOurs(tls.createSecureContext(issued.server)) : await serveNode(issued.server);
  const visitor =
    client === 'ours'
      ? connectOurs(port, { context: tls.createSecureContext({ ca: issued.ca }) })
      : connectNode(port, { ca: issued.ca });
  const served = await next();
  if (server === 'ours') await served.until('secure');
  await visitor.until('secureConnect');
  served.told.length = 0;
  visitor.told.length = 0;
  return [served, visitor];
}

const PLACES: readonly [name: string, connect: () => Promise<readonly [us: Peer, peer: Peer]>][] = [
  ['a server', () => connection('ours', 'node:tls')],
  ['a client', async () => (await connection('node:tls', 'ours')).toReversed() as [Peer, Peer]],
  ['a server of our own client', () => connection('ours', 'ours')],
];

/** Bytes that tell where in a stream they stood. */
function counted(length: number, seed = 0): Buffer {
  const data = Buffer.alloc(length);
  for (let i = 0; i < length; i++) data[i] = (i * 7 + (i >> 8) + seed) & 255;
  return data;
}

/** Fills what the system takes, until something waits; what was told meanwhile is forgotten. */
async function fill({ socket, told }: Peer): Promise<Buffer[]> {
  const sent: Buffer[] = [];
  for (let saidNo = false; !saidNo || socket.writableLength === 0; ) {
    const part = counted(512 * 1024, sent.length);
    sent.push(part);
    saidNo = !socket.write(part) || saidNo;
    await turns(3);
  }
  told.length = 0;
  return sent;
}

for (const [name, connect] of PLACES) {
  test(`${name}: one listener hears what comes, the ends of both sides, and the close`, async () => {
    const [us, peer] = await connect();
    const heard: string[] = [];
    hear(us.socket, {
      onSocketData: (data) => heard.push(`data ${data}`),
      onSocketDrain: () => heard.push('drain'),
      onSocketEnd: () => {
        heard.push('end');
        us.socket.end();
      },
      onSocketFinish: () => heard.push('finish'),
      onSocketError: (error) => heard.push(`error ${error.message}`),
      onSocketClose: () => heard.push('close'),
    });
    peer.socket.write('hello', 'latin1');
    peer.socket.end();
    await us.until('close');
    assert.deepEqual(heard, ['data hello', 'end', 'finish', 'close']);
  });

  // --- reading ---------------------------------------------------------------------------------------------------------

  for (const goes of ['ends', 'ends and goes'] as const) {
    test(`${name}: what came while it was paused comes in order after resume, and then the end (the peer ${goes})`, async () => {
      const [us, peer] = await connect();
      us.read().socket.pause();
      const sent = Array.from({ length: 60 }, (_, i) => counted(1 + i * 37, i));
      for (const part of sent) peer.socket.write(part);
      peer.socket.end();
      await peer.until('finish');
      if (goes === 'ends and goes') peer.socket.destroy();
      await turns();
      assert.deepEqual([us.length, us.told], [0, []]);
      us.socket.once('end', () => assert.deepEqual(us.received, Buffer.concat(sent)));
      us.socket.resume();
      await us.until('end');
      assert.equal(us.told[0], 'end');
    });
  }

  test(`${name}: pause within a read stops at once`, async () => {
    const [us, peer] = await connect();
    us.socket.on('data', () => us.socket.pause());
    us.read();
    const sent = Array.from({ length: 12 }, (_, i) => counted(900, i));
    for (const part of sent) peer.socket.write(part);
    peer.socket.end();
    let reads = 0;
    while (!us.told.includes('end')) {
      await us.until(() => us.reads > reads || us.told.includes('end'));
      await turns();
      if (us.told.includes('end')) break;
      assert.equal(us.reads, ++reads);
      us.socket.resume();
    }
    assert.deepEqual(us.received, Buffer.concat(sent));
  });

  test(`${name}: who listens late gets everything, and the end`, async () => {
    const [us, peer] = await connect();
    const sent = Array.from({ length: 20 }, (_, i) => counted(700, i));
    for (const part of sent) peer.socket.write(part);
    peer.socket.end();
    await peer.until('finish');
    await turns();
    us.read();
    await us.until('end');
    assert.deepEqual(us.received, Buffer.concat(sent));
  });

  // --- writing ---------------------------------------------------------------------------------------------------------

  const text = (max: number) =>
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: max });
  const data = (max: number) =>
    fc.tuple(fc.integer({ min: 1, max }), fc.nat(255)).map(([length, seed]) => counted(length, seed));
  const write = fc.oneof(text(300), data(300_000), fc.array(fc.oneof(text(40), data(40_000)), { minLength: 1 }));

  test(`${name}: what is written arrives once and in order, at a peer that is slow`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 30 }), async (writes) => {
        const [us, peer] = await connect();
        peer.read().socket.on('data', () => {
          peer.socket.pause();
          setImmediate(() => peer.socket.resume());
        });
        const sent: Buffer[] = [];
        for (const one of writes) {
          const parts = (Array.isArray(one) ? one : [one]).filter((part) => part.length > 0);
          const all = Buffer.concat(
            parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
          );
          if (all.length === 0) continue;
          sent.push(all);
          if (Array.isArray(one)) writeJoined(us.socket, parts, all.length);
          else if (typeof one === 'string') us.socket.write(one, 'latin1');
          else us.socket.write(one);
        }
        us.socket.end();
        await peer.until('end');
        assert.ok(peer.received.equals(Buffer.concat(sent)));
        us.socket.destroy();
        peer.socket.destroy();
      }),
      { numRuns: 15 },
    );
  });

  test(`${name}: what nobody takes waits, texts too, and drain comes when all of it is taken`, async () => {
    const [us, peer] = await connect();
    peer.socket.pause();
    const sent = await fill(us);
    const add = (part: string, isJoined: boolean) => {
      const saidNo = isJoined
        ? !writeJoined(us.socket, [part, Buffer.from(part, 'latin1')], part.length * 2)
        : !us.socket.write(part, 'latin1');
      sent.push(Buffer.from(isJoined ? part + part : part, 'latin1'));
      assert.ok(saidNo);
    };
    const before = us.socket.writableLength;
    for (let i = 0; i < 300; i++) add(`${i}\u00fe${String.fromCharCode(128 + (i & 127)).repeat(i)}`, i % 2 === 1);
    await turns();
    assert.ok(us.socket.writableLength > before);
    assert.deepEqual(us.told, []);
    const waiting: number[] = [];
    us.socket.on('drain', () => waiting.push(us.socket.writableLength));
    peer.read().socket.resume();
    await us.until('drain');
    assert.deepEqual(waiting, [0]);
    const all = Buffer.concat(sent);
    await peer.until(() => peer.length === all.length);
    assert.ok(peer.received.equals(all));
    assert.equal(us.socket.write('on it goes', 'latin1'), true);
  });

  test(`${name}: end sends what waits and then the end; the peer may go on; when both are over it closes`, async () => {
    const [us, peer] = await connect();
    peer.socket.pause();
    us.read();
    const sent = await fill(us);
    us.socket.end();
    await turns();
    assert.equal(us.told.length, 0);
    peer.socket.once('end', () => assert.equal(peer.length, sent.length * 512 * 1024));
    peer.read().socket.resume();
    await Promise.all([peer.until('end'), us.until('finish')]);
    assert.ok(peer.received.equals(Buffer.concat(sent)));
    await turns();
    assert.ok(!us.told.includes('close'));
    peer.socket.write('the rest', 'latin1');
    await us.until(() => us.length === 8);
    assert.ok(!us.told.includes('end'));
    peer.socket.end();
    await us.until('close');
    assert.deepEqual(us.told, ['finish', 'end', 'close']);
    assert.equal(us.error, null);
  });

  test(`${name}: where the peer ended first, we may go on, and then it closes`, async () => {
    const [us, peer] = await connect();
    peer.read().socket.end();
    us.read();
    await us.until('end');
    await turns();
    us.socket.write('still here', 'latin1');
    await peer.until(() => peer.length === 10);
    us.socket.end();
    await us.until('close');
    assert.deepEqual(us.told, ['end', 'finish', 'close']);
  });

  // --- the end ---------------------------------------------------------------------------------------------------------

  test(`${name}: after destroy comes close, once, and nothing else; the peer sees it go`, async () => {
    const [us, peer] = await connect();
    peer.socket.pause();
    await fill(us);
    us.read();
    peer.socket.write('unread', 'latin1');
    us.socket.destroy();
    us.socket.destroy();
    assert.equal(us.socket.destroyed, true);
    assert.equal(us.socket.write('more', 'latin1'), false);
    assert.equal(us.socket.write(Buffer.from('more')), false);
    assert.equal(writeJoined(us.socket, ['mo', 're'], 4), false);
    us.socket.end();
    us.socket.resume();
    await us.until('close');
    peer.read().socket.resume();
    await peer.until(() => peer.told.includes('end') || peer.told.includes('error') || peer.told.includes('close'));
    us.socket.destroy();
    await turns();
    assert.deepEqual(us.told, ['close']);
    assert.equal(us.length, 0);
  });

  test(`${name}: destroy within a read is the end of reading`, async () => {
    const [us, peer] = await connect();
    us.read().socket.pause();
    for (let i = 0; i < 10; i++) peer.socket.write(counted(500, i));
    peer.socket.end();
    await peer.until('finish');
    await turns();
    us.socket.once('data', () => us.socket.destroy());
    us.socket.resume();
    await us.until('close');
    await turns();
    assert.deepEqual(us.told, ['close']);
    // Node passes on what else it has deciphered in the same turn.
    if (currentRuntime().name === 'bun') assert.equal(us.reads, 1);
  });
}
