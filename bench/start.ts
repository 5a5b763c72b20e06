// How long does `countersign up` take until everything listens? On a data directory that is there already.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Runtime, startUp } from './harness/product.ts';
import { median, table } from './harness/statistics.ts';

/** Starts each runtime some times. Resolves with a table of milliseconds; the first start also makes the installation. */
export async function startTime(runtimes: readonly Runtime[], times: number): Promise<string> {
  const rows = [['runtime', 'first', 'warm median', 'warm max', 'starts']];
  for (const runtime of runtimes) {
    const data = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
    const taken: number[] = [];
    try {
      for (let i = 0; i <= times; i++) {
        const product = await startUp(runtime, data, '', 2);
        taken.push(product.startTime);
        await product.stop();
      }
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
    const [first, ...warm] = taken as [number, ...number[]];
    rows.push([runtime.name, ...[first, median(warm), Math.max(...warm)].map((ms) => ms.toFixed(0)), String(times)]);
  }
  return table(rows);
}
