import type { SnapshotIndex } from '../core/mod.ts';
import type { ResponseFacts } from '../rules/mod.ts';
import { Challenges, challengeKey } from './challenge.ts';
import type { CounterStore } from './counters.ts';
import { type EvaluatedFacts, Evaluation, type ResponseOutcome, type WafServices } from './evaluate.ts';
import { EventQueue } from './events.ts';
import { type BrokenProgram, compileProgram, type Program, RulesetCache } from './program.ts';
import { type Answer, NO_RULES, type Outcome, Verdict } from './verdict.ts';

/** What happens to a request whose rules could not be run to their end: refused, or passed on. */
export type FailureMode = 'closed' | 'open';

/** What a WAF is made of. */
export interface WafOptions {
  readonly now: () => number;
  readonly failure: FailureMode;
  /** Told of rules that cannot be carried out, and of errors of ours. */
  readonly onProblem: (problem: { readonly zoneId: string; readonly reason: string }) => void;
  readonly counters: CounterStore;
  /** Whether there is a database that says where a visitor is. */
  readonly hasGeo: boolean;
}

/** Whoever has a request to judge: its facts are only asked for where there are rules. */
export interface Judged {
  readonly facts: EvaluatedFacts;
  /** Set by `judge`: what the rules did, for its events and its log line. */
  evaluation: Evaluation | null;
}

/** The rules of all zones of one worker (architecture section 7). */
export class Waf {
  readonly events = new EventQueue();
  readonly #options: WafOptions;
  readonly #programs = new Map<string, Program | BrokenProgram>();
  readonly #cache: RulesetCache;
  readonly #challenges: Challenges;
  readonly #services: WafServices;

  constructor(options: WafOptions) {
    this.#options = options;
    this.#cache = new RulesetCache(options.hasGeo);
    this.#challenges = new Challenges(options.now);
    this.#services = {
      counters: options.counters,
      challenges: this.#challenges,
      emit: (event) => this.events.add(event),
      onCountFailure: (error) => options.onProblem({ zoneId: '', reason: error.message }),
      isDry: false,
    };
  }

  /** Makes the rules of `zoneIds` ready (of all zones, for null), beside those in use. */
  follow(index: SnapshotIndex, zoneIds: ReadonlySet<string> | null): void {
    if (zoneIds === null) this.#programs.clear();
    for (const zoneId of zoneIds ?? [...index.zones()].map(({ id }) => id)) {
      const zone = index.zone(zoneId);
      const program = zone === undefined ? null : compileProgram(index, zone, this.#cache);
      if (program === null) this.#programs.delete(zoneId);
      else this.#programs.set(zoneId, program);
      if (program !== null && 'broken' in program) this.#options.onProblem({ zoneId, reason: program.broken });
    }
  }

  /** Takes what all workers share, the newest first, to sign clearances with. */
  useSecrets(secrets: readonly Uint8Array[]): void {
    this.#challenges.useKeys(secrets.map(challengeKey));
  }

  /** Whether rules of a zone look at the bodies of requests. */
  needsBody(zoneId: string): boolean {
    const program = this.#programs.get(zoneId);
    return program !== undefined && 'needsBody' in program && program.needsBody;
  }

  /** What becomes of a request: the one place that says so. Never throws, and never rejects. */
  judge(zoneId: string, judged: Judged): Outcome | Promise<Outcome> {
    const program = this.#programs.get(zoneId);
    if (program === undefined) return NO_RULES;
    try {
      const evaluation = new Evaluation(
        'broken' in program ? emptyProgram(zoneId) : program,
        judged.facts,
        this.#services,
      );
      judged.evaluation = evaluation;
      if ('broken' in program) return this.#failed(evaluation, program.broken);
      const outcome = evaluation.request();
      return outcome instanceof Promise ? outcome.catch((error: Error) => this.#erred(evaluation, error)) : outcome;
    } catch (error) {
      return this.#erred(judged.evaluation, error as Error);
    }
  }

  /** What becomes of a response. Never throws. */
  judgeResponse(evaluation: Evaluation, response: ResponseFacts): ResponseOutcome {
    try {
      return evaluation.response(response);
    } catch (error) {
      const outcome = this.#erred(evaluation, error as Error);
      return { answer: outcome.kind === 'answer' ? outcome : null, fields: null };
    }
  }

  #erred(evaluation: Evaluation | null, error: Error): Outcome {
    this.#options.onProblem({ zoneId: evaluation?.zoneId ?? '', reason: error.message });
    return this.#failed(evaluation, error.message);
  }

  #failed(evaluation: Evaluation | null, reason: string): Outcome {
    evaluation?.failed(reason);
    return this.#options.failure === 'open' ? Verdict.make(null, null, null, null) : FAILED;
  }
}

function emptyProgram(zoneId: string): Program {
  return {
    zoneId,
    access: [],
    lockdowns: [],
    userAgents: [],
    request: [],
    response: [],
    rulesets: new Map(),
    needsBody: false,
    defersProducts: false,
  };
}

const FAILED: Answer = {
  kind: 'answer',
  status: 503,
  fields: { 'Cache-Control': 'no-store' },
  body: null,
  detail: 'The rules of this site could not be evaluated.',
};
