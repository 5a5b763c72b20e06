/** One DER element (X.690 section 10). */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** The element whole, header included. */
  readonly bytes: Uint8Array;
}

/** Bytes that are not strict DER. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** Tags of the universal class that X.509 uses. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Reads exactly one element; bytes behind it are an error. */
export function readDer(bytes: Uint8Array): DerElement {
  const [element, end] = readElement(bytes, 0);
  if (end !== bytes.length) throw new DerError('bytes behind the end');
  return element;
}

/** Reads the elements that a constructed element holds. */
export function readChildren({ content }: DerElement): DerElement[] {
  const children: DerElement[] = [];
  for (let at = 0; at < content.length; ) {
    const [element, end] = readElement(content, at);
    children.push(element);
    at = end;
  }
  return children;
}

function readElement(bytes: Uint8Array, start: number): [DerElement, number] {
  const tag = bytes[start];
  let length = bytes[start + 1];
  if (tag === undefined || length === undefined || (tag & 0x1f) === 0x1f) throw new DerError('a malformed header');
  let at = start + 2;
  if (length >= 0x80) {
    const octets = length & 0x7f;
    if (octets === 0 || octets > 3) throw new DerError('a malformed length');
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at + i] ?? Number.NaN);
    at += octets;
    // DER: the shortest form, and no other.
    if (!(length >= 0x80) || length < 256 ** (octets - 1))
      throw new DerError('a length that is not in its shortest form');
  }
  if (at + length > bytes.length) throw new DerError('an element that ends too early');
  const end = at + length;
  return [{ tag, content: bytes.subarray(at, end), bytes: bytes.subarray(start, end) }, end];
}

// Real ones have some ten octets. The work that one arc takes grows with the square of its length.
const MAX_OID = 64;

/** An object identifier in dotted form. */
export function readOid({ tag, content }: DerElement): string {
  if (tag !== TAG.oid || content.length === 0 || content.length > MAX_OID || content.at(-1)! >= 0x80)
    throw new DerError('a malformed object identifier');
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    arc = arc * 128n + BigInt(octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const first = arcs[0]! < 40n ? 0n : arcs[0]! < 80n ? 1n : 2n;
  return [first, arcs[0]! - first * 40n, ...arcs.slice(1)].join('.');
}

/** A two's complement integer. */
export function readInteger({ tag, content }: DerElement): bigint {
  if (tag !== TAG.integer || content.length === 0) throw new DerError('a malformed integer');
  const [first, second] = content;
  if (content.length > 1 && ((first === 0 && second! < 0x80) || (first === 0xff && second! >= 0x80))) {
    throw new DerError('an integer that is not in its shortest form');
  }
  return BigInt.asIntN(content.length * 8, BigInt(`0x${toHex(content)}`));
}

const UTC = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
const GENERALIZED = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** A time in milliseconds since the epoch (RFC 5280 section 4.1.2.5). */
export function readTime({ tag, content }: DerElement): number {
  const text = String.fromCharCode(...content);
  const parts = tag === TAG.utcTime ? UTC.exec(text) : tag === TAG.generalizedTime ? GENERALIZED.exec(text) : null;
  if (parts === null) throw new DerError('a malformed time');
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fullYear = tag === TAG.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) {
    throw new DerError('a time that does not exist');
  }
  return date.getTime();
}

/** The length octets before `length` bytes of content, in the shortest form (X.690 section 10.1). */
export function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

/** Bytes as lower-case hexadecimal text. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
