/** Object identifiers as the hexadecimal text of their content octets, named as RFC 5280 names them. */
export const OID = {
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  certificatePolicies: '551d20',
  extKeyUsage: '551d25',
  anyExtendedKeyUsage: '551d2500',
  clientAuth: '2b06010505070302',
} as const;

const SHA2: Readonly<Record<string, string>> = {
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};

/** Signature algorithms that count. SHA-1 and MD5 do not: their collisions forge certificates. */
const SIGNATURES: Readonly<Record<string, { readonly hash: string | null }>> = {
  '2a864886f70d01010b': { hash: 'sha256' },
  '2a864886f70d01010c': { hash: 'sha384' },
  '2a864886f70d01010d': { hash: 'sha512' },
  '2a8648ce3d040302': { hash: 'sha256' },
  '2a8648ce3d040303': { hash: 'sha384' },
  '2a8648ce3d040304': { hash: 'sha512' },
  '2b6570': { hash: null },
  '2b6571': { hash: null },
};

/** RSASSA-PSS (RFC 4055): its hash stands in its parameters. */
export const RSA_PSS = '2a864886f70d01010a';

/** The hash of a strong signature algorithm, null where it has none of its own (EdDSA), undefined where it is not strong. */
export function signatureHash(oid: string): string | null | undefined {
  return SIGNATURES[oid]?.hash;
}

/** True for SHA-256, SHA-384 and SHA-512. */
export function isStrongHash(oid: string): boolean {
  return SHA2[oid] !== undefined;
}

/** Short names of attributes, as `openssl x509 -nameopt RFC2253` writes them. */
export const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  '550403': 'CN',
  '550405': 'serialNumber',
  '550406': 'C',
  '550407': 'L',
  '550408': 'ST',
  '550409': 'street',
  '55040a': 'O',
  '55040b': 'OU',
  '0992268993f22c640101': 'UID',
  '0992268993f22c640119': 'DC',
  '2a864886f70d010901': 'emailAddress',
};

/** An object identifier in dotted form. */
export function dotted(oidHex: string): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of Buffer.from(oidHex, 'hex')) {
    arc = arc * 128n + BigInt(octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [joined = 0n, ...rest] = arcs;
  const first = joined < 80n ? joined / 40n : 2n;
  return [first, joined - first * 40n, ...rest].join('.');
}
