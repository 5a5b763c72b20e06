import type { Buffer } from 'node:buffer';
import type { ServerKey } from '../core/mod.ts';
import type { ClientHello } from './client-hello.ts';
import type { TlsPolicy } from './tls-policy.ts';

const TLS_1_3 = 0x0304;

/** Schemes with which a key signs in TLS 1.3, where ECDSA ties each curve to one (RFC 8446 section 4.2.3). */
const SCHEMES: Readonly<Record<ServerKey, ReadonlySet<number>>> = {
  'P-256': new Set([0x0403]),
  'P-384': new Set([0x0503]),
  'P-521': new Set([0x0603]),
  RSA: new Set([0x0804, 0x0805, 0x0806]),
};
/** In TLS 1.2 any curve goes with any hash (RFC 5246 section 7.4.1.4.1). SHA-1 is none that a library still signs with. */
const OLD_ECDSA_SCHEMES: ReadonlySet<number> = new Set([0x0403, 0x0503, 0x0603]);
const OLD_RSA_SCHEMES: ReadonlySet<number> = new Set([0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806]);
const GROUPS = { 'P-256': 23, 'P-384': 24, 'P-521': 25 } as const;
/** Suites of TLS 1.2 and older that a certificate of the one kind or the other serves (the IANA registry's numbers). */
const ECDSA_SUITES: ReadonlySet<number> = new Set([
  0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xc0ac, 0xc0ad, 0xcca9,
]);
const RSA_SUITES: ReadonlySet<number> = new Set([
  0x002f, 0x0033, 0x0035, 0x0039, 0x003c, 0x003d, 0x0067, 0x006b, 0x009c, 0x009d, 0x009e, 0x009f, 0xc013, 0xc014,
  0xc027, 0xc028, 0xc02f, 0xc030, 0xcca8, 0xccaa,
]);

/** Whether a visitor can shake hands with a certificate that has such a key, in the version that the policy leads to. */
export function acceptsKey(hello: ClientHello, key: ServerKey, { maxVersion }: Pick<TlsPolicy, 'maxVersion'>): boolean {
  const { versions, signatures, ciphers, groups } = hello;
  if (maxVersion === 'TLSv1.3' && versions !== null && lists(versions, (version) => version === TLS_1_3)) {
    return signatures !== null && lists(signatures, (scheme) => SCHEMES[key].has(scheme));
  }
  const [suites, schemes] = key === 'RSA' ? [RSA_SUITES, OLD_RSA_SCHEMES] : [ECDSA_SUITES, OLD_ECDSA_SCHEMES];
  return (
    lists(ciphers, (suite) => suites.has(suite)) &&
    (signatures === null || lists(signatures, (scheme) => schemes.has(scheme))) &&
    (key === 'RSA' || groups === null || lists(groups, (group) => group === GROUPS[key]))
  );
}

/** Whether one of the numbers of two bytes in a list is as asked. */
function lists(list: Buffer, isWanted: (number: number) => boolean): boolean {
  for (let at = 0; at + 1 < list.length; at += 2) if (isWanted(list.readUInt16BE(at))) return true;
  return false;
}
