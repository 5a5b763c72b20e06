import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type DoctorReport, formatSeconds } from '../../core/mod.ts';

/** A report with who vouches for it. The file holds it as `writeSigned` writes it, and in no other way. */
export interface SignedReport {
  readonly report: DoctorReport;
  readonly signature: ReportSignature & {
    /** Base64 of the Ed25519 signature (RFC 8032) over the JSON text of `{ report, signature }` without this member. */
    readonly value: string;
  };
}

interface ReportSignature {
  readonly algorithm: 'Ed25519';
  /** Base64 of the DER of the SubjectPublicKeyInfo (RFC 8410). */
  readonly public_key: string;
  /** RFC 3339, whole seconds. */
  readonly signed_at: string;
  /** Who says that it was signed. */
  readonly by: string;
}

const VERDICTS: ReadonlySet<unknown> = new Set(['closed', 'open', 'unknown']);

/** Signs a report with an Ed25519 key. `now` in milliseconds since the epoch. */
export function signReport(report: DoctorReport, key: KeyObject, by: string, now: number): SignedReport {
  const signature = {
    algorithm: 'Ed25519',
    public_key: publicKeyText(createPublicKey(key)),
    signed_at: formatSeconds(now),
    by,
  } as const;
  return { report, signature: { ...signature, value: sign(null, bytesOf(report, signature), key).toString('base64') } };
}

/** The text of the file. */
export function writeSigned(signed: SignedReport): string {
  return `${JSON.stringify(signed, null, 2)}\n`;
}

/**
 * Reads a file and checks its signature by the key that it names. Whether that key is to be trusted is for the caller to
 * decide: see `publicKeyText`. Returns null for everything but a whole report as it was signed.
 */
export function readSigned(text: string): SignedReport | null {
  try {
    const signed = JSON.parse(text) as SignedReport;
    // Members twice, or any that are not signed, would be read differently by others.
    if (writeSigned(signed) !== text || Object.keys(signed).join() !== 'report,signature') return null;
    const { report, signature } = signed;
    const { value, ...rest } = signature;
    if (rest.algorithm !== 'Ed25519' || report.version !== 1 || !VERDICTS.has(report.verdict)) return null;
    const key = createPublicKey({ key: Buffer.from(rest.public_key, 'base64'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType !== 'ed25519' || publicKeyText(key) !== rest.public_key) return null;
    return verify(null, bytesOf(report, rest), key, Buffer.from(value, 'base64')) ? signed : null;
  } catch {
    return null;
  }
}

/** A public key in the form that signatures name it: base64 of its SubjectPublicKeyInfo. */
export function publicKeyText(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}

function bytesOf(report: DoctorReport, signature: ReportSignature): Buffer {
  return Buffer.from(JSON.stringify({ report, signature }));
}
