import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A header of version 2. */
function binary(command: number, family: number, payload: Buffer, size = payload.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, size >> 8, size & 255]), payload]);
}

const tlv = (type: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value]);
const ports = Buffer.from([1, 0, 1, 187]);
const v4 = Buffer.concat([Buffer.from([203, 0, 113, 7, 10, 0, 0, 1]), ports]);
const v6 = Buffer.concat([Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.alloc(16), ports]);
const mapped = Buffer.concat([Buffer.from('00000000000000000000ffffcb007107', 'hex'), Buffer.alloc(16), ports]);

const GOOD: Readonly<Record<string, readonly [data: Buffer | string, source: string | null]>> = {
  'version 1, IPv4': ['PROXY TCP4 203.0.113.7 10.0.0.1 65535 443\r\n', '203.0.113.7'],
  'version 1, IPv6': ['PROXY TCP6 2001:DB8:0:0::1 ::1 0 443\r\n', '2001:db8::1'],
  'version 1, IPv4 in IPv6': ['PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n', '203.0.113.7'],
  'version 1, unknown': ['PROXY UNKNOWN\r\n', null],
  'version 1, unknown, as long as can be': [`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, null],
  'version 2, IPv4': [binary(0x21, 0x11, v4), '203.0.113.7'],
  'version 2, IPv6': [binary(0x21, 0x21, v6), '2001:db8::1'],
  'version 2, IPv4 in IPv6': [binary(0x21, 0x21, mapped), '203.0.113.7'],
  'version 2 with extensions': [
    binary(
      0x21,
      0x11,
      Buffer.concat([v4, tlv(1, Buffer.from('h2')), tlv(4, Buffer.alloc(0)), tlv(0x20, Buffer.alloc(300))]),
    ),
    '203.0.113.7',
  ],
  'version 2, local': [binary(0x20, 0x00, Buffer.alloc(0)), null],
  'version 2, local, with whatever': [binary(0x20, 0x11, Buffer.alloc(3)), null],
  'version 2, no family': [binary(0x21, 0x00, Buffer.alloc(5)), null],
  'version 2, a Unix socket': [binary(0x21, 0x31, Buffer.alloc(216)), null],
};
for (const [what, [data, source]] of Object.entries(GOOD)) {
  test(`${what}: read, and not a byte further`, () => {
    const header = Buffer.from(data as string, 'latin1');
    const whole: ProxyHeader = { length: header.length, source };
    assert.deepEqual(readProxyHeader(Buffer.concat([header, Buffer.from('GET / HTTP/1.1')])), whole);
    for (let length = 0; length < header.length; length++) {
      assert.equal(readProxyHeader(header.subarray(0, length)), null, `${length} bytes`);
    }
  });
}

const BAD: Readonly<Record<string, Buffer | string>> = {
  'a request': 'GET / HTTP/1.1\r\n',
  'a ClientHello': '\x16\x03\x01',
  'lower case': 'proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n',
  'another family': 'PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n',
  'IPv6 as IPv4': 'PROXY TCP4 ::1 ::1 1 1\r\n',
  'IPv4 as IPv6': 'PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n',
  'a zone index': 'PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n',
  'a leading zero in a port': 'PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n',
  'a port beyond the last': 'PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n',
  'two spaces': 'PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n',
  'a field too many': 'PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n',
  'a field too few': 'PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n',
  'a bare LF': 'PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n\r\n',
  '108 bytes': `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`,
  'no end within 107 bytes': `PROXY UNKNOWN ${'f'.repeat(93)}`,
  'another version': binary(0x31, 0x11, v4),
  'another command': binary(0x22, 0x11, v4),
  'another address family': binary(0x21, 0x41, Buffer.alloc(300)),
  'another transport': binary(0x21, 0x13, v4),
  'a datagram': binary(0x21, 0x12, v4),
  'addresses that are cut': binary(0x21, 0x11, v4.subarray(0, 11)),
  'an extension beyond the end': binary(0x21, 0x11, Buffer.concat([v4, Buffer.from([1, 0, 2, 1])])),
  'bytes that are no extension': binary(0x21, 0x11, Buffer.concat([v4, Buffer.from([1, 0])])),
  'a length beyond the limit': binary(0x20, 0, Buffer.alloc(0), 4097),
};
for (const [what, data] of Object.entries(BAD)) {
  test(`${what} is no header`, () => assert.equal(readProxyHeader(Buffer.from(data as string, 'latin1')), 'malformed'));
}

const address4 = fc.ipV4();
const port = fc.nat(65_535);

test('every address that is written is read', () => {
  fc.assert(
    fc.property(address4, fc.ipV6(), port, fc.uint8Array({ maxLength: 200 }), (four, six, number, rest) => {
      const after = Buffer.from(rest);
      const first = Buffer.from(`PROXY TCP4 ${four} ${four} ${number} ${number}\r\n`);
      assert.deepEqual(readProxyHeader(Buffer.concat([first, after])), { length: first.length, source: four });
      const second = Buffer.from(`PROXY TCP6 ${six} ::1 ${number} ${number}\r\n`);
      const header = readProxyHeader(Buffer.concat([second, after]));
      assert.ok(header !== null && header !== 'malformed' && header.source !== null && header.length === second.length);
      const third = binary(0x21, 0x11, Buffer.from([...four.split('.').map(Number), 0, 0, 0, 0, 0, 0, 0, 0]));
      assert.deepEqual(readProxyHeader(Buffer.concat([third, after])), { length: third.length, source: four });
    }),
  );
});

test('whatever comes, the answer for the whole is the answer for its first part that has one', () => {
  const starts = Object.values(GOOD).map(([data]) => Buffer.from(data as string, 'latin1'));
  fc.assert(
    fc.property(
      fc.constantFrom(...starts),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }),
      (start, changes) => {
        const data = Buffer.concat([start, Buffer.alloc(20)]);
        for (const [at, byte] of changes) if (at < data.length) data[at] = byte;
        const whole = readProxyHeader(data);
        for (let length = 1; length <= data.length; length++) {
          const part = readProxyHeader(data.subarray(0, length));
          if (part !== null) assert.deepEqual(part, whole);
        }
      },
    ),
  );
});
