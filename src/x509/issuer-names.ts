import { readChildren, readDer, TAG } from './der.ts';
import { readPem } from './pem.ts';

/** The issuers of the certificates in a PEM text, leaf first: each as the DER of its Name (RFC 5280 section 4.1.2.4). Throws `DerError`. */
export function issuerNames(pem: string): Uint8Array[] {
  return (readPem(pem) ?? []).map(({ der }) => {
    const fields = readChildren(readChildren(readDer(der))[0]!);
    // version [0] is there or not; then serialNumber, signature, issuer.
    const first = fields[0]!.tag === TAG.integer ? 0 : 1;
    return fields[first + 2]!.bytes;
  });
}
