import { blocked } from './blocked.ts';
import {
  CHALLENGE_PATH,
  type ChallengeAction,
  type Challenges,
  CLEARANCE_COOKIE,
  challengePage,
  returnPath,
} from './challenge.ts';
import type { EvaluatedFacts } from './evaluate.ts';
import { fieldOf } from './header-fields.ts';
import type { Answer } from './verdict.ts';

/** A request that rules challenge, or may. */
export interface Challenged {
  readonly challenges: Challenges;
  readonly zoneId: string;
  readonly facts: EvaluatedFacts;
}

/** True where the visitor need not be challenged: it has been, or brings the work. */
export function isCleared(challenged: Challenged, action: ChallengeAction): boolean {
  const { challenges, facts } = challenged;
  // Whoever brings the work must be let through to where it is taken.
  if (facts.path === CHALLENGE_PATH) return true;
  const cookies = fieldOf(facts.headers, 'cookie');
  return cookies.includes(CLEARANCE_COOKIE) && challenges.isCleared(action, cookies, visitorOf(challenged));
}

/** The page that asks for the work; null where the visitor need not do it. */
export function challengeAnswer(challenged: Challenged, action: ChallengeAction): Answer | null {
  if (isCleared(challenged, action)) return null;
  const task = challenged.challenges.task(action, visitorOf(challenged));
  if (task === null) return blocked(403, null, null);
  return {
    kind: 'answer',
    status: 403,
    fields: { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store', 'Cf-Mitigated': 'challenge' },
    body: challengePage(task, challenged.facts.rayId),
    detail: 'This request needs a browser that shows that it is one.',
  };
}

/** Takes the work that a visitor brings, and sends it back to where it came from: with a cookie where the work is right. */
export function takeWork(challenged: Challenged): Answer {
  const { challenges, facts } = challenged;
  const parameters = new URLSearchParams(facts.query);
  const clearance = challenges.solve(
    parameters.get('token') ?? '',
    parameters.get('nonce') ?? '',
    visitorOf(challenged),
  );
  const secure = facts.scheme === 'https' ? '; Secure' : '';
  const fields: Record<string, string> = { Location: returnPath(parameters.get('to')), 'Cache-Control': 'no-store' };
  if (clearance !== null) {
    fields['Set-Cookie'] =
      `${CLEARANCE_COOKIE}=${clearance.cookie}; Path=/; Max-Age=${clearance.maxAge}; HttpOnly; SameSite=Lax${secure}`;
  }
  return { kind: 'answer', status: 303, fields, body: '', detail: '' };
}

function visitorOf({ zoneId, facts }: Challenged) {
  return { zoneId, address: facts.visitorAddress, userAgent: fieldOf(facts.headers, 'user-agent') };
}
