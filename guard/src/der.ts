/** One DER element (X.690 section 10). */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** The element whole, header included. */
  readonly bytes: Uint8Array;
}

/** Bytes that are not strict DER, or not what X.509 wants at that place. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** Tags of the universal class that certificates and revocation lists use. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Reads exactly one element of the given tag; bytes behind it are an error. */
export function readElement(bytes: Uint8Array, tag: number): Element {
  const [element, end] = elementAt(bytes, 0);
  if (end !== bytes.length) throw new DerError('bytes behind the end');
  return expectTag(element, tag);
}

/** The elements inside a constructed one. */
export function children({ content }: Element): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < content.length; ) {
    const [element, end] = elementAt(content, at);
    found.push(element);
    at = end;
  }
  return found;
}

/** The element, if it is there and has the tag. */
export function expectTag(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new DerError(`an element of tag ${tag} is missing`);
  return element;
}

function elementAt(bytes: Uint8Array, start: number): [Element, number] {
  const tag = bytes[start];
  const first = bytes[start + 1];
  // Tags of several octets occur nowhere in X.509.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new DerError('a malformed header');
  const octets = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || octets > 4) throw new DerError('a malformed length');
  const head = start + 2 + octets;
  let length = first;
  if (octets > 0) {
    if (head > bytes.length) throw new DerError('a length that is cut off');
    length = bytes.subarray(start + 2, head).reduce((sum, octet) => sum * 256 + octet, 0);
    if (length < 0x80 || length < 256 ** (octets - 1)) throw new DerError('a length not in its shortest form');
  }
  const end = head + length;
  if (end > bytes.length) throw new DerError('an element that ends too early');
  return [{ tag, content: bytes.subarray(head, end), bytes: bytes.subarray(start, end) }, end];
}

/** Bytes as lower-case hexadecimal text. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** An object identifier as the hexadecimal text of its content octets: what this package compares. */
export function readOid(element: Element | undefined): string {
  const { content } = expectTag(element, TAG.oid);
  if (content.length === 0 || content.length > 64 || content.at(-1)! >= 0x80)
    throw new DerError('a malformed object identifier');
  return hex(content);
}

/** A positive or negative integer as the hexadecimal text of its content octets, in the shortest form. */
export function readInteger(element: Element | undefined): string {
  const { content } = expectTag(element, TAG.integer);
  const [first, second] = content;
  if (first === undefined) throw new DerError('an empty integer');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw new DerError('an integer not in its shortest form');
  return hex(content);
}

/** A BOOLEAN: 0 or 255 (X.690 section 11.1). */
export function readBoolean(element: Element | undefined): boolean {
  const { content } = expectTag(element, TAG.boolean);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('a malformed boolean');
  return content[0] === 0xff;
}

/** The octets of a BIT STRING of flags. */
export function readBits(element: Element | undefined): Uint8Array {
  const { content } = expectTag(element, TAG.bitString);
  const [unused] = content;
  if (unused === undefined || unused > 7 || (unused > 0 && content.length === 1))
    throw new DerError('a malformed bit string');
  return content.subarray(1);
}

/** The octets of a signature: a BIT STRING of whole octets. */
export function readSignature(element: Element | undefined): Uint8Array {
  const octets = readBits(element);
  if (element!.content[0] !== 0) throw new DerError('a signature that is not of whole octets');
  return octets;
}

const UTC = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** A time in milliseconds since the epoch (RFC 5280 section 4.1.2.5). */
export function readTime(element: Element | undefined): number {
  const pattern = element?.tag === TAG.utcTime ? UTC : element?.tag === TAG.generalizedTime ? GENERALIZED : null;
  const parts = pattern?.exec(String.fromCharCode(...element!.content.subarray(0, 16)));
  if (parts == null) throw new DerError('a malformed time');
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [number, ...number[]];
  // RFC 5280 section 4.1.2.5.1: two digits from 50 on are of the last century.
  const fullYear = pattern === UTC ? year + (year < 50 ? 2000 : 1900) : year;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month! - 1, day);
  date.setUTCHours(hour!, minute, second);
  if (date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day || hour! > 23 || minute! > 59 || second! > 59)
    throw new DerError('a time that does not exist');
  return date.getTime();
}

/** One extension of a certificate, of a revocation list or of one of its entries (RFC 5280 section 4.1). */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Reads `Extensions`; one that is there twice is an error. */
export function readExtensions(sequence: Element): Extension[] {
  const extensions = children(expectTag(sequence, TAG.sequence)).map((element) => {
    const parts = children(expectTag(element, TAG.sequence));
    const critical = parts[1]?.tag === TAG.boolean ? readBoolean(parts[1]) : false;
    const value = expectTag(parts.at(-1), TAG.octetString).content;
    if (parts.length !== (parts[1]?.tag === TAG.boolean ? 3 : 2)) throw new DerError('a malformed extension');
    return { oid: readOid(parts[0]), critical, value };
  });
  if (new Set(extensions.map(({ oid }) => oid)).size !== extensions.length)
    throw new DerError('an extension that is there twice');
  return extensions;
}
