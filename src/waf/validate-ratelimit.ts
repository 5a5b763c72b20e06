import { type ExpressionScope, readFilter, readValueExpression } from './validate-expression.ts';
import {
  at,
  given,
  invalid,
  type JsonObject,
  readArray,
  readChoice,
  readFlag,
  readMembers,
  readText,
  readWhole,
} from './validate-input.ts';

/** Seconds over which requests can be counted (spec/waf.md 1.6). */
const PERIODS = [
  10, 15, 20, 30, 40, 45, 60, 90, 120, 180, 240, 300, 480, 600, 900, 1200, 1800, 2400, 3600, 65535, 86400,
] as const;

const MEMBERS = [
  'characteristics',
  'period',
  'requests_per_period',
  'mitigation_timeout',
  'counting_expression',
  'requests_to_origin',
  'score_per_period',
  'score_response_header_name',
];

/** The `ratelimit` object of a rule (spec/waf.md 1.6, spec/origin-pulls.md 7.5). */
export function readRatelimit(value: unknown, pointer: string, scope: ExpressionScope): JsonObject {
  const parameters = readMembers(value, pointer, MEMBERS);
  const place = (member: string): string => at(pointer, member);
  const read = <T>(member: string, reader: (value: unknown, pointer: string) => T): T | undefined =>
    parameters[member] === undefined ? undefined : reader(parameters[member], place(member));
  checkThreshold(parameters, pointer);
  return given({
    characteristics: readCharacteristics(parameters.characteristics, place('characteristics'), scope),
    period: readChoice(parameters.period, place('period'), PERIODS),
    requests_per_period: read('requests_per_period', (it, where) => readWhole(it, where, 1, 1_000_000_000)),
    mitigation_timeout: read('mitigation_timeout', (it, where) => readWhole(it, where, 0, 86_400)),
    counting_expression: read('counting_expression', (it, where) =>
      // Empty stands for the rule's own expression; this one may look at the response (spec/waf.md 1.6).
      it === '' ? '' : readFilter(it, where, scope, 'response'),
    ),
    requests_to_origin: read('requests_to_origin', readFlag),
    score_per_period: read('score_per_period', (it, where) => readWhole(it, where, 1, 1_000_000)),
    score_response_header_name: read('score_response_header_name', readHeaderName),
  });
}

/** Requests are counted, or scores that the origin gives: one of both. */
function checkThreshold(parameters: JsonObject, pointer: string): void {
  const { requests_per_period: requests, score_per_period: score, score_response_header_name: header } = parameters;
  if (requests === undefined && score === undefined) {
    throw invalid(at(pointer, 'requests_per_period'), 'is missing: say how many requests, or give score_per_period.');
  }
  if (requests !== undefined && score !== undefined) {
    throw invalid(at(pointer, 'score_per_period'), 'cannot be given together with requests_per_period.');
  }
  if ((score === undefined) !== (header === undefined)) {
    const missing = score === undefined ? 'score_per_period' : 'score_response_header_name';
    throw invalid(at(pointer, missing), 'is missing: score_per_period and score_response_header_name go together.');
  }
}

function readCharacteristics(value: unknown, pointer: string, scope: ExpressionScope): string[] {
  const read = readArray(value, pointer, [1, 20], (item, where) => readCharacteristic(item, where, scope));
  if (!read.includes('cf.colo.id'))
    throw invalid(pointer, 'must contain cf.colo.id: counters are kept for each place.');
  const twice = read.findIndex((item, index) => read.indexOf(item) !== index);
  if (twice >= 0) throw invalid(at(pointer, twice), 'is there twice.');
  return read;
}

function readCharacteristic(value: unknown, pointer: string, scope: ExpressionScope): string {
  const text = readText(value, pointer, 1, 4096);
  if (text === 'cf.colo.id') return text;
  if (text === 'cf.unique_visitor_id') {
    throw invalid(pointer, 'cf.unique_visitor_id is not available: the edge gives visitors no id. Use ip.src.');
  }
  const header = /^http\.request\.headers\["([^"]*)"\]/.exec(text);
  if (header !== null && header[1] !== header[1]!.toLowerCase()) {
    throw invalid(pointer, 'header names are in lower case here: otherwise none would be found.');
  }
  return readValueExpression(text, pointer, scope, null);
}

function readHeaderName(value: unknown, pointer: string): string {
  const name = readText(value, pointer, 1, 128);
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw invalid(pointer, 'is not the name of a header.');
  return name;
}
