import type { RateCount, SecurityEvent } from '../core/mod.ts';
import { type Filter, type RequestFacts, RequestView, type ResponseFacts } from '../rules/mod.ts';
import type { AccessRule } from './access.ts';
import type { CompiledAction, ExecuteAction, SkipAction, Template } from './action.ts';
import { blocked } from './blocked.ts';
import { CHALLENGE_PATH, type ChallengeAction, type Challenges } from './challenge.ts';
import { type Challenged, challengeAnswer, isCleared, takeWork } from './challenge-answer.ts';
import type { CompiledRule, CompiledRuleset } from './compile-ruleset.ts';
import type { CounterAnswer, CounterStore } from './counters.ts';
import { type CustomFields, takeCustomFields } from './custom-fields.ts';
import { encodeOdd } from './encode-odd.ts';
import { lastField } from './header-fields.ts';
import { type Match, Matches } from './matches.ts';
import type { PhaseName } from './phases.ts';
import type { PhaseProgram, Program } from './program.ts';
import { counterKey, counterRequest, type RateLimit, readScore } from './rate-limit.ts';
import { Rewrites } from './rewrites.ts';
import { type Answer, type FieldChange, type Outcome, type RouteChange, Verdict } from './verdict.ts';

/** The facts of a request whose path and query rules may rewrite. */
export interface EvaluatedFacts extends RequestFacts {
  path: string;
  query: string;
}

/** What rules need of the world. */
export interface WafServices {
  readonly counters: CounterStore;
  readonly challenges: Challenges;
  readonly emit: (event: SecurityEvent) => void;
  /** A counter could not be asked when nobody waits for its answer any more. */
  readonly onCountFailure: (error: Error) => void;
  /** Nothing is counted: somebody only wants to know what would happen. */
  readonly isDry: boolean;
}

/** A rule that matched, and what it did: for `explain`. Plain data. */
export interface MatchedRule {
  readonly phase: string;
  readonly level: Level;
  readonly ruleset_id: string;
  readonly rule_id: string;
  readonly description: string;
  readonly action: string;
}

/** What the rules do to a response. */
export interface ResponseOutcome {
  /** In place of the origin's answer; null for none. */
  readonly answer: Answer | null;
  /** Of the response's header; null for none. */
  readonly fields: readonly FieldChange[] | null;
}

type Level = 'account' | 'zone';
type Step = Answer | null;

/** Phases that an allowed address passes by. */
const SECURITY_PHASES: ReadonlySet<PhaseName> = new Set([
  'http_request_firewall_custom',
  'http_ratelimit',
  'http_request_firewall_managed',
]);

const SOURCES: Partial<Record<PhaseName, string>> = {
  http_request_firewall_custom: 'firewallCustom',
  http_ratelimit: 'ratelimit',
  http_request_firewall_managed: 'firewallManaged',
};

/** Products that a `skip` names, and the phase that does their work here. */
const PRODUCT_PHASES: Readonly<Record<string, string>> = {
  rateLimit: 'http_ratelimit',
  waf: 'http_request_firewall_managed',
};

interface Count {
  readonly limit: RateLimit;
  readonly key: string;
  /** What the response must match; null for any. */
  readonly filter: Filter | null;
}

/** One request on its way through the rules of its zone: up to a verdict, and then its response. */
export class Evaluation {
  readonly facts: EvaluatedFacts;
  /** For `explain`; null where nobody asks. */
  readonly trace: MatchedRule[] | null;
  readonly #program: Program;
  readonly #services: WafServices;
  readonly #view: RequestView;
  #isAllowed = false;
  #productsDone = false;
  /** Names of phases, rulesets, `ruleset/rule`s and products, with the level before each. */
  #skipped: Set<string> | null = null;
  #stopsRuleset = false;
  #stopsPhase = false;
  #rewrites: Rewrites | null = null;
  #route: RouteChange | null = null;
  #matches: Matches | null = null;
  #originCounts: Count[] | null = null;
  #responseCounts: Count[] | null = null;
  #customFields: CustomFields | null = null;

  constructor(program: Program, facts: EvaluatedFacts, services: WafServices, trace: MatchedRule[] | null = null) {
    this.#program = program;
    this.facts = facts;
    this.#services = services;
    this.#view = new RequestView(facts);
    this.trace = trace;
  }

  get zoneId(): string {
    return this.#program.zoneId;
  }

