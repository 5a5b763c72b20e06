import {
  DOCTOR_CHECKS,
  type DoctorAttempt,
  type DoctorCheck,
  type DoctorFinding,
  type DoctorReport,
} from '../../core/mod.ts';
import { remedyOf } from './remedies.ts';
import type { DoctorSubject } from './subject.ts';

/** What all attempts together show. `notes` are sentences that change no verdict. */
export function conclude(
  subject: DoctorSubject,
  attempts: readonly DoctorAttempt[],
  notes: readonly string[],
): Pick<DoctorReport, 'verdict' | 'summary' | 'findings'> {
  const findings = (['open', 'broken', 'unknown'] as const).flatMap((verdict) =>
    findingsOf(subject, attempts, verdict),
  );
  const verdict = findings.some((finding) => finding.verdict === 'open')
    ? 'open'
    : findings.length === 0 && isProven(subject, attempts)
      ? 'closed'
      : 'unknown';
  return {
    verdict,
    findings,
    summary: [headline(verdict, attempts, findings), ...limits(subject, attempts), ...notes].join(' '),
  };
}

/** Nothing is closed for want of proof: each address must have let the right certificate in. */
function isProven({ right, endpoints }: DoctorSubject, attempts: readonly DoctorAttempt[]): boolean {
  const addresses = new Set(
    attempts.flatMap(({ check, answer, verdict, address }) =>
      check === 'right' && verdict === 'ok' && answer?.kind === 'response' ? [address] : [],
    ),
  );
  return right !== null && endpoints.length > 0 && addresses.size === new Set(endpoints.map(keyOf)).size;
}

function keyOf({ address, port }: DoctorSubject['endpoints'][number]): string {
  return `${address} ${port}`;
}

/** What may be left untried: nobody but its holder has such a certificate. */
function mayBeMissing(check: DoctorCheck, level: DoctorReport['level']): boolean {
  if (check === 'shared') return level === null || level === 'global';
  return check === 'right_old' || check === 'expired' || check === 'other_tenant';
}

function findingsOf(
  subject: DoctorSubject,
  attempts: readonly DoctorAttempt[],
  verdict: DoctorFinding['verdict'],
): DoctorFinding[] {
  const isMeant = (attempt: DoctorAttempt) =>
    attempt.verdict === verdict ||
    (verdict === 'unknown' && attempt.verdict === 'not_tried' && !mayBeMissing(attempt.check, subject.level));
  const checks = (Object.keys(DOCTOR_CHECKS) as DoctorCheck[]).filter((check) =>
    attempts.some((attempt) => attempt.check === check && isMeant(attempt)),
  );
  return checks.map((check) => {
    const meant = attempts.filter((attempt) => attempt.check === check && isMeant(attempt));
    const addresses = [...new Set(meant.map(({ address }) => address))].join(', ');
    const details = [...new Set(meant.map(({ detail }) => detail))];
    const more = details.length > 1 ? ` (and ${details.length - 1} more)` : '';
    return {
      check,
      verdict,
      text: `${HEADS[verdict]} ${DOCTOR_CHECKS[check]}, at ${addresses}: ${details[0]!.replace(/\.$/, '')}${more}.`,
      remedy: remedyOf(check, verdict),
    };
  });
}

const HEADS = { open: 'Open to', broken: 'Closed to', unknown: 'Not known for' } as const;

function headline(
  verdict: DoctorReport['verdict'],
  attempts: readonly DoctorAttempt[],
  findings: readonly DoctorFinding[],
): string {
  const made = attempts.filter(({ answer }) => answer !== null).length;
  const names = (kind: DoctorFinding['verdict']) =>
    findings.flatMap(({ check, verdict }) => (verdict === kind ? [DOCTOR_CHECKS[check]] : [])).join('; ');
  if (verdict === 'closed') return `Closed: ${made} attempts, and only the right certificate was let in.`;
  if (verdict === 'open') return `Open: the origin lets in ${names('open')}.`;
  const broken = names('broken');
  return broken === ''
    ? 'Could not tell whether the origin is closed.'
    : `Could not tell: the origin refuses ${broken}.`;
}

function limits({ level }: DoctorSubject, attempts: readonly DoctorAttempt[]): string[] {
  const missing = new Set(
    attempts.flatMap(({ check, verdict }) =>
      verdict === 'not_tried' && mayBeMissing(check, level) && !(check === 'shared' && level === 'global')
        ? [DOCTOR_CHECKS[check]]
        : [],
    ),
  );
  return [
    ...(missing.size === 0 ? [] : [`Not tried: ${[...missing].join(', ')}.`]),
    ...(level === 'global' ? ['The global level proves "from this installation", not from whose account.'] : []),
  ];
}
