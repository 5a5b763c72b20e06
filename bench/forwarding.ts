// What does one request cost? CPU microseconds a request of each proxy, before the same nginx origin, in one run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './harness/certificates.ts';
import { startHaproxy } from './harness/haproxy.ts';
import { startNginxOrigin, startNginxProxy } from './harness/nginx.ts';
import { cpuMicroseconds, freePorts, type Program, residentMiB, tree } from './harness/processes.ts';
import { type Runtime, startProduct } from './harness/product.ts';
import { median, ratios, table } from './harness/statistics.ts';
import { type Round, wrk } from './harness/wrk.ts';

/** How a comparison runs. */
export interface ForwardingOptions {
  readonly runtimes: readonly Runtime[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly path: string;
}

interface Proxy {
  readonly name: string;
  readonly port: number;
  readonly program: Program;
  readonly costs: number[];
  readonly rounds: Round[];
}

/** Measures nginx, HAProxy and Countersign on each runtime in turn, round after round. Resolves with a table. */
export async function forwarding(options: ForwardingOptions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const certificates = await makeCertificates(directory);
  const [originPort, nginxPort, haproxyPort] = (await freePorts(3)) as [number, number, number];
  const origin = await startNginxOrigin(certificates, originPort);
  const proxies: Proxy[] = [];
  const add = (name: string, port: number, program: Program) =>
    proxies.push({ name, port, program, costs: [], rounds: [] });
  try {
    add('nginx', nginxPort, await startNginxProxy(certificates, nginxPort, originPort));
    add('haproxy', haproxyPort, await startHaproxy(certificates, haproxyPort, originPort));
    for (const runtime of options.runtimes) {
      const product = await startProduct(runtime, certificates, originPort);
      add(`countersign on ${runtime.name}`, product.httpsPort, product);
    }
    for (const { port } of proxies) await wrk(certificates, port, options.path, { ...options, seconds: 3 });
    for (let round = 0; round < options.rounds; round++) {
      // The order rotates, so that nobody always follows the same neighbour.
      for (let i = 0; i < proxies.length; i++) {
        const proxy = proxies[(i + round) % proxies.length]!;
        const before = cpuMicroseconds(proxy.program.pid);
        const counted = await wrk(certificates, proxy.port, options.path, options);
        proxy.costs.push((cpuMicroseconds(proxy.program.pid) - before) / counted.requests);
        proxy.rounds.push(counted);
      }
      process.stderr.write(`round ${round + 1} of ${options.rounds}\n`);
    }
    return table([
      ['proxy', 'CPU us/req', 'min', 'max', 'req/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'ratio to nginx', 'min', 'max'],
      ...proxies.map((proxy) => row(proxy, proxies[0]!, options)),
    ]);
  } finally {
    await Promise.all([...proxies.map(({ program }) => program.stop()), origin.stop()]);
    rmSync(directory, { recursive: true, force: true });
  }
}

function row({ name, costs, rounds, program }: Proxy, base: Proxy, { seconds }: ForwardingOptions): string[] {
  const { mean, min, max } = ratios(costs, base.costs);
  const memory = tree(program.pid).reduce((sum, pid) => sum + residentMiB(pid), 0);
  return [
    name,
    ...[median(costs), Math.min(...costs), Math.max(...costs)].map((cost) => cost.toFixed(1)),
    Math.round(median(rounds.map(({ requests }) => requests)) / seconds).toLocaleString('en'),
    ...[median(rounds.map(({ p50 }) => p50)), median(rounds.map(({ p99 }) => p99))].map((us) => (us / 1000).toFixed(2)),
    memory.toFixed(0),
    ...[mean, min, max].map((ratio) => ratio.toFixed(2)),
  ];
}
