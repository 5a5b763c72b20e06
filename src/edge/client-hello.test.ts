import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ClientHello, ClientHelloReader } from './client-hello.ts';

const number = (value: number, bytes: number): Buffer => {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
};
const vector = (bytes: number, ...parts: Buffer[]): Buffer => {
  const data = Buffer.concat(parts);
  return Buffer.concat([number(data.length, bytes), data]);
};
const extension = (type: number, data: Buffer): Buffer => Buffer.concat([number(type, 2), vector(2, data)]);
const hostName = (name: string): Buffer => Buffer.concat([number(0, 1), vector(2, Buffer.from(name, 'latin1'))]);
const serverName = (name: string): Buffer => extension(0, vector(2, hostName(name)));

function message(...extensions: Buffer[]): Buffer {
  const body = [number(0x0303, 2), Buffer.alloc(32), vector(1), vector(2, number(0x1301, 2)), vector(1, number(0, 1))];
  return Buffer.concat([number(1, 1), vector(3, ...body, vector(2, ...extensions))]);
}

function records(data: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; at += size)
    parts.push(number(22, 1), number(0x0301, 2), vector(2, data.subarray(at, at + size)));
  return Buffer.concat(parts);
}

function read(data: Buffer, size = data.length): ClientHello | 'malformed' | null {
  const reader = new ClientHelloReader();
  for (let at = 0; at < data.length; at += size) {
    const hello = reader.push(data.subarray(at, at + size));
    if (hello !== null) return hello;
  }
  return null;
}

function known(hello: ClientHello | 'malformed' | null): ClientHello {
  assert.ok(hello !== null && hello !== 'malformed');
  return hello;
}

test('however it is cut, the name is the same', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 300, unit: 'binary-ascii' }),
      fc.integer({ min: 0, max: 6000 }),
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 1, max: 3000 }),
      (name, padding, recordSize, writeSize) => {
        const hello = records(message(extension(21, Buffer.alloc(padding)), serverName(name)), recordSize);
        if (hello.length <= 64 * 1024) assert.equal(known(read(hello, writeSize)).serverName, name);
      },
    ),
  );
});

test('whatever comes, it is read, waited for, or refused, and never throws', () => {
  const whole = records(message(serverName('www.a.test'), extension(16, Buffer.alloc(20))), 40);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 5 }), (changes) => {
      const changed = Buffer.from(whole);
      for (const [at, byte] of changes) changed[at] = byte;
      const once = read(changed);
      assert.deepEqual(read(changed, 1), once);
      assert.ok(once === null || once === 'malformed' || 'serverName' in once);
    }),
  );
});

test('without extensions, or without a name among them, there is none', () => {
  assert.equal(known(read(records(message(extension(16, Buffer.alloc(3))), 900))).serverName, null);
  const bare = message();
  const hello = read(records(Buffer.concat([number(1, 1), vector(3, bare.subarray(4, -2))]), 900));
  assert.deepEqual(hello, {
    serverName: null,
    ciphers: number(0x1301, 2),
    versions: null,
    groups: null,
    signatures: null,
    ticket: null,
    offersEarlyData: false,
  });
});

test('what a certificate and a session are chosen by is read as it was sent', () => {
  const lists = [
    extension(43, vector(1, number(0x0304, 2), number(0x0303, 2))),
    extension(10, vector(2, number(29, 2), number(23, 2))),
    extension(13, vector(2, number(0x0403, 2), number(0x0804, 2))),
  ];
  const ticket = Buffer.from('a ticket of TLS 1.2');
  const hello = known(read(records(message(...lists, extension(35, ticket)), 900)));
  assert.deepEqual(hello.versions, Buffer.from([3, 4, 3, 3]));
  assert.deepEqual(hello.groups, Buffer.from([0, 29, 0, 23]));
  assert.deepEqual(hello.signatures, Buffer.from([4, 3, 8, 4]));
  assert.deepEqual(hello.ticket, ticket);
  const identities = vector(2, vector(2, Buffer.from('first')), number(7, 4), vector(2, Buffer.from('second')));
  const newer = known(read(records(message(extension(35, ticket), extension(41, identities)), 900)));
  assert.deepEqual(newer.ticket, Buffer.from('first'));
  assert.equal(known(read(records(message(extension(35, Buffer.alloc(0))), 900))).ticket, null);
});

const MALFORMED: Readonly<Record<string, Buffer>> = {
  'plain HTTP': Buffer.from('G'),
  'another content type': Buffer.from([23]),
  'a version that is none': Buffer.from([22, 2]),
  'an empty record': Buffer.from([22, 3, 1, 0, 0]),
  'an overlong record': Buffer.from([22, 3, 1, 0x40, 1]),
  'another handshake message': Buffer.from([22, 3, 1, 0, 1, 2]),
  'two names': records(message(extension(0, vector(2, hostName('a.test'), hostName('b.test')))), 900),
  'the extension twice': records(message(serverName('a.test'), serverName('b.test')), 900),
  'another extension twice': records(message(extension(13, vector(2)), extension(13, vector(2))), 900),
  'an empty name': records(message(serverName('')), 900),
  'a name of another type': records(message(extension(0, vector(2, Buffer.from([1, 0, 1, 65])))), 900),
  'bytes after the list of names': records(
    message(extension(0, Buffer.concat([vector(2, hostName('a')), Buffer.alloc(1)]))),
    900,
  ),
  'an extension beyond its end': records(message(Buffer.from([0, 0, 0, 9, 1])), 900),
  'a message longer than anything': Buffer.concat(
    Array.from({ length: 5 }, () =>
      records(Buffer.concat([Buffer.from([1, 255, 255, 255]), Buffer.alloc(16_000)]), 16_384),
    ),
  ),
};
for (const [what, data] of Object.entries(MALFORMED)) {
  test(`${what} is no ClientHello`, () => assert.equal(read(data), 'malformed'));
}
