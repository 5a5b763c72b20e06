import { verify } from 'node:crypto';
import { type Certificate, KEY_USAGE } from './certificate.ts';
import {
  children,
  DerError,
  type Element,
  expectTag,
  hex,
  readElement,
  readExtensions,
  readInteger,
  readOid,
  readSignature,
  readTime,
  TAG,
} from './der.ts';
import { signatureHash } from './oid.ts';

/** A revocation list (RFC 5280 section 5), whole and direct. */
export interface RevocationList {
  /** The issuer's name, DER as hexadecimal text. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Serial numbers as hexadecimal text. */
  readonly revoked: ReadonlySet<string>;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly hash: string | null;
}

/** Reads a revocation list from DER. Throws where it is not one, or says something that this reader does not understand. */
export function parseRevocationList(der: Uint8Array): RevocationList {
  const [tbs, outerAlgorithm, signature, ...more] = children(readElement(der, TAG.sequence));
  if (more.length > 0) throw new DerError('bytes behind the signature');
  const fields = children(expectTag(tbs, TAG.sequence));
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const [algorithm, issuer, thisUpdate, nextUpdate] = fields.splice(0, 4);
  if (hex(expectTag(algorithm, TAG.sequence).bytes) !== hex(expectTag(outerAlgorithm, TAG.sequence).bytes))
    throw new DerError('two signature algorithms');
  const hash = signatureHash(readOid(children(algorithm!)[0]));
  if (hash === undefined) throw new DerError('a signature algorithm that is weak or not supported');
  const entries = fields[0]?.tag === TAG.sequence ? children(fields.shift()!) : [];
  const extensions = fields[0]?.tag === 0xa0 ? fields.shift() : undefined;
  if (fields.length > 0) throw new DerError('a malformed revocation list');
  if (extensions !== undefined) refuseCritical(readElement(extensions.content, TAG.sequence));
  return {
    issuer: hex(expectTag(issuer, TAG.sequence).bytes),
    thisUpdate: readTime(thisUpdate),
    nextUpdate: readTime(nextUpdate),
    revoked: new Set(entries.map(readEntry)),
    signed: tbs!.bytes,
    signature: readSignature(signature),
    hash,
  };
}

function readEntry(entry: Element): string {
  const [serial, date, extensions] = children(expectTag(entry, TAG.sequence));
  readTime(date);
  if (extensions !== undefined) refuseCritical(extensions);
  return readInteger(serial);
}

/** Delta lists, indirect lists and lists of only some certificates say so by critical extensions (RFC 5280 section 5.2). */
function refuseCritical(extensions: Element): void {
  if (readExtensions(extensions).some(({ critical }) => critical))
    throw new DerError('a delta, indirect or partial revocation list');
}

/** True where `issuer` has the name and made the signature of the list, and may sign such lists. */
export function isListOf(list: RevocationList, issuer: Certificate): boolean {
  if (list.issuer !== issuer.subject) return false;
  if (issuer.keyUsage !== null && (issuer.keyUsage & KEY_USAGE.crlSign) === 0) return false;
  try {
    return verify(list.hash, list.signed, issuer.x509.publicKey, list.signature);
  } catch {
    return false;
  }
}

/** What the lists say about one certificate, and in which span of time they say it (milliseconds since the epoch). */
export type Revocation =
  | { readonly status: 'good'; readonly from: number; readonly until: number }
  | { readonly status: 'revoked' | 'unknown' | 'outdated' };

/**
 * Looks a certificate up in the lists of its issuer. No list, or none that is current, is not "good": a list that somebody
 * held back must not bring a revoked certificate to life.
 */
export function revocationOf(
  certificate: Certificate,
  issuer: Certificate,
  lists: readonly RevocationList[],
  now: number,
): Revocation {
  const own = lists.filter((list) => isListOf(list, issuer));
  if (own.length === 0) return { status: 'unknown' };
  if (own.some(({ revoked }) => revoked.has(certificate.serialNumber))) return { status: 'revoked' };
  const current = own.filter(({ thisUpdate, nextUpdate }) => thisUpdate <= now && now <= nextUpdate);
  if (current.length === 0) return { status: 'outdated' };
  const [newest] = current.toSorted((a, b) => b.nextUpdate - a.nextUpdate);
  return { status: 'good', from: newest!.thisUpdate, until: newest!.nextUpdate };
}
