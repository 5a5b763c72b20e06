import { ApiError, canonicalHostname, type DoctorReport, formatSeconds } from '../core/mod.ts';
import type { DoctorSubject } from '../origin/mod.ts';
import type { ResolveName } from '../platform/mod.ts';
import type { Cause, ExaminationRow, Microseconds, ZoneRow } from '../store/mod.ts';
import { type Context, commitInZone } from './context.ts';
import { doctorSubject, type ExaminationInput } from './doctor-subject.ts';
import { hostnameOfZone } from './hostname-input.ts';

/** What the API shows of a hostname's examinations. Times are RFC 3339. */
export interface Examination {
  readonly hostname: string;
  readonly path: string;
  readonly other_names: readonly string[];
  /** Seconds from one examination to the next; null where none is due. */
  readonly interval: number | null;
  readonly verdict: DoctorReport['verdict'] | null;
  /** Since when the verdict is so. */
  readonly verdict_since: string | null;
  readonly examined_at: string | null;
  readonly summary: string | null;
}

/** An examination, and the report of the last one, signed (`signReport`). */
export interface ExaminationDetail extends Examination {
  readonly report: unknown;
}

/** The verdict about a hostname's origin is another than before. */
export interface VerdictChange {
  readonly zoneId: string;
  readonly hostname: string;
  readonly from: DoctorReport['verdict'] | null;
  readonly to: DoctorReport['verdict'];
  readonly summary: string;
}

/** How many origins have which verdict. */
export type VerdictCounts = Readonly<Record<DoctorReport['verdict'], number>>;

/** What examinations take from outside. */
export interface ExaminationTools {
  readonly resolveName: ResolveName;
  /** Goes to the origin and tries its doors. */
  readonly examine: (subject: DoctorSubject) => Promise<DoctorReport>;
  /** Signs a report: JSON text. */
  readonly sign: (report: DoctorReport) => string;
  readonly onVerdictChange: (change: VerdictChange) => void;
}

/** What somebody may set. */
export interface ExaminationSettings extends ExaminationInput {
  /** Seconds; null for none. */
  readonly interval: number | null;
}

/**
 * The doctor's work at the origins of this installation: on request and on schedule, one origin at a time. The last report of each
 * hostname is kept.
 */
export class Examinations {
  readonly #context: Context;
  readonly #tools: ExaminationTools;
  #last: Promise<unknown> = Promise.resolve();
  #isAtWork = false;

  constructor(context: Context, tools: ExaminationTools) {
    this.#context = context;
    this.#tools = tools;
  }

  /** The hostnames of a zone that were examined or are due to be, by name. */
  async list(zone: ZoneRow): Promise<Examination[]> {
    const rows = await this.#context.store.db
      .selectFrom('examinations')
      .selectAll()
      .where('zone_id', '=', zone.id)
      .orderBy('hostname')
      .execute();
    return rows.map(toExamination);
  }

  /** One of them with its report. Throws `examination_not_found`. */
  async get(zone: ZoneRow, hostname: string): Promise<ExaminationDetail> {
    const row = await this.#find(zone, hostname);
    if (row === undefined) throw new ApiError('examination_not_found');
    return toDetail(row);
  }

  /** Examines a hostname's origin now; what was set for it before holds where `input` is silent. Throws as `doctorSubject` does. */
  async examine(zone: ZoneRow, hostname: string, input: Partial<ExaminationInput>): Promise<ExaminationDetail> {
    const row = await this.#find(zone, hostname);
    const { path, otherNames } = { ...settingsOf(row), ...input };
    return toDetail(await this.#examine(zone, hostname, { path, otherNames }));
  }

  /** Sets when, and how, a hostname's origin is examined. */
  async schedule(cause: Cause, zone: ZoneRow, hostname: string, settings: ExaminationSettings): Promise<Examination> {
    const name = hostnameOfZone(zone, hostname);
    const set = {
      path: settings.path,
      other_names: JSON.stringify(settings.otherNames),
      interval: settings.interval === null ? null : settings.interval * 1000,
    };
    await commitInZone(this.#context, cause, zone, async (trx) => {
      await trx
        .insertInto('examinations')
        .values({ ...emptyRow(zone.id, name), ...set })
        .onConflict((conflict) => conflict.columns(['zone_id', 'hostname']).doUpdateSet(set))
        .execute();
      return { result: null, keys: [], action: 'examination.schedule', target: name };
    });
    return toExamination((await this.#find(zone, name))!);
  }

  /** Forgets a hostname's reports and schedule. Throws `examination_not_found`. */
  async remove(cause: Cause, zone: ZoneRow, hostname: string): Promise<Examination> {
    const row = await this.#find(zone, hostname);
    if (row === undefined) throw new ApiError('examination_not_found');
    await commitInZone(this.#context, cause, zone, async (trx) => {
      await trx
        .deleteFrom('examinations')
        .where('zone_id', '=', zone.id)
        .where('hostname', '=', row.hostname)
        .execute();
      return { result: null, keys: [], action: 'examination.remove', target: row.hostname };
    });
    return toExamination(row);
  }

  /** Examines whatever is due, one after the other. An origin that cannot be examined has the verdict `unknown`. */
  async runDue(): Promise<void> {
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    try {
      const { db } = this.#context.store;
      const now = this.#context.clock.now();
      const scheduled = await db
        .selectFrom('examinations')
        .select(['zone_id', 'hostname', 'interval', 'examined_at'])
        .where('interval', 'is not', null)
        .execute();
      const due = scheduled.filter((one) => (one.examined_at ?? 0) / 1000 + one.interval! <= now);
      for (const { zone_id, hostname } of due) {
        const row = await db
          .selectFrom('examinations')
          .selectAll()
          .where('zone_id', '=', zone_id)
          .where('hostname', '=', hostname)
          .executeTakeFirst();
        if (row === undefined) continue;
        const zone = await db.selectFrom('zones').selectAll().where('id', '=', row.zone_id).executeTakeFirst();
        if (zone !== undefined) await this.#examineDue(zone, row);
      }
    } finally {
      this.#isAtWork = false;
    }
  }

  /** How many origins have which verdict, over all zones. */
  async counts(): Promise<VerdictCounts> {
    const rows = await this.#context.store.db
      .selectFrom('examinations')
      .select(['verdict', (build) => build.fn.countAll<number>().as('count')])
      .groupBy('verdict')
      .execute();
    const count = (verdict: DoctorReport['verdict']) => Number(rows.find((row) => row.verdict === verdict)?.count ?? 0);
    return { closed: count('closed'), open: count('open'), unknown: count('unknown') };
  }

  async #examineDue(zone: ZoneRow, row: ExaminationRow): Promise<void> {
    try {
      await this.#examine(zone, row.hostname, settingsOf(row));
    } catch (error) {
      // Whatever it was, it must not keep the others from theirs.
      await this.#keep(row, { verdict: 'unknown', summary: (error as Error).message, report: null });
    }
  }

