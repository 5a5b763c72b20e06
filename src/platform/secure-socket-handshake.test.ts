import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { startRelay } from '../../test/doubles/relay.ts';
import {
  closeAll,
  connectNode,
  connectOurs,
  type Issued,
  issue,
  type Listening,
  NAME,
  type Peer,
  serveNode,
  serveOurs,
} from '../../test/doubles/secure-peers.ts';
import { BunSocket, DEAF } from './bun-socket.ts';
import { canTakeOver } from './node-socket.ts';
import { currentRuntime } from './runtime.ts';
import type { SecurePeerSocket } from './secure-socket.ts';

type Version = 'TLSv1.2' | 'TLSv1.3';
const VERSIONS: readonly Version[] = ['TLSv1.2', 'TLSv1.3'];

let issued: Issued;

before(async () => {
  issued = await issue();
});
after(closeAll);

const only = (version: Version) => ({ minVersion: version, maxVersion: version });
const serverContext = (version: Version) => tls.createSecureContext({ ...issued.server, ...only(version) });
const clientContext = (version: Version) => tls.createSecureContext({ ca: issued.ca, ...only(version) });

interface Side {
  readonly serve: (version: Version) => Promise<Listening>;
  readonly connect: (port: number, version: Version) => Peer;
}

const OURS: Side = {
  serve: (version) => serveOurs(serverContext(version), ['h2', 'http/1.1']),
  connect: (port, version) => connectOurs(port, { context: clientContext(version), protocols: ['http/1.1', 'h2'] }),
};
const NODE: Side = {
  serve: (version) => serveNode({ ...issued.server, ...only(version), ALPNProtocols: ['h2', 'http/1.1'] }),
  connect: (port, version) => connectNode(port, { ca: issued.ca, ...only(version), ALPNProtocols: ['http/1.1', 'h2'] }),
};
const SIDES: readonly [name: string, server: Side, client: Side][] = [
  ['our server and our client', OURS, OURS],
  ['our server and a client of node:tls', OURS, NODE],
  ['a server of node:tls and our client', NODE, OURS],
];

for (const [name, server, client] of SIDES) {
  for (const version of VERSIONS) {
    test(`${name} shake hands by ${version}, and each can tell how`, async () => {
      const { port, next } = await server.serve(version);
      const visitor = client.connect(port, version);
      const served = await next();
      if (server === OURS) await served.until('secure');
      await visitor.until('secureConnect');
      for (const { socket } of [served, visitor]) {
        // The server's preference decides (RFC 7301 section 3.2).
        assert.equal(socket.alpnProtocol, 'h2');
        assert.equal(socket.getProtocol(), version);
        assert.match(socket.getCipher()!.standardName!, /^TLS_[A-Z0-9_]+$/);
      }
      assert.equal(served.socket.servername, NAME);
      assert.equal(visitor.socket.remoteAddress, '127.0.0.1');
      assert.equal(visitor.socket.remotePort, port);
      assert.equal(served.socket.localPort, port);
      assert.equal(served.socket.remotePort, visitor.socket.localPort);
      assert.deepEqual([served.error, visitor.error], [null, null]);
    });
  }
}

test('without names and protocols there are none', async () => {
  const context = tls.createSecureContext(issued.server);
  const { port, next } = await serveOurs(context);
  const visitor = connectOurs(port, { context: clientContext('TLSv1.3'), serverName: '', verify: false });
  await visitor.until('secureConnect');
  const served = await next();
  await served.until('secure');
  assert.ok(!served.socket.servername);
  assert.ok(!served.socket.alpnProtocol);
  assert.ok(!visitor.socket.alpnProtocol);
});

const bytes = (data: Buffer): Buffer[] => [...data].map((_, i) => data.subarray(i, i + 1));

for (const version of VERSIONS) {
  for (const [name, client] of [
    ['our client', OURS],
    ['a client of node:tls', NODE],
  ] as const) {
    test(`${name}: a handshake by ${version} that comes byte by byte is read from the first byte on`, async () => {
      const { port, next } = await OURS.serve(version);
      const relay = await startRelay(port, (data, isFirst) => (isFirst ? bytes(data) : [data]));
      const visitor = client.connect(relay.port, version);
      visitor.socket.once('secureConnect', () => visitor.socket.write('hello', 'latin1'));
      const served = (await next()).read();
      await served.until(() => served.length === 5);
      assert.equal(served.received.toString(), 'hello');
      relay.close();
    });
  }
}

/** How many records of application data there are (RFC 8446 section 5.1; the Finished of TLS 1.3 is one to the eye). */
function dataRecords(data: Buffer): number {
  let count = 0;
  for (let at = 0; at + 5 <= data.length; at += 5 + data.readUInt16BE(at + 3)) if (data[at] === 23) count++;
  return count;
}

test('what comes in one read with the Finished of the client is not lost, though nobody reads before `secure`', async () => {
  const { port, next } = await OURS.serve('TLSv1.3');
  let held = Buffer.alloc(0);
  const relay = await startRelay(port, (data, isFirst) => {
    if (isFirst) return [data];
    held = Buffer.concat([held, data]);
    return dataRecords(held) < 3 ? [] : [held];
  });
  const visitor = NODE.connect(relay.port, 'TLSv1.3');
  visitor.socket.once('secureConnect', () => {
    visitor.socket.write('first ', 'latin1');
    visitor.socket.write('second', 'latin1');
  });
  const served = await next();
  served.socket.once('secure', () => served.read());
  await served.until(() => served.length === 12);
  assert.equal(served.received.toString(), 'first second');
  assert.deepEqual(served.told, ['secure']);
  relay.close();
});

