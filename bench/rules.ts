// What do rules cost? CPU microseconds a request of one zone's rules, without the rest of the edge; what it takes to make them ready; and
// how long hostile input holds a worker up.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { nginxRules } from './harness/nginx-rules.ts';
import type { Runtime } from './harness/product.ts';
import { table } from './harness/statistics.ts';

const SCRIPT = fileURLToPath(new URL('./harness/rules-cost.ts', import.meta.url));

/** What `harness/rules-cost.ts` prints: microseconds of CPU a request, and milliseconds. */
interface Costs {
  readonly none: number;
  readonly ten: number;
  readonly thousand: number;
  readonly limited: number;
  /** The same for one of several workers. */
  readonly shared: number;
  readonly compileTime: number;
  readonly stall: number;
}

/** Measures on each runtime in turn, and nginx with the nearest thing to the same rules. Resolves with a table. */
export async function rules(runtimes: readonly Runtime[]): Promise<string> {
  const rows = runtimes.map(({ name, path }) => {
    const costs = JSON.parse(execFileSync(path, [SCRIPT], { encoding: 'utf8' })) as Costs;
    const { none, ten, thousand, limited, shared, compileTime, stall } = costs;
    return [
      name,
      ...[none, ten - none, thousand - none, limited - ten, shared - ten].map((cost) => cost.toFixed(2)),
      ...[compileTime, stall].map((time) => time.toFixed(0)),
    ];
  });
  const nginx = await nginxRules();
  const more = [nginx.ten - nginx.none, nginx.thousand - nginx.none, nginx.limited - nginx.ten];
  rows.push(['nginx, a whole request', ...[nginx.none, ...more].map((cost) => cost.toFixed(2)), '-', '-', '-']);
  const heading = [
    'no rules, us',
    '10 rules, us more',
    '1,000 rules, us more',
    'a rate limit, us more',
    'of two workers, us more',
  ];
  return table([['runtime', ...heading, '1,000 rules ready in, ms', '128 KiB against 100 regexes, ms'], ...rows]);
}
