import type { SnapshotIndex, ZoneEntry } from '../core/mod.ts';
import { Challenges } from './challenge.ts';
import { type EvaluatedFacts, Evaluation, type MatchedRule } from './evaluate.ts';
import { compileProgram, RulesetCache } from './program.ts';
import type { RouteChange } from './verdict.ts';

/** What the rules of a zone would do to a request. Plain data. */
export interface DryRun {
  readonly outcome: 'pass' | 'answer';
  /** Of the answer; null where the request passes. */
  readonly status: number | null;
  /** Path and query that the origin would be asked for; null for those of the request. */
  readonly target: string | null;
  readonly route: RouteChange | null;
  /** The rules that matched, in order. */
  readonly matched: readonly MatchedRule[];
  /** Why the rules cannot be carried out; null where they can. */
  readonly problem: string | null;
}

const NOTHING: DryRun = { outcome: 'pass', status: null, target: null, route: null, matched: [], problem: null };

/** Compiled rulesets, with a geo database and without, shared by all dry runs: they go with the entries that they were made from. */
const caches = { with: new RulesetCache(true), without: new RulesetCache(false) };

/**
 * Runs the rules of a zone on a request that nobody made, up to its origin. Nothing is counted, and no rate limit is over: what it
 * says holds for a visitor's first request.
 */
export async function dryRun(
  index: SnapshotIndex,
  zone: ZoneEntry,
  facts: EvaluatedFacts,
  hasGeo: boolean,
): Promise<DryRun> {
  const program = compileProgram(index, zone, hasGeo ? caches.with : caches.without);
  if (program === null) return NOTHING;
  if ('broken' in program) return { ...NOTHING, outcome: 'answer', status: 503, problem: program.broken };
  const matched: MatchedRule[] = [];
  const challenges = new Challenges(() => facts.time);
  // Any key will do: nobody gets to see what it signs.
  challenges.useKeys([new Uint8Array(32)]);
  const services = {
    counters: { take: () => ({ isOver: false }) },
    challenges,
    emit: () => undefined,
    onCountFailure: () => undefined,
    isDry: true,
  };
  try {
    const outcome = await new Evaluation(program, facts, services, matched).request();
    return outcome.kind === 'answer'
      ? { ...NOTHING, outcome: 'answer', status: outcome.status, matched }
      : { ...NOTHING, target: outcome.target, route: outcome.route, matched };
  } catch (error) {
    return { ...NOTHING, outcome: 'answer', status: 503, matched, problem: (error as Error).message };
  }
}
