// What does a rate limit cost a request of the whole product, with several workers? CPU microseconds with the rule and without it, in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from './harness/certificates.ts';
import { startNginxOrigin } from './harness/nginx.ts';
import { cpuMicroseconds, freePorts } from './harness/processes.ts';
import { type Product, type Runtime, startProduct } from './harness/product.ts';
import { median, table } from './harness/statistics.ts';
import { LIMIT_RULE, typicalRules } from './harness/typical-rules.ts';
import { wrk } from './harness/wrk.ts';

/** How a rate limit is measured. */
export interface RateLimitOptions {
  readonly runtimes: readonly Runtime[];
  readonly workers: number;
  readonly rounds: number;
  readonly seconds: number;
}

/** So many counters: one of the visitor's address, or one for each value of a header field that wrk draws. */
const KEYS = [1, 1_000] as const;

/** Measures 50 connections before two workers or more, ten custom rules on. Resolves with a table. */
export async function rateLimit(options: RateLimitOptions): Promise<string> {
  const rows = [['runtime', 'workers', 'counters', 'without, us', 'with, us', 'median of differences', 'min', 'max']];
  for (const runtime of options.runtimes) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
    const certificates = await makeCertificates(directory);
    const [originPort] = (await freePorts(1)) as [number];
    const origin = await startNginxOrigin(certificates, originPort);
    const product = await startProduct(runtime, certificates, originPort, { workers: options.workers });
    try {
      await setRules(product, 'http_request_firewall_custom', typicalRules(10));
      for (const keys of KEYS) {
        const { without, withRule } = await compare(product, certificates, keys, options);
        const differences = withRule.map((cost, i) => cost - without[i]!);
        rows.push([
          runtime.name,
          String(options.workers),
          keys.toLocaleString('en'),
          ...[
            median(without),
            median(withRule),
            median(differences),
            Math.min(...differences),
            Math.max(...differences),
          ].map((cost) => cost.toFixed(1)),
        ]);
      }
    } finally {
      await Promise.all([product.stop(), origin.stop()]);
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return table(rows);
}

async function compare(
  product: Product,
  certificates: Certificates,
  keys: number,
  { rounds, seconds }: RateLimitOptions,
): Promise<{ without: number[]; withRule: number[] }> {
  const characteristics = ['cf.colo.id', keys === 1 ? 'ip.src' : 'http.request.headers["x-key"][0]'];
  const rule = { ...LIMIT_RULE, ratelimit: { ...LIMIT_RULE.ratelimit, characteristics } };
  const { id, rules } = await setRules(product, 'http_ratelimit', [rule]);
  const measure = async (enabled: boolean) => {
    // The same rule all the time: a new one would have new counters.
    await product.call('PATCH', `/zones/${product.zoneId}/rulesets/${id}/rules/${rules[0]!.id}`, { ...rule, enabled });
    const before = cpuMicroseconds(product.pid);
    const { requests } = await wrk(certificates, product.httpsPort, '/1k', { seconds, connections: 50, keys });
    return (cpuMicroseconds(product.pid) - before) / requests;
  };
  await measure(false);
  await measure(true);
  const [without, withRule]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    // Who is first changes from round to round.
    if (round % 2 === 0) without.push(await measure(false));
    withRule.push(await measure(true));
    if (round % 2 === 1) without.push(await measure(false));
    process.stderr.write(`${keys} counters: round ${round + 1} of ${rounds}\n`);
  }
  return { without, withRule };
}

/** A zone's entry point of a phase. */
interface EntryPoint {
  readonly id: string;
  readonly rules: readonly { readonly id: string }[];
}

function setRules(product: Product, phase: string, rules: readonly object[]): Promise<EntryPoint> {
  const full = rules.map((rule) => ({ action: 'block', ...rule }));
  return product.call('PUT', `/zones/${product.zoneId}/rulesets/phases/${phase}/entrypoint`, { rules: full });
}
