import { Buffer } from 'node:buffer';
import net from 'node:net';
import type { Endpoint } from './subject.ts';

/** What an origin says in a handshake before it knows anything of the client. */
export interface CertificateRequest {
  /** Whether it asks for a client certificate; null where it could not be seen (no TLS 1.2). */
  readonly isAsked: boolean | null;
  /** The CAs that it names: each the DER of a Name. Servers may name none. */
  readonly authorities: readonly Buffer[];
}

const UNSEEN: CertificateRequest = { isAsked: null, authorities: [] };
const NOT_ASKED: CertificateRequest = { isAsked: false, authorities: [] };

/** RFC 5246 sections 6.2.1 and 7.4. */
const HANDSHAKE = 22;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;
const MAX_FLIGHT = 128 * 1024;

const SUITES = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0x009c, 0x009d, 0x002f, 0x0035, 0x00ff];
const GROUPS = [0x001d, 0x0017, 0x0018];
const SIGNATURES = [0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201, 0x0203];

/**
 * Asks an origin whether it asks: the beginning of a TLS 1.2 handshake, whose messages are not encrypted yet, up to the server's
 * ServerHelloDone. The runtimes do not tell a client whether its certificate was asked for. Never rejects. `timeout` in milliseconds.
 */
export function seeCertificateRequest(
  { address, port }: Endpoint,
  serverName: string,
  random: Uint8Array,
  timeout: number,
): Promise<CertificateRequest> {
  return new Promise((resolve) => {
    const socket = net.connect(port, address);
    let received = Buffer.alloc(0);
    const finish = (found: CertificateRequest) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    const timer = setTimeout(() => finish(UNSEEN), timeout);
    socket.on('connect', () => socket.write(clientHello(serverName, random)));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const found = readFlight(received);
      if (found !== null) finish(found);
      else if (received.length > MAX_FLIGHT) finish(UNSEEN);
    });
    socket.on('error', () => finish(UNSEEN));
    socket.on('close', () => finish(UNSEEN));
  });
}

/** A server's first flight so far: what it asks, null while the end is still to come. Anything else is unseen. */
export function readFlight(bytes: Buffer): CertificateRequest | null {
  const messages: Buffer[] = [];
  let at = 0;
  while (at + 5 <= bytes.length) {
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3) return UNSEEN;
    if (end > bytes.length) break;
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  const stream = Buffer.concat(messages);
  for (let from = 0; from + 4 <= stream.length; ) {
    const end = from + 4 + stream.readUIntBE(from + 1, 3);
    if (end > stream.length) return null;
    const body = stream.subarray(from + 4, end);
    if (stream[from] === CERTIFICATE_REQUEST) return readRequest(body);
    if (stream[from] === SERVER_HELLO_DONE) return NOT_ASKED;
    from = end;
  }
  return null;
}

/** RFC 5246 section 7.4.4. */
function readRequest(body: Buffer): CertificateRequest {
  try {
    let at = 1 + body.readUInt8(0);
    at += 2 + body.readUInt16BE(at);
    const end = at + 2 + body.readUInt16BE(at);
    const authorities: Buffer[] = [];
    for (at += 2; at < end; ) {
      const length = body.readUInt16BE(at);
      if (length === 0 || at + 2 + length > end) return UNSEEN;
      authorities.push(body.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    return end === body.length ? { isAsked: true, authorities } : UNSEEN;
  } catch {
    return UNSEEN;
  }
}

/** RFC 5246 section 7.4.1.2. `random` has 32 bytes. */
function clientHello(serverName: string, random: Uint8Array): Buffer {
  const name = Buffer.from(serverName, 'latin1');
  const extensions = Buffer.concat([
    extension(0, vector(2, Buffer.concat([Buffer.from([0]), vector(2, name)]))),
    extension(10, vector(2, numbers(GROUPS))),
    extension(11, vector(1, Buffer.from([0]))),
    extension(13, vector(2, numbers(SIGNATURES))),
    extension(16, vector(2, vector(1, Buffer.from('http/1.1')))),
    extension(23, Buffer.alloc(0)),
  ]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    random,
    vector(1, Buffer.alloc(0)),
    vector(2, numbers(SUITES)),
    vector(1, Buffer.from([0])),
    vector(2, extensions),
  ]);
  const message = Buffer.concat([Buffer.from([1]), vector(3, body)]);
  return Buffer.concat([Buffer.from([HANDSHAKE, 3, 1]), vector(2, message)]);
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([numbers([type]), vector(2, data)]);
}

/** A vector with its length before it, in `size` bytes. */
function vector(size: number, data: Buffer): Buffer {
  const length = Buffer.alloc(size);
  length.writeUIntBE(data.length, 0, size);
  return Buffer.concat([length, data]);
}

function numbers(values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
}
