import type { SecurityEvent } from '../core/mod.ts';
import type { EvaluatedFacts } from './evaluate.ts';
import { cut, redactQuery } from './events.ts';
import { fieldOf } from './header-fields.ts';

/** A rule that matched, as its event will name it. */
export interface Match {
  /** Empty for an error of ours. */
  readonly ruleId: string;
  readonly rulesetId: string;
  readonly ref: string;
  readonly description: string;
  readonly action: string;
  readonly source: string;
}

/** The rules that one request matched, in order, and the events that they become. */
export class Matches {
  readonly #all: Match[] = [];
  /** How many of them are events already. */
  #emitted = 0;

  add(match: Match): void {
    this.#all.push(match);
  }

  /** The rule that ended the request or was logged last. */
  get last(): Match | null {
    return this.#all.at(-1) ?? null;
  }

  /** Makes events of those that are none yet. */
  takeEvents(zoneId: string, facts: EvaluatedFacts, edgeStatus: number, originStatus: number): SecurityEvent[] {
    const from = this.#emitted;
    this.#emitted = this.#all.length;
    return this.#all.slice(from).map((match, i) => ({
      Action: match.action,
      ClientIP: facts.visitorAddress,
      ClientRequestHost: facts.host,
      ClientRequestMethod: facts.method,
      ClientRequestPath: cut(facts.path),
      ClientRequestQuery: redactQuery(facts.query),
      ClientRequestProtocol: facts.version,
      ClientRequestScheme: facts.scheme,
      ClientRequestUserAgent: cut(fieldOf(facts.headers, 'user-agent')),
      Datetime: new Date(facts.time).toISOString(),
      Description: match.description,
      EdgeResponseStatus: edgeStatus,
      OriginResponseStatus: originStatus,
      MatchIndex: from + i,
      RayID: facts.rayId,
      Ref: match.ref,
      RuleID: match.ruleId,
      Source: match.source,
      ZoneID: zoneId,
      RulesetID: match.rulesetId,
    }));
  }
}