  /** What the log line has besides the usual; null for nothing. */
  get customFields(): CustomFields | null {
    return this.#customFields;
  }

  /** Runs everything up to the origin. A promise only where a counter is asked that does not answer at once. */
  request(): Outcome | Promise<Outcome> {
    const early = this.#early();
    if (early !== null) return early;
    const answer = this.#phases(this.#program.request, 0);
    return answer instanceof Promise ? answer.then((step) => this.#outcome(step)) : this.#outcome(answer);
  }

  #outcome(step: Step): Outcome {
    const answer = step ?? (this.#productsDone ? null : this.#products());
    if (answer !== null) return answer;
    if (this.#originCounts !== null)
      for (const { limit, key } of this.#originCounts) this.#count(counterRequest(limit, key, false, 1));
    const { path, query } = this.facts;
    const target = this.#rewrites?.isRewritten ? path + (query === '' ? '' : `?${query}`) : null;
    return Verdict.make(target, this.#rewrites?.fields ?? null, this.#route, this);
  }

  // --- before the phases -------------------------------------------------------------------------------------------

  #early(): Step {
    for (const group of this.#program.access) {
      if (!group.any.matches(this.#view)) continue;
      const answer = this.#access(group.rules);
      if (answer !== null) return answer;
      if (this.#isAllowed) break;
    }
    if (!this.#program.defersProducts) {
      const answer = this.#products();
      if (answer !== null) return answer;
    }
    return this.facts.path === CHALLENGE_PATH ? takeWork(this.#challenged) : null;
  }

  #access(rules: readonly AccessRule[]): Step {
    for (const rule of rules) {
      if (!rule.filter.matches(this.#view)) continue;
      this.#record(rule.action, 'access', 'zone', { ...rule, rulesetId: '', ref: '' }, rule.source);
      if (rule.action === 'whitelist') this.#isAllowed = true;
      else if (rule.action === 'block') return blocked(403, null, null);
      else return challengeAnswer(this.#challenged, rule.action);
      return null;
    }
    return null;
  }

  /** Zone lockdowns and user-agent rules. */
  #products(): Step {
    this.#productsDone = true;
    const { lockdowns, userAgents } = this.#program;
    const answer = this.#isSkipped('zone', 'zoneLockdown') ? null : this.#access(lockdowns);
    if (answer !== null || this.#isAllowed || this.#isSkipped('zone', 'uaBlock')) return answer;
    return this.#access(userAgents);
  }

  // --- phases ------------------------------------------------------------------------------------------------------

  #phases(phases: readonly PhaseProgram[], from: number): Step | Promise<Step> {
    for (let i = from; i < phases.length; i++) {
      const { phase } = phases[i]!;
      if (!this.#productsDone && (phase === 'http_ratelimit' || phase === 'http_request_firewall_managed')) {
        const answer = this.#products();
        if (answer !== null) return answer;
      }
      if (this.#isAllowed && SECURITY_PHASES.has(phase)) continue;
      const step = this.#entryPoints(phases[i]!, 0);
      if (step instanceof Promise) {
        return step.then((answer) => answer ?? this.#phases(phases, i + 1));
      }
      if (step !== null) return step;
    }
    return null;
  }

  #entryPoints({ phase, entryPoints }: PhaseProgram, from: number): Step | Promise<Step> {
    for (let i = from; i < entryPoints.length; i++) {
      const ruleset = entryPoints[i]!;
      this.#stopsPhase = false;
      if (this.#isSkipped(ruleset.scope, phase) || this.#isSkipped(ruleset.scope, ruleset.id)) continue;
      const step = this.#ruleset(ruleset, ruleset.scope, null, 0);
      if (step instanceof Promise) {
        return step.then((answer) => answer ?? this.#entryPoints({ phase, entryPoints }, i + 1));
      }
      if (step !== null) return step;
    }
    this.#rewrites?.apply(this.facts);
    return null;
  }

  #ruleset(ruleset: CompiledRuleset, level: Level, execute: ExecuteAction | null, from: number): Step | Promise<Step> {
    this.#stopsRuleset = false;
    const { rules, set } = ruleset;
    for (let i = set.next(this.#view, from); i >= 0; i = set.next(this.#view, i + 1)) {
      const step = this.#rule(ruleset, rules[i]!, level, execute);
      if (step instanceof Promise) {
        return step.then((answer) => answer ?? (this.#stops() ? null : this.#ruleset(ruleset, level, execute, i + 1)));
      }
      if (step !== null) return step;
      if (this.#stops()) break;
    }
    return null;
  }

  /** Whether a `skip` ends the ruleset here. */
  #stops(): boolean {
    const stops = this.#stopsRuleset || this.#stopsPhase;
    this.#stopsRuleset = false;
    return stops;
  }

  #rule(
    ruleset: CompiledRuleset,
    rule: CompiledRule,
    level: Level,
    execute: ExecuteAction | null,
  ): Step | Promise<Step> {
    const override = execute?.rules.get(rule.id);
    if (!(override?.enabled ?? execute?.enabled ?? rule.enabled)) return null;
    if (this.#skipped !== null && this.#isSkipped(level, `${ruleset.id}/${rule.id}`)) return null;
    const overriding = override?.action ?? execute?.action ?? null;
    if (rule.rateLimit === null) return this.#act(ruleset, rule, level, overriding);
    return this.#limit(ruleset, rule, rule.rateLimit, rule.filter.matches(this.#view), level, overriding);
  }

  #act(ruleset: CompiledRuleset, rule: CompiledRule, level: Level, overriding: string | null): Step | Promise<Step> {
    const action = overriding === null ? rule.action : overridden(overriding, ruleset.phase);
    const name = overriding ?? rule.actionName;
    if (action.kind === 'challenge' && isCleared(this.#challenged, action.action)) return null;
    const source = SOURCES[ruleset.phase];
    this.#record(name, ruleset.phase, level, rule, action.kind === 'execute' || !rule.logs ? undefined : source);
    switch (action.kind) {
      case 'block':
        return blocked(action.status, action.contentType, action.content);
      case 'challenge':
        return challengeAnswer(this.#challenged, action.action);
      case 'log':
        return null;
      case 'skip':
        this.#skip(action, level);
        return null;
      case 'execute':
        return this.#execute(action, level);
      case 'redirect':
        return this.#redirect(action);
      case 'rewrite':
        this.#rewrites ??= new Rewrites();
        this.#rewrites.add(action, ruleset.phase, (template) => this.#value(template));
        return null;
      case 'route':
        this.#route = { ...this.#route, ...action.change };
        return null;
      case 'serve_error':
        return blocked(
          action.status === 0 ? this.facts.response!.status : action.status,
          action.contentType,
          action.content,
        );
      case 'log_custom_field':
        this.#customFields = takeCustomFields(
          action,
          this.facts.headers,
          this.facts.response?.headers ?? [],
          this.#customFields,
        );
        return null;
    }
  }

  #execute(action: ExecuteAction, level: Level): Step | Promise<Step> {
    const target = this.#program.rulesets.get(action.rulesetId);
    if (target === undefined) throw new Error(`there is no ruleset ${action.rulesetId} to execute`);
    if (this.#isSkipped(level, target.id)) return null;
    return this.#ruleset(target, level, action, 0);
  }

  #skip(action: SkipAction, level: Level): void {
    this.#stopsRuleset = action.currentRuleset;
    this.#stopsPhase = action.currentPhase;
    this.#skipped ??= new Set();
    for (const names of [action.phases, action.rulesets, action.rules, action.products]) {
      for (const name of names) {
        this.#skipped.add(`${level} ${name}`);
        if (Object.hasOwn(PRODUCT_PHASES, name)) this.#skipped.add(`${level} ${PRODUCT_PHASES[name]}`);
      }
    }
  }

  #isSkipped(level: Level, name: string): boolean {
    return this.#skipped?.has(`${level} ${name}`) === true;
  }

  // --- what actions do ---------------------------------------------------------------------------------------------

  #redirect({ status, target, keepsQuery }: Extract<CompiledAction, { kind: 'redirect' }>): Step {
    const location = this.#value(target);
    if (location === null) return null;
    const { query } = this.facts;
    const separator = location.includes('?') ? '&' : '?';
    const whole = keepsQuery && query !== '' ? `${location}${separator}${query}` : location;
    return { kind: 'answer', status, fields: { Location: encodeOdd(whole) }, body: '', detail: '' };
  }

  /** Null where the value is missing. */
  #value(template: Template): string | null {
    if (typeof template === 'string') return template;
    const value = template.evaluate(this.#view);
    return typeof value === 'string' ? value : null;
  }

  get #challenged(): Challenged {
    return { challenges: this.#services.challenges, zoneId: this.zoneId, facts: this.facts };
  }

  // --- rate limits -------------------------------------------------------------------------------------------------

  /** Match, read, act, count: in this order (spec/waf.md 1.6). */
  #limit(
    ruleset: CompiledRuleset,
    rule: CompiledRule,
    limit: RateLimit,
    matches: boolean,
    level: Level,
    overriding: string | null,
  ): Step | Promise<Step> {
    const { counting, countsAt } = limit;
    const waitsForResponse = countsAt === 'response';
    const counts = counting === null || waitsForResponse ? matches || counting !== null : counting.matches(this.#view);
    if (!matches && !counts) return null;
    const key = counterKey(limit, this.#view);
    if (counts && countsAt !== 'request') {
      const count = { limit, key, filter: waitsForResponse ? counting : null };
      if (waitsForResponse) this.#responseCounts = [...(this.#responseCounts ?? []), count];
      else this.#originCounts = [...(this.#originCounts ?? []), count];
    }
    const adds = counts && countsAt === 'request' && !this.#services.isDry ? 1 : 0;
    if (!matches) {
      if (adds > 0) this.#count(counterRequest(limit, key, false, adds));
      return null;
    }
    const answer = this.#services.counters.take(counterRequest(limit, key, true, adds));
    const act = ({ isOver }: CounterAnswer) => (isOver ? this.#act(ruleset, rule, level, overriding) : null);
    return answer instanceof Promise ? answer.then(act) : act(answer);
  }

  /** Counts what nobody waits for. */
  #count(request: RateCount): void {
    if (this.#services.isDry) return;
    const answer = this.#services.counters.take(request);
    if (answer instanceof Promise) answer.catch(this.#services.onCountFailure);
  }

  // --- the response ------------------------------------------------------------------------------------------------

  /** Runs what comes with the response's head. */
  response(response: ResponseFacts): ResponseOutcome {
    let answer: Answer | null = null;
    for (const phase of this.#program.response) {
      if (phase.phase === 'http_custom_errors' && response.status < 400) continue;
      const step = this.#entryPoints(phase, 0);
      if (step instanceof Promise) throw new Error(`${phase.phase} asks a counter`);
      answer ??= step;
    }
    for (const { limit, key, filter } of this.#responseCounts ?? []) {
      if (filter !== null && !filter.matches(this.#view)) continue;
      const score = limit.scoreHeader === null ? 1 : readScore(lastField(response.rawHeaders, limit.scoreHeader));
      if (score > 0) this.#count(counterRequest(limit, key, false, score));
    }
    return { answer, fields: this.#rewrites?.responseFields ?? null };
  }

  // --- events ------------------------------------------------------------------------------------------------------

  #record(
    action: string,
    phase: string,
    level: Level,
    { id, rulesetId, ref, description }: Pick<CompiledRule, 'id' | 'rulesetId' | 'ref' | 'description'>,
    source: string | undefined,
  ): void {
    if (source !== undefined) this.#match({ action, ruleId: id, rulesetId, ref, description, source });
    this.trace?.push({ phase, level, ruleset_id: rulesetId, rule_id: id, description, action });
  }

  #match(match: Match): void {
    this.#matches ??= new Matches();
    this.#matches.add(match);
  }

  /** An error of ours is an event, too. */
  failed(description: string): void {
    this.#match({ action: 'error', ruleId: '', rulesetId: '', ref: '', description, source: 'internal' });
  }

  /** The rule that ended the request or was logged last; null where none matched. */
  get lastMatch(): { readonly action: string; readonly ruleId: string } | null {
    return this.#matches?.last ?? null;
  }

  /** Makes the events of what matched, once the request's end is known. */
  emit(edgeStatus: number, originStatus: number): void {
    const events = this.#matches?.takeEvents(this.zoneId, this.facts, edgeStatus, originStatus) ?? [];
    for (const event of events) this.#services.emit(event);
  }
}

function overridden(name: string, phase: PhaseName): CompiledAction {
  if (name === 'block') {
    return { kind: 'block', status: phase === 'http_ratelimit' ? 429 : 403, contentType: null, content: null };
  }
  return name === 'log' ? { kind: 'log' } : { kind: 'challenge', action: name as ChallengeAction };
}
