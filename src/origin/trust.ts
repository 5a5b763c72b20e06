import { ApiError } from '../core/mod.ts';
import { type CertificateFacts, readCertificate } from '../x509/mod.ts';

/** What a trust file holds, and what a person should know of it. */
export interface TrustFacts {
  readonly anchors: readonly CertificateFacts[];
  /** Sentences: anchors that have expired or are not valid yet, beside others that are. */
  readonly notes: readonly string[];
}

/** A trust file that must not be used; the message says why and what to do. */
export class TrustError extends Error {
  override readonly name = 'TrustError';
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?(?:-----END CERTIFICATE-----|$)/g;

/**
 * Reads the CAs that an origin is to trust: one or more certificates in PEM, with any text between. `now` is in
 * milliseconds since the epoch. Throws `TrustError` where an origin would trust nobody, more than was meant, or would
 * hold a private key that is not its own.
 */
export function readTrust(pem: string, now: number): TrustFacts {
  for (const [, label] of pem.matchAll(/-----BEGIN ([^-]*)-----/g)) {
    if (label!.endsWith('PRIVATE KEY'))
      throw new TrustError('it holds a private key: the origin needs the certificate of the CA, and never its key');
    // TLS libraries take other kinds of blocks for anchors too.
    if (label !== 'CERTIFICATE') throw new TrustError(`it holds something else than certificates: ${label}`);
  }
  const texts = pem.match(CERTIFICATE);
  if (texts === null)
    throw new TrustError('it holds no certificate: it must be PEM, -----BEGIN CERTIFICATE----- and so on');
  const anchors = texts.map((text, i) => readAnchor(`${text}\n`, i + 1));
  const valid = anchors.filter(({ notBefore, notAfter }) => notBefore <= now && now < notAfter);
  if (valid.length === 0) throw new TrustError(describeDates(anchors[0]!, now));
  return {
    anchors,
    notes: anchors
      .filter((anchor) => !valid.includes(anchor))
      .map((anchor) => `In the trust file, ${describeDates(anchor, now)}.`),
  };
}

function readAnchor(text: string, number: number): CertificateFacts {
  let facts: CertificateFacts;
  try {
    facts = readCertificate(text);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new TrustError(`its certificate ${number} cannot be read`);
  }
  if (!facts.isCa)
    throw new TrustError(
      `its certificate ${number} (${facts.subject}) is not a CA: give the CA that signed the edge's certificate, not that certificate`,
    );
  return facts;
}

function describeDates({ subject, notBefore, notAfter }: CertificateFacts, now: number): string {
  const day = (time: number) => new Date(time).toISOString().slice(0, 10);
  return now < notBefore
    ? `${subject} is not valid before ${day(notBefore)}`
    : `${subject} expired on ${day(notAfter)}`;
}
