// Does a worker's memory stay flat? Its resident memory on the way to many requests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './harness/certificates.ts';
import { startNginxOrigin } from './harness/nginx.ts';
import { freePorts, residentMiB } from './harness/processes.ts';
import { type Runtime, startProduct } from './harness/product.ts';
import { table } from './harness/statistics.ts';
import { wrk } from './harness/wrk.ts';

/** How the memory is measured. */
export interface MemoryOptions {
  readonly runtimes: readonly Runtime[];
  /** Requests at least. */
  readonly requests: number;
  readonly connections: number;
}

const STEPS = 4;

/** Loads one worker with keep-alive requests. Resolves with a table of its resident memory in MiB at each quarter. */
export async function memory({ runtimes, requests, connections }: MemoryOptions): Promise<string> {
  const rows = [['runtime', 'at start', ...Array.from({ length: STEPS }, (_, i) => `${i + 1}/${STEPS}`), 'requests']];
  for (const runtime of runtimes) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
    const certificates = await makeCertificates(directory);
    const [originPort] = (await freePorts(1)) as [number];
    const origin = await startNginxOrigin(certificates, originPort);
    const product = await startProduct(runtime, certificates, originPort);
    try {
      const [worker] = product.workers as [number];
      const seen = [residentMiB(worker)];
      let done = 0;
      for (let step = 1; step <= STEPS; step++) {
        while (done < (requests * step) / STEPS) {
          done += (await wrk(certificates, product.httpsPort, '/1k', { seconds: 5, connections })).requests;
        }
        seen.push(residentMiB(worker));
      }
      rows.push([runtime.name, ...seen.map((mib) => mib.toFixed(0)), done.toLocaleString('en')]);
    } finally {
      await Promise.all([product.stop(), origin.stop()]);
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return table(rows);
}
