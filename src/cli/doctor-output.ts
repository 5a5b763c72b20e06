import { DOCTOR_CHECKS, type DoctorAttempt, type DoctorCheck, type DoctorReport } from '../core/mod.ts';
import { describeAnswer } from '../origin/mod.ts';
import { colour, table } from './output.ts';

/** Exit code of a verdict: 0 closed, 1 open, 3 could not tell (design/product.md). */
export const VERDICT_CODES = { closed: 0, open: 1, unknown: 3 } as const;

/** A report for people: what was tried, check by check, what was found, and what to do. */
export function describeReport(report: DoctorReport): string {
  const checks = (Object.keys(DOCTOR_CHECKS) as DoctorCheck[]).map((check) =>
    report.attempts.filter((attempt) => attempt.check === check),
  );
  const rows = checks.flatMap((attempts) => rowsOf(attempts));
  const findings = report.findings.flatMap(({ verdict, text, remedy }) => [
    '',
    colour(verdict === 'open' ? 'red' : 'bold', text),
    `  ${remedy}`,
  ]);
  const summary = colour(
    report.verdict === 'closed' ? 'green' : report.verdict === 'open' ? 'red' : 'bold',
    report.summary,
  );
  return [table([['CHECK', 'ADDRESS', 'BY', 'THE ORIGIN', 'VERDICT'], ...rows]), ...findings, '', summary].join('\n');
}

/** One row for all attempts of a check that went alike. */
function rowsOf(attempts: readonly DoctorAttempt[]): string[][] {
  const alike = new Map<string, DoctorAttempt[]>();
  for (const attempt of attempts) {
    const key = JSON.stringify([attempt.address, answerText(attempt), attempt.verdict]);
    alike.set(key, [...(alike.get(key) ?? []), attempt]);
  }
  return [...alike.values()].map((group, i) => {
    const [first] = group as [DoctorAttempt];
    const ways = [...new Set(group.map(wayText))].join(', ');
    return [
      i === 0 ? DOCTOR_CHECKS[first.check] : '',
      first.address,
      ways,
      answerText(first),
      verdictText(first.verdict),
    ];
  });
}

function wayText({ answer, tls, http }: DoctorAttempt): string {
  if (tls === null) return answer === null ? '-' : 'plain HTTP';
  return `TLS ${tls.slice(4)}${http === 'h2' ? ' h2' : ''}`;
}

function answerText({ answer, detail }: DoctorAttempt): string {
  return answer === null ? detail : describeAnswer(answer);
}

function verdictText(verdict: DoctorAttempt['verdict']): string {
  if (verdict === 'ok') return colour('green', verdict);
  if (verdict === 'open' || verdict === 'broken') return colour('red', verdict);
  return verdict.replace('_', ' ');
}
