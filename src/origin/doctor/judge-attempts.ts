import type { DoctorAttempt, ProbeAnswer } from '../../core/mod.ts';
import { isLetIn, type Judgement, judgeRight, judgeStranger, type Standing } from './judge.ts';
import type { Observation } from './probe.ts';
import type { DoctorSubject } from './subject.ts';

/** One attempt that was made, or why it was not. */
export interface Tried {
  readonly place: Pick<DoctorAttempt, 'check' | 'address' | 'tls' | 'http' | 'server_name' | 'host'>;
  readonly observation: Observation | null;
  /** Why it was not made. */
  readonly reason: string | null;
  /**
   * `control`: the right certificate at the end. `elsewhere`: the right certificate under another name and Host; it is not told.
   * `own session`: of an accepted connection, under the same name. `reverse`: of an accepted connection, under a name that
   * refuses the right certificate. `absent`: the server gave nothing to try it with.
   */
  readonly judge: 'control' | 'elsewhere' | 'own session' | 'reverse' | 'absent' | null;
}

/** Judges the attempts at one address, each by what the right certificate got there. */
export function judgeAttempts(tried: readonly Tried[], subject: DoctorSubject): DoctorAttempt[] {
  const standing = standingOf(tried);
  return tried
    .filter(({ judge }) => judge !== 'elsewhere')
    .map((one) => ({ ...one.place, answer: answerOf(one), ...judged(one, standing, subject) }));
}

function answerOf({ observation, judge }: Tried): ProbeAnswer | null {
  return judge === 'absent' ? { kind: 'not_offered' } : (observation?.answer ?? null);
}

function judged({ place, observation, reason, judge }: Tried, standing: Standing, subject: DoctorSubject): Judgement {
  if (judge === 'absent') return { verdict: 'ok', detail: reason! };
  if (observation === null) return { verdict: 'not_tried', detail: reason! };
  const finding = { ...place, answer: observation.answer, body: observation.body };
  if (place.check === 'right' || place.check === 'right_old') return judgeRight(finding);
  const judgement = judgeStranger(finding, standing, subject.hostname);
  if (judgement.verdict !== 'open') return judgement;
  const { detail } = judgement;
  if (judge === 'own session' && observation.isResumed)
    return {
      verdict: 'ok',
      detail: `${detail} Whoever got the session had the right certificate: that is how TLS means it.`,
    };
  if (judge === 'reverse')
    return {
      verdict: 'open',
      detail: `${detail} Without the session it refuses the right certificate under this name.`,
    };
  if (place.check === 'other_tenant' && subject.level === 'global')
    return { verdict: 'ok', detail: `${detail} The global level tells installations apart, not tenants.` };
  return judgement;
}

function standingOf(tried: readonly Tried[]): Standing {
  const right = tried.flatMap(({ place, observation, judge }) =>
    place.check === 'right' && judge !== 'elsewhere' && observation !== null
      ? [{ place, judge, answer: observation.answer }]
      : [],
  );
  const isMeasured = right.length > 0;
  return {
    before: isMeasured ? right.some(({ judge, answer }) => judge === null && isLetIn(answer)) : null,
    after: isMeasured ? right.some(({ judge, answer }) => judge === 'control' && isLetIn(answer)) : null,
    statuses: new Set(right.flatMap(({ answer }) => (answer.kind === 'response' ? [answer.status] : []))),
    offered: new Set(
      right.flatMap(({ place: { tls, http }, answer }) => (answer.kind === 'response' ? [`${tls} ${http}`] : [])),
    ),
  };
}
