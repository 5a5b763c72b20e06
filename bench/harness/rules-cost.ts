// Measures the rules of one zone in this process, and prints the numbers as one line of JSON. Started by `bench/rules.ts`.
import { type RuleEntry, type RulesetEntry, SnapshotIndex } from '../../src/core/mod.ts';
import { CounterShares, type CounterStore, MemoryCounters, SharedCounters, Waf } from '../../src/waf/mod.ts';
import { HEADERS, LIMIT_RULE, typicalRules } from './typical-rules.ts';

const ZONE = 'z1';
const ROUNDS = 7;

const entryPoint = (phase: string, rules: readonly Partial<RuleEntry>[]): RulesetEntry => ({
  kind: 'ruleset',
  id: phase,
  rulesetKind: 'zone',
  name: phase,
  phase,
  version: '1',
  scope: 'zone',
  scopeId: ZONE,
  rules: rules.map((rule, i) => ({
    id: `r${i}`,
    ref: `r${i}`,
    version: '1',
    action: 'block',
    actionParameters: null,
    expression: 'true',
    description: '',
    enabled: true,
    ratelimit: null,
    logging: null,
    ...rule,
  })),
});

/** A WAF with one zone that has these rulesets, and how long it took to make them ready. */
function wafWith(
  rulesets: readonly RulesetEntry[],
  counters: CounterStore = new MemoryCounters(Date.now),
): { waf: Waf; compileTime: number } {
  const index = new SnapshotIndex({
    number: 1,
    entries: [
      {
        kind: 'zone',
        id: ZONE,
        name: 'a.test',
        accountId: 'acc',
        ssl: 'full',
        tlsClientAuth: false,
        originTlsClientAuth: false,
        certificateIds: [],
      },
      ...rulesets,
    ],
  });
  const waf = new Waf({
    now: Date.now,
    failure: 'closed',
    hasGeo: false,
    counters,
    onProblem: ({ reason }) => {
      throw new Error(reason);
    },
  });
  const before = performance.now();
  waf.follow(index, null);
  return { waf, compileTime: performance.now() - before };
}

let visitor = 0;

/** A request of a usual size, each from an address of its own among some. */
function facts(query = 'q=shoes&page=2&sort=price') {
  visitor = (visitor + 1) % 50_000;
  return {
    method: 'GET',
    scheme: 'https' as const,
    host: 'www.a.test',
    rawTarget: `/shop/search/shoes?${query}`,
    path: '/shop/search/shoes',
    query,
    version: 'HTTP/1.1' as const,
    headers: [...HEADERS],
    areHeadersTruncated: false,
    visitorAddress: `203.0.${visitor >> 8}.${visitor & 255}`,
    serverAddress: '127.0.0.1',
    serverPort: 443,
    tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
    visitorCertificate: null,
    rayId: '0123456789abcdef',
    time: 0,
    randomSeed: '0123456789abcdef',
    body: null,
    response: null,
    geo: null,
    timings: { edge: 0, originFirstByte: 0 },
  };
}

/** CPU microseconds of one request: the median of some rounds. */
async function cost(waf: Waf, requests: number): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < requests; i++) {
      const judged = { facts: facts(), evaluation: null };
      let outcome = waf.judge(ZONE, judged);
      if (outcome instanceof Promise) outcome = await outcome;
      if (outcome.kind !== 'pass') throw new Error('a usual request does not pass');
    }
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) costs.push((user + system) / requests);
  }
  return costs.sort((a, b) => a - b)[costs.length >> 1]!;
}

/** The counters of one of several workers: what it asks and hears goes through JSON, as over the socket. */
function sharedCounters(): CounterStore {
  const parsed = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T;
  const shares = new CounterShares(new MemoryCounters(Date.now), Date.now, () => undefined);
  const worker: SharedCounters = new SharedCounters(
    (asks, returns) => {
      for (const returned of parsed(returns)) shares.giveBack(worker, returned);
      for (const ask of parsed(asks)) {
        const answer = shares.ask(worker, ask);
        if (!(answer instanceof Promise)) setImmediate(() => worker.answered(parsed([answer])));
      }
      return true;
    },
    new MemoryCounters(Date.now),
    Date.now,
  );
  return worker;
}

const custom = (count: number) => entryPoint('http_request_firewall_custom', typicalRules(count));
const limit = entryPoint('http_ratelimit', [LIMIT_RULE]);
const none = await cost(wafWith([]).waf, 200_000);
const ten = await cost(wafWith([custom(10)]).waf, 100_000);
const thousand = await cost(wafWith([custom(1000)]).waf, 5_000);
const limited = await cost(wafWith([custom(10), limit]).waf, 100_000);
const shared = await cost(wafWith([custom(10), limit], sharedCounters()).waf, 100_000);
// The second time: what the runtime itself learns at the first is not the rules' cost.
wafWith([custom(1000)]);
const { compileTime } = wafWith([custom(1000)]);
const hostile = wafWith([
  entryPoint(
    'http_request_firewall_custom',
    Array.from({ length: 100 }, (_, i) => ({ expression: `http.request.uri.query matches "(a+)+${i}$|(x|xx)*y${i}"` })),
  ),
]).waf;
const stalls = ['a'.repeat(128 * 1024), 'x'.repeat(128 * 1024), 'ax'.repeat(64 * 1024)].map((query) => {
  const before = performance.now();
  hostile.judge(ZONE, { facts: facts(query), evaluation: null });
  return performance.now() - before;
});
console.log(JSON.stringify({ none, ten, thousand, limited, shared, compileTime, stall: Math.max(...stalls) }));