  /** Waits for its turn: origins are examined one at a time. */
  #examine(zone: ZoneRow, hostname: string, input: ExaminationInput): Promise<ExaminationRow> {
    const next = this.#last.then(async () => {
      const subject = await doctorSubject(this.#context, zone, hostname, input, this.#tools.resolveName);
      const report = await this.#tools.examine(subject);
      const name = hostnameOfZone(zone, hostname);
      const known = await this.#find(zone, name);
      const row = known ?? {
        ...emptyRow(zone.id, name),
        path: input.path,
        other_names: JSON.stringify(input.otherNames),
      };
      return await this.#keep(row, { ...report, report: this.#tools.sign(report) });
    });
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #keep(
    row: ExaminationRow,
    found: Pick<DoctorReport, 'verdict' | 'summary'> & { readonly report: string | null },
  ): Promise<ExaminationRow> {
    const { store } = this.#context;
    const now = store.now();
    const isChange = found.verdict !== row.verdict;
    const kept: ExaminationRow = {
      ...row,
      verdict: found.verdict,
      verdict_since: isChange ? now : row.verdict_since,
      examined_at: now,
      summary: found.summary,
      report: found.report,
    };
    const { verdict, verdict_since, examined_at, summary, report } = kept;
    const zone = await store.db.selectFrom('zones').select('id').where('id', '=', row.zone_id).executeTakeFirst();
    // The zone may be gone since the examination began.
    if (zone === undefined) throw new ApiError('zone_not_found');
    await store.db
      .insertInto('examinations')
      .values(kept)
      .onConflict((conflict) =>
        conflict.columns(['zone_id', 'hostname']).doUpdateSet({ verdict, verdict_since, examined_at, summary, report }),
      )
      .execute();
    if (isChange) {
      this.#tools.onVerdictChange({
        zoneId: row.zone_id,
        hostname: row.hostname,
        from: row.verdict,
        to: found.verdict,
        summary: found.summary,
      });
    }
    return kept;
  }

  #find(zone: ZoneRow, hostname: string): Promise<ExaminationRow | undefined> {
    return this.#context.store.db
      .selectFrom('examinations')
      .selectAll()
      .where('zone_id', '=', zone.id)
      .where('hostname', '=', canonicalHostname(hostname) ?? hostname)
      .executeTakeFirst();
  }
}

function emptyRow(zoneId: string, hostname: string): ExaminationRow {
  return {
    zone_id: zoneId,
    hostname,
    path: '/',
    other_names: '[]',
    interval: null,
    verdict: null,
    verdict_since: null,
    examined_at: null,
    summary: null,
    report: null,
  };
}

function settingsOf(row: ExaminationRow | undefined): ExaminationInput {
  return row === undefined
    ? { path: '/', otherNames: [] }
    : { path: row.path, otherNames: JSON.parse(row.other_names) as string[] };
}

function toExamination(row: ExaminationRow): Examination {
  return {
    hostname: row.hostname,
    path: row.path,
    other_names: JSON.parse(row.other_names) as string[],
    interval: row.interval === null ? null : row.interval / 1000,
    verdict: row.verdict,
    verdict_since: time(row.verdict_since),
    examined_at: time(row.examined_at),
    summary: row.summary,
  };
}

function toDetail(row: ExaminationRow): ExaminationDetail {
  return { ...toExamination(row), report: row.report === null ? null : JSON.parse(row.report) };
}

function time(at: Microseconds | null): string | null {
  return at === null ? null : formatSeconds(at / 1000);
}
