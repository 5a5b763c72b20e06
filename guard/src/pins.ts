import type { Certificate } from './certificate.ts';

/**
 * Which leaf certificates are expected, beyond the CA. Each list that is there must hold the leaf's value; any one of a list
 * will do, so that a rotation lists the old and the new.
 */
export interface Pins {
  /** Subjects in the form of RFC 4514, as `openssl x509 -noout -subject -nameopt RFC2253,utf8,-esc_msb` prints them. */
  readonly subjects?: readonly string[] | undefined;
  /** SHA-256 of certificates, in hexadecimal, with or without colons. */
  readonly fingerprints?: readonly string[] | undefined;
  /** SHA-256 of public keys (SubjectPublicKeyInfo), in hexadecimal or base64. */
  readonly publicKeys?: readonly string[] | undefined;
}

/** Pins in comparable form; null for a kind that is not pinned. */
export interface PinSets {
  readonly subjects: ReadonlySet<string> | null;
  readonly fingerprints: ReadonlySet<string> | null;
  readonly publicKeys: ReadonlySet<string> | null;
}

/** Reads pins. Throws where one is malformed or a list is empty: a pin that never counts would look like one that does. */
export function readPins(pins: Pins): PinSets {
  if (Object.values(pins).every((list) => list === undefined)) throw new Error('"pin" names nothing');
  return {
    subjects: readList(pins.subjects, 'subjects', (subject) => subject),
    fingerprints: readList(pins.fingerprints, 'fingerprints', readHash),
    publicKeys: readList(pins.publicKeys, 'publicKeys', readHash),
  };
}

/** True where the leaf is one of those expected. */
export function matchesPins(leaf: Certificate, { subjects, fingerprints, publicKeys }: PinSets): boolean {
  return (
    (subjects?.has(leaf.subjectText) ?? true) &&
    (fingerprints?.has(leaf.fingerprint) ?? true) &&
    (publicKeys?.has(leaf.publicKeyFingerprint) ?? true)
  );
}

function readList(
  list: readonly string[] | undefined,
  name: string,
  read: (text: string) => string | null,
): ReadonlySet<string> | null {
  if (list === undefined) return null;
  if (!Array.isArray(list) || list.length === 0) throw new Error(`"pin.${name}" must be a list that is not empty`);
  return new Set(
    list.map((text: unknown) => {
      const value = typeof text === 'string' && text !== '' ? read(text) : null;
      if (value === null)
        throw new Error(`"pin.${name}" holds ${JSON.stringify(text)}, which is not what belongs there`);
      return value;
    }),
  );
}

function readHash(text: string): string | null {
  const plain = text.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(plain)) return plain;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === 32 && bytes.toString('base64') === text ? bytes.toString('hex') : null;
}
