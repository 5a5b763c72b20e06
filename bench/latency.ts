// How long does an answer take when a proxy is half busy? Requests come at a fixed rate, whatever the answers take.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './harness/certificates.ts';
import { h2loadAtRate } from './harness/h2load.ts';
import type { Runtime } from './harness/product.ts';
import { startProxies } from './harness/proxies.ts';
import { median, percentile, table } from './harness/statistics.ts';
import { wrk } from './harness/wrk.ts';

/** How latency is measured. */
export interface LatencyOptions {
  readonly runtimes: readonly Runtime[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

/**
 * Finds each proxy's limit with wrk, then asks at half of it with h2load, in turn; both are processes of their own. Resolves with a table; each
 * round's ratio is to nginx in the same round.
 */
export async function latency({ runtimes, rounds, seconds, connections }: LatencyOptions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const certificates = await makeCertificates(directory);
  const { proxies, stop } = await startProxies(certificates, runtimes);
  try {
    const measured: { name: string; port: number; limit: number; p50: number[]; p99: number[] }[] = [];
    for (const { name, port } of proxies) {
      await wrk(certificates, port, '/1k', { seconds: 2, connections });
      const { requests } = await wrk(certificates, port, '/1k', { seconds: 3, connections });
      measured.push({ name, port, limit: requests / 3, p50: [], p99: [] });
    }
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < measured.length; i++) {
        const one = measured[(i + round) % measured.length]!;
        const times = await h2loadAtRate(one.port, '/1k', { seconds, connections, rate: one.limit / 2 });
        one.p50.push(percentile(times, 0.5));
        one.p99.push(percentile(times, 0.99));
      }
      process.stderr.write(`latency: round ${round + 1} of ${rounds}\n`);
    }
    const [base] = measured;
    return table([
      ['proxy', 'requests/s', 'p50 ms', 'p99 ms', 'min', 'max', 'p99 to nginx'],
      ...measured.map(({ name, limit, p50, p99 }) => [
        name,
        Math.round(limit / 2).toLocaleString('en'),
        ...[median(p50), median(p99), Math.min(...p99), Math.max(...p99)].map((us) => (us / 1000).toFixed(2)),
        median(p99.map((us, i) => us / base!.p99[i]!)).toFixed(2),
      ]),
    ]);
  } finally {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
