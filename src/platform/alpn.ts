import { Buffer } from 'node:buffer';

const LISTS = new WeakMap<readonly string[], Buffer>();

/** Protocols as in RFC 7301 section 3.1, each after its length. Made once for a list that is given again. */
export function protocolList(protocols: readonly string[]): Buffer {
  const known = LISTS.get(protocols);
  if (known !== undefined) return known;
  const list = Buffer.from(
    protocols.map((protocol) => String.fromCharCode(protocol.length) + protocol).join(''),
    'latin1',
  );
  LISTS.set(protocols, list);
  return list;
}