for (const version of VERSIONS) {
  test(`what a server says before it is asked is not lost (${version})`, async () => {
    const { port, next } = await NODE.serve(version);
    const visitor = OURS.connect(port, version);
    const served = await next();
    served.socket.write('220 ready', 'latin1');
    await visitor.until('secureConnect');
    visitor.read();
    await visitor.until(() => visitor.length === 9);
    assert.equal(visitor.received.toString(), '220 ready');
  });

  test(`a session that a server gave resumes there, and only where it is given (${version})`, async () => {
    const { port, next } = await NODE.serve(version);
    const visit = async (session: Buffer | undefined) => {
      const visitor = connectOurs(port, { context: clientContext(version), session }).read();
      const served = await next();
      // The tickets of TLS 1.3 come with what is sent first.
      served.socket.write('hello', 'latin1');
      await visitor.until(() => visitor.length === 5);
      if (session === undefined) await visitor.until(() => visitor.sessions.length > 0);
      const isReused = (served.socket as unknown as tls.TLSSocket).isSessionReused();
      return { isReused, session: visitor.sessions.at(-1), error: visitor.error };
    };
    const first = await visit(undefined);
    assert.equal(first.isReused, false);
    assert.equal((await visit(undefined)).isReused, false);
    const resumed = await visit(first.session);
    assert.deepEqual([resumed.isReused, resumed.error], [true, null]);
  });
}

test('on Bun, TLS is on its own sockets', { skip: currentRuntime().name !== 'bun' && 'Bun only' }, async () => {
  const { port, next } = await OURS.serve('TLSv1.3');
  const visitor = OURS.connect(port, 'TLSv1.3');
  const served = await next();
  await served.until('secure');
  for (const { socket } of [visitor, served]) assert.ok((socket as SecurePeerSocket) instanceof BunSocket);
});

test('on Bun, the ciphertext goes to nobody', { skip: currentRuntime().name !== 'bun' && 'Bun only' }, async () => {
  const { port, next } = await OURS.serve('TLSv1.3');
  const visitor = OURS.connect(port, 'TLSv1.3').read();
  const served = (await next()).read();
  await served.until('secure');
  const before = DEAF.bytesRead;
  visitor.socket.write(Buffer.alloc(1_000));
  await served.until(() => served.length === 1_000);
  served.socket.write(Buffer.alloc(100_000));
  await visitor.until(() => visitor.length === 100_000);
  assert.equal(DEAF.bytesRead, before);
});

const ON_NODE = { skip: currentRuntime().name !== 'node' && 'Node only' };

test(
  'on Node, a server reads past its stream, has none of TCP, and keeps nothing that other buffers were cut out of',
  ON_NODE,
  async () => {
    assert.ok(canTakeOver);
    const { port, next } = await OURS.serve('TLSv1.3');
    const visitor = NODE.connect(port, 'TLSv1.3');
    const served = await next();
    await served.until('secure');
    const parts = served.socket as unknown as { _parent?: unknown; _tlsOptions: { ALPNProtocols?: Uint8Array } };
    assert.equal(parts._parent, null);
    assert.equal(parts._tlsOptions.ALPNProtocols, undefined);
    // A stream's read has memory of its own size; here small ones share that of a record.
    const memory: number[] = [];
    served.socket.on('data', (data) => memory.push(data.buffer.byteLength));
    served.read();
    visitor.socket.write(Buffer.from('short'));
    await served.until(() => served.length === 5);
    assert.deepEqual(memory, [16 * 1024]);
  },
);

test('on Node, a peer with room for large reads takes a third of the system calls', ON_NODE, async () => {
  const sent = Buffer.alloc(4 << 20);
  const reads = async (isRoomy: boolean): Promise<number> => {
    const { port, next } = await serveOurs(serverContext('TLSv1.3'), [], isRoomy);
    const visitor = NODE.connect(port, 'TLSv1.3');
    const served = (await next()).read();
    await served.until('secure');
    const before = readCalls();
    visitor.socket.write(sent);
    await served.until(() => served.length === sent.length);
    return readCalls() - before;
  };
  const [roomy, narrow] = [await reads(true), await reads(false)];
  assert.ok(roomy < narrow / 2, `${roomy}, ${narrow}`);
});

/** How often this process has asked the system to read. */
function readCalls(): number {
  return Number(/^syscr: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))![1]);
}

test('on Node, what peers send never mixes, whoever keeps it', ON_NODE, async () => {
  const { port, next } = await OURS.serve('TLSv1.3');
  const sizes = [1, 700, 2_047, 2_049, 9_000, 16_384, 40_000, 3];
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const pairs: { ends: readonly Peer[]; sent: Buffer }[] = [];
  for (const step of [1, 3, 7]) {
    const visitor = OURS.connect(port, 'TLSv1.3');
    const served = await next();
    await served.until('secure');
    const sent = Buffer.from(Array.from({ length: total }, (_, i) => (i * step + (i >> 8)) & 255));
    pairs.push({ ends: [visitor, served], sent });
  }
  // Ours at both ends: what visitors send and what origins answer is read in different ways.
  const kept = pairs.map(({ ends }) =>
    ends.map(({ socket }) => {
      const parts: Buffer[] = [];
      socket.on('data', (data) => parts.push(data));
      return parts;
    }),
  );
  for (const { ends } of pairs) for (const end of ends) end.read();
  let at = 0;
  for (const size of sizes) {
    for (const { ends, sent } of pairs) for (const { socket } of ends) socket.write(sent.subarray(at, at + size));
    at += size;
  }
  for (const { ends } of pairs) for (const end of ends) await end.until(() => end.length >= total);
  for (const [i, { sent }] of pairs.entries()) {
    for (const parts of kept[i]!) assert.ok(Buffer.concat(parts).equals(sent));
  }
});
