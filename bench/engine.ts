// What does the edge itself do for a request? CPU microseconds of its own code, without sockets and TLS, which are most of a request.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Runtime } from './harness/product.ts';
import { table } from './harness/statistics.ts';

const SCRIPT = fileURLToPath(new URL('./harness/engine-cost.ts', import.meta.url));

/** Measures on each runtime in turn. Resolves with a table. */
export function engine(runtimes: readonly Runtime[]): string {
  const rows = runtimes.map(({ name, path }) => {
    const costs = JSON.parse(execFileSync(path, [SCRIPT], { encoding: 'utf8' })) as { short: number; browser: number };
    return [name, costs.short.toFixed(2), costs.browser.toFixed(2)];
  });
  return table([['runtime', 'GET with a Host alone, us', "with a browser's header, us"], ...rows]);
}
