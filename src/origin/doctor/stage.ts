import type { CertificateRequestFact, DoctorAttempt, DoctorReport } from '../../core/mod.ts';

/**
 * How far an origin is on the way from "asks nobody" to "refuses everybody else":
 *
 * - `refuses_right`: the edge's certificate is not let in; enforcing would stop every request.
 * - `ignores`: nobody is asked for a certificate.
 * - `unclear`: everybody is let in, and the origin does not show whether it would trust the edge's certificate.
 * - `observes`: certificates are asked for, the CA of the right one is trusted, and who has none is let in: enforcing is safe.
 * - `enforces`: who has none is refused.
 * - `unknown`: the origin could not be judged.
 */
export type OriginStage = 'refuses_right' | 'ignores' | 'unclear' | 'observes' | 'enforces' | 'unknown';

const ORDER: readonly OriginStage[] = ['unknown', 'refuses_right', 'ignores', 'unclear', 'observes', 'enforces'];

/** Reads the stage out of an examination: that of the address which is least far. */
export function originStage({ attempts, certificate_requests }: DoctorReport): OriginStage {
  const stages = certificate_requests.map((request) =>
    stageOf(
      attempts.filter(({ address }) => address === request.address),
      request,
    ),
  );
  return ORDER.find((stage) => stages.includes(stage)) ?? 'unknown';
}

function stageOf(attempts: readonly DoctorAttempt[], request: CertificateRequestFact): OriginStage {
  const of = (...checks: readonly DoctorAttempt['check'][]) => attempts.filter(({ check }) => checks.includes(check));
  const right = of('right');
  if (right.some(({ verdict }) => verdict === 'broken')) return 'refuses_right';
  if (!right.some(({ verdict, answer }) => verdict === 'ok' && answer?.kind === 'response')) return 'unknown';
  const [strangers, none] = [of('self_signed', 'same_subject'), of('none')];
  if (strangers.length === 0 || none.length === 0) return 'unknown';
  const areRefused = strangers.every(({ verdict }) => verdict === 'ok');
  if (areRefused && none.every(({ verdict }) => verdict === 'ok')) return 'enforces';
  if (!none.some(({ verdict }) => verdict === 'open')) return 'unknown';
  // An origin that observes lets strangers in too, lest a mistake in its trust stops the edge: it shows what it trusts otherwise.
  if (areRefused || (request.asked === true && request.names_issuer === true)) return 'observes';
  return request.asked === false ? 'ignores' : 'unclear';
}
