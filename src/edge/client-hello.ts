import { Buffer } from 'node:buffer';

/** What is read of a ClientHello before the handshake: everything that a policy by name depends on. */
export interface ClientHello {
  /** The host name of the `server_name` extension as it was sent; null where there is none. */
  readonly serverName: string | null;
  /** Cipher suites, two bytes each. */
  readonly ciphers: Buffer;
  /** Two bytes each; null without the extension, which TLS 1.3 asks for. */
  readonly versions: Buffer | null;
  /** Named groups, two bytes each; null without the extension. */
  readonly groups: Buffer | null;
  /** Signature schemes, two bytes each; null without the extension. */
  readonly signatures: Buffer | null;
  /** A session ticket of TLS 1.2 or 1.3 that it would like to resume with; null where there is none. */
  readonly ticket: Buffer | null;
  /** Whether early data may follow it at once (RFC 8446 section 4.2.10). */
  readonly offersEarlyData: boolean;
}

/** Bytes that a visitor may send before its ClientHello is whole; hybrid key shares take some 2 KB. */
const MAX_BYTES = 64 * 1024;
/** Bytes of a record's header (RFC 8446 section 5.1). */
const HEADER = 5;
const HANDSHAKE_RECORD = 22;
const MAX_FRAGMENT = 16_384;
const CLIENT_HELLO = 1;
const HOST_NAME = 0;
const EMPTY = Buffer.alloc(0);
/** Extensions: RFC 6066 section 3, RFC 8446 sections 4.2.1 to 4.2.11, RFC 5077 section 3.2. */
const EXTENSION = {
  serverName: 0,
  groups: 10,
  signatures: 13,
  ticket: 35,
  preSharedKey: 41,
  earlyData: 42,
  versions: 43,
} as const;
const READ: ReadonlySet<number> = new Set(Object.values(EXTENSION));

/**
 * Collects a ClientHello from whatever pieces TCP and the record layer cut it into: one that comes byte by byte, or in
 * records of one byte, is read as the same one in a single record (spec/threats.md 2.7). Nothing is taken away: all
 * bytes go to the TLS library afterwards, which parses them anew and has the last word.
 */
export class ClientHelloReader {
  #message: Buffer = EMPTY;
  #length = 0;
  #headerLength = 0;
  /** Bytes of the current record that are still to come. */
  #inRecord = 0;
  #total = 0;

  /** Takes more bytes. The ClientHello when it is whole, null before that, `'malformed'` for what is none. */
  push(data: Buffer): ClientHello | 'malformed' | null {
    this.#total += data.length;
    if (this.#total > MAX_BYTES) return 'malformed';
    for (let at = 0; at < data.length; ) {
      if (this.#headerLength < HEADER) {
        if (!this.#takeHeader(data[at++]!)) return 'malformed';
        continue;
      }
      const end = Math.min(data.length, at + this.#inRecord);
      this.#take(data.subarray(at, end));
      this.#inRecord -= end - at;
      if (this.#inRecord === 0) this.#headerLength = 0;
      at = end;
      if (this.#message[0] !== CLIENT_HELLO) return 'malformed';
      const wanted = this.#length < 4 ? Number.POSITIVE_INFINITY : 4 + this.#message.readUIntBE(1, 3);
      if (this.#length >= wanted) return parseClientHello(this.#message.subarray(4, wanted));
    }
    return null;
  }

  /** Mostly all of it comes at once, and need not be copied. */
  #take(part: Buffer): void {
    const length = this.#length + part.length;
    if (this.#length === 0) {
      this.#message = part;
    } else {
      if (length > this.#message.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#message.length));
        this.#message.copy(larger, 0, 0, this.#length);
        this.#message = larger;
      }
      part.copy(this.#message, this.#length);
    }
    this.#length = length;
  }

  /** Takes a byte of a record's header. False for what speaks another protocol, at its first one. */
  #takeHeader(byte: number): boolean {
    switch (this.#headerLength++) {
      case 0:
        return byte === HANDSHAKE_RECORD;
      case 1:
        return byte === 3;
      case 2:
        return true;
      case 3:
        this.#inRecord = byte << 8;
        return true;
      default:
        this.#inRecord |= byte;
        // A handshake record is never empty (RFC 8446 section 5.1).
        return this.#inRecord > 0 && this.#inRecord <= MAX_FRAGMENT;
    }
  }
}

/** Reads the body of a ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3). */
function parseClientHello(body: Buffer): ClientHello | 'malformed' {
  const hello = new Fields(body);
  hello.skip(2 + 32);
  hello.vector(1);
  const ciphers = hello.vector(2);
  hello.vector(1);
  const seen = new Set<number>();
  const found = new Map<number, Buffer>();
  if (!hello.isAtEnd) {
    const extensions = new Fields(hello.vector(2));
    while (!extensions.isAtEnd && !extensions.isShort) {
      const type = extensions.number(2);
      // Twice: somebody counts on two parsers choosing differently.
      if (seen.has(type)) return 'malformed';
      seen.add(type);
      if (READ.has(type)) found.set(type, extensions.vector(2));
      else extensions.skip(extensions.number(2));
    }
    if (extensions.isShort) return 'malformed';
  }
  if (hello.isShort || !hello.isAtEnd) return 'malformed';
  const name = found.get(EXTENSION.serverName);
  const serverName = name === undefined ? null : readServerName(name);
  if (name !== undefined && serverName === null) return 'malformed';
  return {
    serverName,
    ciphers,
    versions: readList(found.get(EXTENSION.versions), 1),
    groups: readList(found.get(EXTENSION.groups), 2),
    signatures: readList(found.get(EXTENSION.signatures), 2),
    ticket: readTicket(found.get(EXTENSION.ticket), found.get(EXTENSION.preSharedKey)),
    offersEarlyData: found.has(EXTENSION.earlyData),
  };
}

/** The content of an extension that is one list; what is malformed is for the TLS library to refuse. */
function readList(data: Buffer | undefined, lengthBytes: number): Buffer | null {
  return data === undefined ? null : new Fields(data).vector(lengthBytes);
}

/** TLS 1.3 has its tickets in the first pre-shared key, and goes before TLS 1.2. */
function readTicket(ticket: Buffer | undefined, preSharedKey: Buffer | undefined): Buffer | null {
  if (preSharedKey !== undefined) return new Fields(new Fields(preSharedKey).vector(2)).vector(2);
  return ticket === undefined || ticket.length === 0 ? null : ticket;
}

function readServerName(data: Buffer): string | null {
  const extension = new Fields(data);
  const list = new Fields(extension.vector(2));
  const type = list.number(1);
  const name = list.vector(2);
  const isWhole = !extension.isShort && extension.isAtEnd && !list.isShort && list.isAtEnd;
  return isWhole && type === HOST_NAME && name.length > 0 ? name.toString('latin1') : null;
}

/** Reads numbers and length-prefixed vectors; reading past the end makes it short instead of throwing. */
class Fields {
  isShort = false;
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#data.length;
  }

  skip(count: number): void {
    if (this.#at + count > this.#data.length) {
      this.isShort = true;
      this.#at = this.#data.length;
    } else {
      this.#at += count;
    }
  }

  number(bytes: number): number {
    const at = this.#at;
    this.skip(bytes);
    return this.isShort ? 0 : this.#data.readUIntBE(at, bytes);
  }

  vector(lengthBytes: number): Buffer {
    const length = this.number(lengthBytes);
    const at = this.#at;
    this.skip(length);
    return this.isShort ? this.#data.subarray(0, 0) : this.#data.subarray(at, at + length);
  }
}
