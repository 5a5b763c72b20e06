import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DOCTOR_CHECKS, type DoctorAttempt, type DoctorCheck, type DoctorReport } from '../../src/core/mod.ts';

const PAGE = fileURLToPath(new URL('../../docs/doctor.md', import.meta.url));
const [BEGIN, END] = ['<!-- matrix -->\n', '<!-- end of matrix -->'];
const CHECKS = Object.keys(DOCTOR_CHECKS) as DoctorCheck[];
/** The worst verdict of a check is the one that is shown. */
const CELLS: readonly (readonly [DoctorAttempt['verdict'], string])[] = [
  ['open', '**open**'],
  ['broken', '**broken**'],
  ['unknown', '?'],
  ['not_tried', '-'],
  ['ok', 'ok'],
];

/** One row of the matrix of docs/doctor.md: an origin, and what each check found there. */
export function matrixRow(origin: string, report: DoctorReport): string {
  const cells = CHECKS.map((check) => {
    const verdicts = new Set(report.attempts.flatMap((one) => (one.check === check ? [one.verdict] : [])));
    return CELLS.find(([verdict]) => verdicts.has(verdict))?.[1] ?? '';
  });
  return `| ${[origin, ...cells, report.verdict].join(' | ')} |`;
}

/** The matrix of the page, by its origins. */
export function pageRows(): Map<string, string> {
  const rows = matrixOf(readFileSync(PAGE, 'utf8')).split('\n').slice(2, -1);
  return new Map(rows.map((row) => [row.split(' | ')[0]!.slice(2), row]));
}

/** Writes rows into the page's matrix; those of origins that are not among them stay, at its end. */
export function writeRows(found: readonly string[]): void {
  const page = readFileSync(PAGE, 'utf8');
  const nameOf = (row: string) => row.split(' | ')[0];
  const others = [...pageRows().values()].filter((row) => found.every((one) => nameOf(one) !== nameOf(row)));
  const rows = [...found, ...others];
  const heading = `| Origin | ${CHECKS.map((_, i) => i + 1).join(' | ')} | Verdict |\n|---|${'---|'.repeat(CHECKS.length + 1)}\n`;
  writeFileSync(PAGE, page.replace(BEGIN + matrixOf(page), `${BEGIN}${heading}${rows.join('\n')}\n`));
}

function matrixOf(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('docs/doctor.md has no matrix');
  return page.slice(begin + BEGIN.length, end);
}
