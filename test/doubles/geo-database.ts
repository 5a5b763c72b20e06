/** Writes databases in MaxMind's format (version 2.0, records of 24 bits), for tests. */

type Data = string | number | boolean | readonly Data[] | { readonly [key: string]: Data };
type Node = [left: Node | number | null, right: Node | number | null];

/** A database that knows these networks: each as bits of an IPv6 address, an IPv4 one behind 96 zeros. */
export function geoDatabase(networks: readonly (readonly [bits: string, record: Data])[]): Buffer {
  const root: Node = [null, null];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [bits, record] of networks) {
    let node = root;
    for (const bit of bits.slice(0, -1)) {
      const side = Number(bit) as 0 | 1;
      node[side] ??= [null, null];
      node = node[side] as Node;
    }
    node[Number(bits.at(-1)) as 0 | 1] = offset;
    const encoded = encode(record);
    data.push(encoded);
    offset += encoded.length;
  }
  const nodes: Node[] = [];
  const number = (node: Node): void => {
    nodes.push(node);
    for (const side of node) if (Array.isArray(side)) number(side);
  };
  number(root);
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, node] of nodes.entries()) {
    for (const [side, to] of node.entries()) {
      const value = Array.isArray(to) ? nodes.indexOf(to) : to === null ? nodes.length : nodes.length + 16 + to;
      tree.writeUIntBE(value, index * 6 + side * 3, 3);
    }
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: 'Test',
    description: { en: 'Test' },
    ip_version: 6,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}

/** The bits of an IPv4 network. */
export function ipv4Bits(address: string, length: number): string {
  const bits = address.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0'));
  return '0'.repeat(96) + bits.join('').slice(0, length);
}

function encode(value: Data): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'boolean') return control(14, value ? 1 : 0);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(Number.isInteger(value) ? 4 : 8);
    if (Number.isInteger(value)) bytes.writeUInt32BE(value);
    else bytes.writeDoubleBE(value);
    return Buffer.concat([control(Number.isInteger(value) ? 6 : 3, bytes.length), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([control(7, entries.length), ...entries.flat().map(encode as (one: unknown) => Buffer)]);
}

/** A type above 7 stands in a second byte; a size above 28 in one more. */
function control(type: number, size: number): Buffer {
  const inFirst = Math.min(size, 29);
  const bytes = type > 7 ? [inFirst, type - 7] : [(type << 5) | inFirst];
  return Buffer.from(size < 29 ? bytes : [...bytes, size - 29]);
}
