// What does a request cost? CPU microseconds of each proxy, before the same nginx origin, in one run, work after work.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './harness/certificates.ts';
import { cpuMicroseconds, residentMiB, tree } from './harness/processes.ts';
import type { Runtime } from './harness/product.ts';
import { type ProxyProgram, startProxies } from './harness/proxies.ts';
import { median, ratios, table } from './harness/statistics.ts';
import type { Round, Work } from './works.ts';

/** How a comparison runs. */
export interface ForwardingOptions {
  readonly runtimes: readonly Runtime[];
  readonly works: readonly Work[];
  readonly rounds: number;
  readonly seconds: number;
  /** Takes the table of a work as soon as it is there. */
  readonly report: (text: string) => void;
}

interface Measured {
  readonly proxy: ProxyProgram;
  readonly costs: number[];
  readonly rounds: Round[];
}

/** Measures nginx, HAProxy and Countersign on each runtime in turn, round after round. Reports a table a work. */
export async function forwarding(options: ForwardingOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const certificates = await makeCertificates(directory);
  const { proxies, stop } = await startProxies(certificates, options.runtimes);
  try {
    for (const work of options.works) {
      const measured = proxies.map((proxy): Measured => ({ proxy, costs: [], rounds: [] }));
      for (const { port } of proxies) await work.drive(certificates, port, options.seconds);
      for (let round = 0; round < options.rounds; round++) {
        // The order rotates, so that nobody always follows the same neighbour.
        for (let i = 0; i < measured.length; i++) {
          const { proxy, costs, rounds } = measured[(i + round) % measured.length]!;
          const before = cpuMicroseconds(proxy.program.pid);
          const counted = await work.drive(certificates, proxy.port, options.seconds);
          costs.push((cpuMicroseconds(proxy.program.pid) - before) / counted.units);
          rounds.push(counted);
        }
        process.stderr.write(`${work.name}: round ${round + 1} of ${options.rounds}\n`);
      }
      options.report(`${work.name}: ${work.load}\n${tableOf(work, measured, options.seconds)}\n`);
    }
  } finally {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function tableOf({ unit }: Work, measured: readonly Measured[], seconds: number): string {
  const heading = [`CPU us/${unit}`, 'min', 'max', `${unit}/s`, 'p50 ms', 'p99 ms', 'RSS MiB'];
  return table([
    ['proxy', ...heading, 'ratio to nginx', 'min', 'max'],
    ...measured.map((one) => row(one, measured[0]!, seconds)),
  ]);
}

function row({ proxy, costs, rounds }: Measured, base: Measured, seconds: number): string[] {
  const { mean, min, max } = ratios(costs, base.costs);
  const memory = tree(proxy.program.pid).reduce((sum, pid) => sum + residentMiB(pid), 0);
  const milliseconds = (of: 'p50' | 'p99') => {
    const times = rounds.flatMap((round) => round[of] ?? []);
    return times.length === 0 ? '-' : (median(times) / 1000).toFixed(2);
  };
  return [
    proxy.name,
    ...[median(costs), Math.min(...costs), Math.max(...costs)].map((cost) => cost.toFixed(cost < 100 ? 1 : 0)),
    Math.round(median(rounds.map(({ units }) => units)) / seconds).toLocaleString('en'),
    milliseconds('p50'),
    milliseconds('p99'),
    memory.toFixed(0),
    ...[mean, min, max].map((ratio) => ratio.toFixed(2)),
  ];
}
