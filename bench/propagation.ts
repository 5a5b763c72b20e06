// How long after the API's answer is a change in use by every worker? Asked of each worker, change after change.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls, { type TLSSocket } from 'node:tls';
import { HOSTNAME, makeCertificates } from './harness/certificates.ts';
import { startNginxOrigin } from './harness/nginx.ts';
import { freePorts } from './harness/processes.ts';
import { type Product, type Runtime, startProduct } from './harness/product.ts';
import { median, percentile, table } from './harness/statistics.ts';

/** How the propagation is measured. */
export interface PropagationOptions {
  readonly runtimes: readonly Runtime[];
  readonly workers: number;
  /** Number of changes. */
  readonly changes: number;
}

/**
 * Switches the zone level off and on again. After each answer every worker is asked, over connections that stay open,
 * until its `/cdn-cgi/trace` tells the new level. Resolves with a table of milliseconds.
 */
export async function propagation({ runtimes, workers, changes }: PropagationOptions): Promise<string> {
  const rows = [['runtime', 'workers', 'changes', 'API p50 ms', 'API p99 ms', 'in use p50 ms', 'p99', 'max']];
  for (const runtime of runtimes) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
    const certificates = await makeCertificates(directory);
    const [originPort] = (await freePorts(1)) as [number];
    const origin = await startNginxOrigin(certificates, originPort);
    const product = await startProduct(runtime, certificates, originPort, { workers });
    try {
      const { answers, inUse } = await measure(product, changes, workers);
      const ms = (value: number) => value.toFixed(2);
      rows.push([
        runtime.name,
        String(workers),
        String(changes),
        ...[median(answers), percentile(answers, 0.99)].map(ms),
        ...[median(inUse), percentile(inUse, 0.99), Math.max(...inUse)].map(ms),
      ]);
    } finally {
      await Promise.all([product.stop(), origin.stop()]);
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return table(rows);
}

async function measure(
  product: Product,
  changes: number,
  workers: number,
): Promise<{ answers: number[]; inUse: number[] }> {
  const visitors = await visitEveryWorker(product, workers);
  const answers: number[] = [];
  const inUse: number[] = [];
  for (let i = 0; i < changes; i++) {
    const enabled = i % 2 === 1;
    const wanted = enabled ? 'zone' : 'none';
    const asked = performance.now();
    await product.call('PUT', `/zones/${product.zoneId}/origin_tls_client_auth/settings`, { enabled });
    const answered = performance.now();
    answers.push(answered - asked);
    for (const visitor of visitors) while ((await level(visitor)) !== wanted);
    inUse.push(performance.now() - answered);
  }
  for (const visitor of visitors) visitor.destroy();
  return { answers, inUse };
}

/** Connections of which every worker holds one: the first part of a ray id is drawn once by each worker. */
async function visitEveryWorker(product: Product, workers: number): Promise<TLSSocket[]> {
  const found = new Map<string, TLSSocket>();
  while (found.size < workers) {
    const socket = tls.connect({
      host: '127.0.0.1',
      port: product.httpsPort,
      servername: HOSTNAME,
      ca: readFileSync(product.rootCaFile),
    });
    await once(socket, 'secureConnect');
    const worker = /^CF-Ray: (.{8})/m.exec(await trace(socket))![1]!;
    if (found.has(worker)) socket.destroy();
    else found.set(worker, socket);
  }
  return [...found.values()];
}

async function level(visitor: TLSSocket): Promise<string> {
  return /^aop=(\w+)$/m.exec(await trace(visitor))![1]!;
}

async function trace(visitor: TLSSocket): Promise<string> {
  visitor.write(`GET /cdn-cgi/trace HTTP/1.1\r\nHost: ${HOSTNAME}\r\n\r\n`);
  let text = '';
  while (!/^aop=\w+\n/m.test(text)) text += (await once(visitor, 'data'))[0];
  return text;
}
