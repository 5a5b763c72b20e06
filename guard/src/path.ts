import { type Certificate, isSignedBy, KEY_USAGE } from './certificate.ts';
import { OID } from './oid.ts';
import type { RefusalCode } from './refusal.ts';
import { type RevocationList, revocationOf } from './revocation.ts';

/** What a path must end in and pass by. */
export interface PathRules {
  /** Trusted by themselves, up to their own dates. One that is not a CA trusts only itself. */
  readonly anchors: readonly Certificate[];
  /** Known, not trusted. */
  readonly intermediates: readonly Certificate[];
  /** Null where revocation is not looked at. */
  readonly lists: readonly RevocationList[] | null;
  /** True where the leaf must name clientAuth; else it may leave extended key usage out. */
  readonly requireClientAuth: boolean;
}

/** A verified path, and the span of time in which it holds (milliseconds since the epoch, both ends included). */
export interface VerifiedPath {
  /** The leaf first, the anchor last. */
  readonly certificates: readonly Certificate[];
  readonly from: number;
  readonly until: number;
}

const MAX_CERTIFICATES = 8;
/** What a stranger's certificates may cost: one signature takes some 0.1 ms. */
const MAX_SIGNATURES = 40;

/** The later one tells more about why no path was found. */
const TELLING: readonly RefusalCode[] = [
  'certificate_untrusted',
  'certificate_unsupported',
  'certificate_weak',
  'certificate_usage',
  'certificate_not_yet_valid',
  'certificate_expired',
  'revocation_unknown',
  'revocation_outdated',
  'certificate_revoked',
];

/** A path from `leaf` to an anchor that holds at `now` (RFC 5280 section 6), or why there is none. */
export function findPath(
  leaf: Certificate,
  presented: readonly Certificate[],
  rules: PathRules,
  now: number,
): VerifiedPath | RefusalCode {
  const itself = rules.anchors.some(({ isCa, fingerprint }) => !isCa && fingerprint === leaf.fingerprint);
  const flaw = flawOf(leaf, now) ?? flawOfLeaf(leaf, rules.requireClientAuth);
  if (flaw !== null) return flaw;
  if (itself) return checkRevocation([leaf], rules.lists, now);
  const anchors = rules.anchors.filter(({ isCa }) => isCa);
  const trusted = new Set(anchors.map(({ fingerprint }) => fingerprint));
  const candidates = [...anchors, ...rules.intermediates, ...presented];
  let signatures = 0;
  let reason: RefusalCode = 'certificate_untrusted';
  const note = (code: RefusalCode) => {
    if (TELLING.indexOf(code) > TELLING.indexOf(reason)) reason = code;
  };

  const extend = (path: readonly Certificate[]): VerifiedPath | null => {
    const last = path.at(-1)!;
    for (const issuer of candidates) {
      if (issuer.subject !== last.issuer || path.slice(1).includes(issuer)) continue;
      if (!mayIssue(issuer, path) || ++signatures > MAX_SIGNATURES || !isSignedBy(last, issuer)) continue;
      const flaw = flawOf(issuer, now) ?? (isForClients(issuer, false) ? null : 'certificate_usage');
      if (flaw !== null) {
        note(flaw);
        continue;
      }
      const longer = [...path, issuer];
      if (!trusted.has(issuer.fingerprint)) {
        const found = longer.length < MAX_CERTIFICATES ? extend(longer) : null;
        if (found !== null) return found;
        continue;
      }
      const checked = checkRevocation(longer, rules.lists, now);
      if (typeof checked !== 'string') return checked;
      note(checked);
    }
    return null;
  };

  return extend([leaf]) ?? reason;
}

function mayIssue(issuer: Certificate, path: readonly Certificate[]): boolean {
  if (!issuer.isCa || (issuer.keyUsage !== null && (issuer.keyUsage & KEY_USAGE.keyCertSign) === 0)) return false;
  // RFC 5280 section 6.1.4 (l): a CA's certificate for itself does not count.
  const between = path.slice(1).filter(({ subject, issuer: above }) => subject !== above).length;
  return issuer.pathLength === null || between <= issuer.pathLength;
}

function flawOf(certificate: Certificate, now: number): RefusalCode | null {
  if (certificate.unsupported) return 'certificate_unsupported';
  if (certificate.weak) return 'certificate_weak';
  if (now < certificate.notBefore) return 'certificate_not_yet_valid';
  return now > certificate.notAfter ? 'certificate_expired' : null;
}

function flawOfLeaf({ keyUsage, ...leaf }: Certificate, requireClientAuth: boolean): RefusalCode | null {
  const signs = keyUsage === null || (keyUsage & (KEY_USAGE.digitalSignature | KEY_USAGE.keyAgreement)) !== 0;
  return signs && isForClients(leaf, requireClientAuth) ? null : 'certificate_usage';
}

function isForClients({ extendedKeyUsage }: Pick<Certificate, 'extendedKeyUsage'>, mustSay: boolean): boolean {
  if (extendedKeyUsage === null) return !mustSay;
  return extendedKeyUsage.includes(OID.clientAuth) || (!mustSay && extendedKeyUsage.includes(OID.anyExtendedKeyUsage));
}

const STATUS_CODES = {
  revoked: 'certificate_revoked',
  unknown: 'revocation_unknown',
  outdated: 'revocation_outdated',
} as const satisfies Readonly<Record<string, RefusalCode>>;

/** Only for a path that is trusted already: a stranger's CA must not cost us its lists. */
function checkRevocation(
  certificates: readonly Certificate[],
  lists: readonly RevocationList[] | null,
  now: number,
): VerifiedPath | RefusalCode {
  let from = Math.max(...certificates.map(({ notBefore }) => notBefore));
  let until = Math.min(...certificates.map(({ notAfter }) => notAfter));
  // A leaf that is trusted by itself has no issuer here whose list could name it.
  if (lists !== null && certificates.length === 1) return 'revocation_unknown';
  for (let i = 0; lists !== null && i < certificates.length - 1; i++) {
    const revocation = revocationOf(certificates[i]!, certificates[i + 1]!, lists, now);
    if (revocation.status !== 'good') return STATUS_CODES[revocation.status];
    from = Math.max(from, revocation.from);
    until = Math.min(until, revocation.until);
  }
  return { certificates, from, until };
}
