import { Buffer } from 'node:buffer';
import { BlockList, isIP } from 'node:net';

const BYTE_SEQUENCE = /^:([A-Za-z0-9+/]*={0,2}):$/;

/** The certificate in a `Client-Cert` header (RFC 9440 section 2.2): one structured byte sequence. Null where it is malformed. */
export function parseClientCert(value: string): Buffer | null {
  const base64 = BYTE_SEQUENCE.exec(value.trim())?.[1];
  if (base64 === undefined || base64 === '') return null;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 ? bytes : null;
}

/** The certificates in a `Client-Cert-Chain` header (RFC 9440 section 2.3): a list of byte sequences. Null where malformed. */
export function parseClientCertChain(value: string): Buffer[] | null {
  const certificates = value.split(',').map(parseClientCert);
  return certificates.includes(null) ? null : (certificates as Buffer[]);
}

/** A test for the addresses of trusted proxies. Throws where an entry is neither an address nor a CIDR block. */
export function addressMatcher(entries: readonly string[]): (address: string | undefined) => boolean {
  if (!Array.isArray(entries) || entries.length === 0)
    throw new Error('"clientCertHeader.from" must list the addresses of your proxies');
  const list = new BlockList();
  for (const entry of entries as readonly string[]) {
    const [address, prefix, ...more] = String(entry).split('/');
    const family = isIP(address!);
    const bits = prefix === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : 999;
    if (family === 0 || more.length > 0 || bits > (family === 4 ? 32 : 128))
      throw new Error(`"clientCertHeader.from" holds ${JSON.stringify(entry)}, which is no address and no CIDR block`);
    list.addSubnet(address!, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => {
    // A dual-stack listener shows IPv4 peers in the mapped form (RFC 4291 section 2.5.5.2).
    const plain = address?.replace(/^::ffff:(?=[\d.]+$)/i, '') ?? '';
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  };
}
