import { Buffer } from 'node:buffer';
import { isIPv4, isIPv6 } from 'node:net';
import { canonicalIPv6, formatIPv6 } from './ipv6-text.ts';

/** A PROXY protocol header: how a load balancer tells whose connection it passes on. */
export interface ProxyHeader {
  /** Bytes that the header takes. */
  readonly length: number;
  /** The visitor's address; null where the sender speaks for itself (a health check) or does not know. */
  readonly source: string | null;
}

/** The longest header of version 1, CR LF included. */
const MAX_TEXT = 107;
/** Bytes after the fixed part of version 2. Own: the format allows 65535, what balancers send is below 600. */
const MAX_BINARY = 4096;
const FIXED = 16;
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const TEXT_START = Buffer.from('PROXY ', 'latin1');
const TCP4 = 0x11;
const TCP6 = 0x21;
/** Bytes of the addresses and ports by address family: none given, IPv4, IPv6, Unix. */
const ADDRESS_BYTES = [0, 12, 36, 216] as const;

/**
 * Reads the header at the start of `data` (PROXY protocol, versions 1 and 2). Null while it may still become one,
 * `'malformed'` for what is none: nothing is repaired, and nothing but TCP is passed on.
 */
export function readProxyHeader(data: Buffer): ProxyHeader | 'malformed' | null {
  if (startsLike(data, TEXT_START)) return data.length < TEXT_START.length ? null : readText(data);
  if (startsLike(data, SIGNATURE)) return data.length < FIXED ? checkFixed(data) : readBinary(data);
  return 'malformed';
}

function startsLike(data: Buffer, start: Buffer): boolean {
  const length = Math.min(data.length, start.length);
  return data.compare(start, 0, length, 0, length) === 0;
}

// --- version 1 -------------------------------------------------------------------------------------------------------

function readText(data: Buffer): ProxyHeader | 'malformed' | null {
  const end = data.subarray(0, MAX_TEXT).indexOf('\r\n', 0, 'latin1');
  if (end < 0) return data.length < MAX_TEXT ? null : 'malformed';
  const [, family, ...rest] = data.toString('latin1', 0, end).split(' ');
  // Whatever follows UNKNOWN is to be ignored, says the specification.
  if (family === 'UNKNOWN') return { length: end + 2, source: null };
  const [source, destination, sourcePort, destinationPort] = rest;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : null;
  const isRight =
    rest.length === 4 &&
    isAddress?.(source!) &&
    isAddress(destination!) &&
    isPort(sourcePort!) &&
    isPort(destinationPort!);
  if (!isRight) return 'malformed';
  return { length: end + 2, source: family === 'TCP4' ? source! : canonicalIPv6(source!) };
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

// --- version 2 -------------------------------------------------------------------------------------------------------

/** What is wrong already with a fixed part that is not whole; null for nothing. */
function checkFixed(data: Buffer): 'malformed' | null {
  const isWrong =
    (data.length > 12 && data[12] !== 0x20 && data[12] !== 0x21) || (data.length > 14 && data[14]! > MAX_BINARY >> 8);
  return isWrong ? 'malformed' : null;
}

function readBinary(data: Buffer): ProxyHeader | 'malformed' | null {
  const size = data.readUInt16BE(14);
  if (checkFixed(data) !== null || size > MAX_BINARY) return 'malformed';
  const length = FIXED + size;
  if (data.length < length) return null;
  const isLocal = data[12] === 0x20;
  const family = data[13]!;
  const addressBytes = ADDRESS_BYTES[(family >> 4) as 0 | 1 | 2 | 3];
  if (isLocal) return { length, source: null };
  if ((family & 0x0f) > 2 || addressBytes === undefined || size < addressBytes) return 'malformed';
  // Without an address family the rest is to be ignored; with one, only extensions may follow.
  if (addressBytes > 0 && !areExtensions(data.subarray(FIXED + addressBytes, length))) return 'malformed';
  if (family === TCP4) return { length, source: [...data.subarray(FIXED, FIXED + 4)].join('.') };
  if (family === TCP6) return { length, source: textOfIPv6(data.subarray(FIXED, FIXED + 16)) };
  // No family, or a Unix socket: no address to tell. A datagram cannot have come over this connection.
  return (family & 0x0f) === 2 ? 'malformed' : { length, source: null };
}

/** True for a sequence of type, length and value that ends where the header does. */
function areExtensions(data: Buffer): boolean {
  let at = 0;
  while (at + 3 <= data.length) at += 3 + data.readUInt16BE(at + 1);
  return at === data.length;
}

function textOfIPv6(bytes: Buffer): string {
  return formatIPv6(Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i)));
}
