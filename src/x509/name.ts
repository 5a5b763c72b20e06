import { type DerElement, DerError, derLength, readChildren, readOid, TAG, toHex } from './der.ts';

interface Attribute {
  readonly oid: string;
  readonly value: DerElement;
}

/** Attributes with a name of their own, in the order in which Go's `pkix.Name` writes them. */
const KNOWN: readonly (readonly [oid: string, name: string])[] = [
  ['2.5.4.5', 'SERIALNUMBER'],
  ['2.5.4.3', 'CN'],
  ['2.5.4.17', 'POSTALCODE'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.7', 'L'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.10', 'O'],
  ['2.5.4.6', 'C'],
];
const SINGLE = new Set(['2.5.4.5', '2.5.4.3']);

/**
 * A distinguished name as text, the way Go's `pkix.Name.String()` writes it: most specific first, known attributes by
 * their short names, others as `OID=#hex` of the DER that Go would write of the value (spec/origin-pulls.md 1.3,
 * spec/api.md 2.1).
 */
export function formatName(name: DerElement): string {
  const attributes = readAttributes(name);
  const known = new Set(KNOWN.map(([oid]) => oid));
  const parts: string[] = [];
  for (const [oid, short] of KNOWN) {
    const found = attributes.filter((attribute) => attribute.oid === oid);
    const taken = SINGLE.has(oid) ? found.slice(-1) : found;
    if (taken.length > 0) parts.push(taken.map(({ value }) => `${short}=${escapeValue(textOf(value))}`).join('+'));
  }
  const others = attributes.filter(({ oid }) => !known.has(oid));
  parts.push(...others.reverse().map(({ oid, value }) => `${oid}=#${toHex(asGoWrites(value))}`));
  return parts.join(',');
}

function readAttributes(name: DerElement): Attribute[] {
  if (name.tag !== TAG.sequence) throw new DerError('a malformed name');
  return readChildren(name).flatMap((rdn) => {
    if (rdn.tag !== TAG.set) throw new DerError('a malformed name');
    return readChildren(rdn).map((pair) => {
      const [type, value] = readChildren(pair);
      if (pair.tag !== TAG.sequence || type === undefined || value === undefined)
        throw new DerError('a malformed name');
      return { oid: readOid(type), value };
    });
  });
}

const UTF8_STRING = 0x0c;
const BMP_STRING = 0x1e;

function textOf({ tag, content }: DerElement): string {
  if (tag === UTF8_STRING) return new TextDecoder().decode(content);
  if (tag === BMP_STRING) return new TextDecoder('utf-16be').decode(content);
  return String.fromCharCode(...content);
}

const PRINTABLE_STRING = 0x13;
const STRINGS = new Set([UTF8_STRING, PRINTABLE_STRING, 0x14, 0x16, BMP_STRING]);

/** Go decodes a string and encodes it again: as PrintableString where it can be one (X.680 41.4), else as UTF8String. */
function asGoWrites(value: DerElement): Uint8Array {
  if (!STRINGS.has(value.tag)) return value.bytes;
  const text = textOf(value);
  const content = new TextEncoder().encode(text);
  const tag = /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text) ? PRINTABLE_STRING : UTF8_STRING;
  return Uint8Array.from([tag, ...derLength(content.length), ...content]);
}

/** RFC 2253 section 2.4. */
function escapeValue(text: string): string {
  return text
    .replace(/[,+"\\<>;]/g, (c) => `\\${c}`)
    .replace(/^[ #]/, (c) => `\\${c}`)
    .replace(/(?<=.) $/, '\\ ');
}
