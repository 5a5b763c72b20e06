import { createHash } from 'node:crypto';
import type { RateCount, RuleEntry } from '../core/mod.ts';
import {
  type CompileOptions,
  compileFilter,
  compileValue,
  type Filter,
  type RequestView,
  type ValueExpression,
} from '../rules/mod.ts';
import { Parameters } from './parameters.ts';

/** The rate limit of a rule (spec/waf.md 1.6), ready to count. */
export interface RateLimit {
  readonly ruleId: string;
  /** Null stands for the visitor's address, which needs no evaluation. */
  readonly characteristics: readonly (ValueExpression | null)[];
  /** Milliseconds. */
  readonly period: number;
  /** Requests, or points of a score, within the period. */
  readonly limit: number;
  /** Milliseconds; 0 holds back only the excess. */
  readonly timeout: number;
  /** What is counted; null for what the rule itself matches. */
  readonly counting: Filter | null;
  /** When it is counted. */
  readonly countsAt: 'request' | 'origin' | 'response';
  /** The response header that says how much a request counts, in lower case; null where each counts one. */
  readonly scoreHeader: string | null;
}

const MAX_SCORE = 1_000_000;
const MAX_VALUE = 64;

/** Makes the rate limit of a rule ready. Throws `UnusableRule` or `RuleError` for what the edge cannot do. */
export function compileRateLimit(rule: RuleEntry, options: CompileOptions): RateLimit {
  const parameters = new Parameters('ratelimit', rule.ratelimit, [
    'characteristics',
    'period',
    'requests_per_period',
    'score_per_period',
    'score_response_header_name',
    'mitigation_timeout',
    'counting_expression',
    'requests_to_origin',
  ]);
  const scoreHeader = parameters.has('score_response_header_name')
    ? parameters.text('score_response_header_name').toLowerCase()
    : null;
  const counting =
    parameters.has('counting_expression') && parameters.text('counting_expression') !== ''
      ? compileFilter(parameters.text('counting_expression'), { ...options, stage: 'response' })
      : null;
  const atResponse = scoreHeader !== null || counting?.needsResponse === true;
  return {
    ruleId: rule.id,
    // This edge is one place: a counter for each place is one counter.
    characteristics: parameters
      .texts('characteristics')
      .filter((name) => name !== 'cf.colo.id')
      .map((name) => (name === 'ip.src' ? null : compileValue(name, options, null))),
    period: parameters.number('period') * 1000,
    limit: parameters.number(scoreHeader === null ? 'requests_per_period' : 'score_per_period'),
    timeout: parameters.has('mitigation_timeout') ? parameters.number('mitigation_timeout') * 1000 : 0,
    counting,
    countsAt: atResponse ? 'response' : parameters.flag('requests_to_origin') ? 'origin' : 'request',
    scoreHeader,
  };
}

/** The key of the counter that a request belongs to: a value that is missing is another than the empty one. */
export function counterKey({ ruleId, period, characteristics }: RateLimit, view: RequestView): string {
  let key = `${ruleId} ${period}`;
  for (const characteristic of characteristics) {
    const value = characteristic === null ? view.facts.visitorAddress : characteristic.evaluate(view);
    if (value === undefined) {
      key += ' -';
    } else {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      // Length-prefixed, so that no two sequences of values look alike; long ones by their hash.
      key +=
        text.length > MAX_VALUE ? ` #${createHash('sha256').update(text).digest('base64')}` : ` ${text.length}:${text}`;
    }
  }
  return key;
}

/** The question to the counter of `key`. */
export function counterRequest(limit: RateLimit, key: string, reads: boolean, adds: number): RateCount {
  return { key, limit: limit.limit, period: limit.period, timeout: limit.timeout, reads, adds };
}

/** What a response's score field counts for: 0 where it is no score. */
export function readScore(value: string | undefined): number {
  if (value === undefined || !/^\d{1,7}$/.test(value)) return 0;
  const score = Number(value);
  return score <= MAX_SCORE ? score : 0;
}
