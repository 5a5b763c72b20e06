// What does an idle visitor cost? Resident memory of all processes of a proxy before and with many connections that have asked once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOSTNAME, makeCertificates } from './harness/certificates.ts';
import { openIdle } from './harness/generator.ts';
import { residentMiB, tree } from './harness/processes.ts';
import type { Runtime } from './harness/product.ts';
import { startProxies } from './harness/proxies.ts';
import { table } from './harness/statistics.ts';

/** Opens the connections to one proxy after the other. Resolves with a table. */
export async function idle(runtimes: readonly Runtime[], connections: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const certificates = await makeCertificates(directory);
  const { proxies, stop } = await startProxies(certificates, runtimes);
  const rows = [
    [
      'proxy',
      'connections',
      'RSS MiB before',
      'with them',
      'KiB each',
      'ratio of all to nginx',
      'of growth',
      'PSS MiB with them',
      'ratio',
    ],
  ];
  let base: { grown: number; all: number; proportional: number } | null = null;
  try {
    // HAProxy reserves two descriptors a connection, and does not start where the system's limit is lower than that.
    for (const { name, port, program } of proxies.filter((proxy) => proxy.name !== 'haproxy')) {
      const resident = (proportional = false) =>
        tree(program.pid).reduce((sum, pid) => sum + residentMiB(pid, proportional), 0);
      // The first connections make what all share.
      const closeFirst = await openIdle({ port, path: '/1k', hosts: [HOSTNAME] }, 100);
      closeFirst();
      const before = resident();
      const close = await openIdle({ port, path: '/1k', hosts: [HOSTNAME] }, connections);
      const all = resident();
      // Pages that several processes share are counted once here.
      const proportional = resident(true);
      close();
      const grown = all - before;
      base ??= { grown, all, proportional };
      rows.push([
        name,
        connections.toLocaleString('en'),
        before.toFixed(0),
        all.toFixed(0),
        ((grown * 1024) / connections).toFixed(1),
        (all / base.all).toFixed(2),
        (grown / base.grown).toFixed(2),
        proportional.toFixed(0),
        (proportional / base.proportional).toFixed(2),
      ]);
      process.stderr.write(`${name}: done\n`);
    }
    return table(rows);
  } finally {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
