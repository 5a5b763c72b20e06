// What do many identities cost? The same load on one hostname, and evenly on many, each with a certificate of its own at hostname level.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, HOSTNAME, makeCertificates } from './harness/certificates.ts';
import { generate } from './harness/generator.ts';
import { startNginxOrigin } from './harness/nginx.ts';
import { cpuMicroseconds, freePorts, residentMiB } from './harness/processes.ts';
import { type Product, type Runtime, startProduct } from './harness/product.ts';
import { median, ratios, table } from './harness/statistics.ts';

const HOSTS_A_ZONE = 10;

/** How many identities are measured. */
export interface HostsOptions {
  readonly runtimes: readonly Runtime[];
  readonly hosts: number;
  readonly rounds: number;
  readonly seconds: number;
}

/** Connections that ask 100 times each and take the names in turn, 50 at a time. Resolves with a table. */
export async function hosts({ runtimes, hosts: count, rounds, seconds }: HostsOptions): Promise<string> {
  const rows = [['runtime', 'hostnames', 'CPU us/request', 'min', 'max', 'worker MiB', 'ratio to one', 'min', 'max']];
  for (const runtime of runtimes) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
    const certificates = await makeCertificates(directory);
    const [originPort] = (await freePorts(1)) as [number];
    const origin = await startNginxOrigin(certificates, originPort);
    const product = await startProduct(runtime, certificates, originPort);
    try {
      const names = await addHosts(product, certificates, originPort, count);
      const load = {
        port: product.httpsPort,
        path: '/1k',
        connections: 50,
        requestsPerConnection: 100,
        resumes: false,
      };
      // Every name once, so that each has its certificate toward visitors.
      await generate({ ...load, hosts: names, requestsPerConnection: 1, seconds: Math.max(seconds, count / 50) });
      const costs: { one: number[]; many: number[] } = { one: [], many: [] };
      for (let round = 0; round < rounds; round++) {
        for (const kind of round % 2 === 0 ? (['one', 'many'] as const) : (['many', 'one'] as const)) {
          const before = cpuMicroseconds(product.pid);
          const { requests } = await generate({ ...load, hosts: kind === 'one' ? [HOSTNAME] : names, seconds });
          costs[kind].push((cpuMicroseconds(product.pid) - before) / requests);
        }
        process.stderr.write(`${runtime.name}: round ${round + 1} of ${rounds}\n`);
      }
      for (const kind of ['one', 'many'] as const) {
        const { mean, min, max } = ratios(costs[kind], costs.one);
        rows.push([
          runtime.name,
          kind === 'one' ? '1' : count.toLocaleString('en'),
          ...[median(costs[kind]), Math.min(...costs[kind]), Math.max(...costs[kind])].map((cost) => cost.toFixed(1)),
          residentMiB(product.workers[0]!).toFixed(0),
          ...[mean, min, max].map((ratio) => ratio.toFixed(2)),
        ]);
      }
    } finally {
      await Promise.all([product.stop(), origin.stop()]);
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return table(rows);
}

/** Gives hostnames, ten a zone (the quota of certificates), an identity each. Resolves with their names. */
async function addHosts(
  product: Product,
  certificates: Certificates,
  originPort: number,
  count: number,
): Promise<string[]> {
  const names: string[] = [];
  for (let at = 0; at < count; at += HOSTS_A_ZONE) {
    const name = `z${at / HOSTS_A_ZONE}.test`;
    const { id } = await product.call<{ id: string }>('POST', '/zones', { name });
    const zone = `/zones/${id}`;
    await product.call('PATCH', `${zone}/settings/ssl`, { value: 'strict' });
    const config: object[] = [];
    for (let i = 0; i < Math.min(HOSTS_A_ZONE, count - at); i++) {
      const client = await certificates.issueClient();
      const hostname = `h${i}.${name}`;
      const origin = { address: '127.0.0.1', https_port: originPort, sni: HOSTNAME };
      await product.call('PUT', `${zone}/countersign/origins/${hostname}`, origin);
      const pair = { certificate: client.certificate, private_key: client.privateKey };
      const path = `${zone}/origin_tls_client_auth/hostnames/certificates`;
      const { id: certificate } = await product.call<{ id: string }>('POST', path, pair);
      config.push({ hostname, cert_id: certificate, enabled: true });
      names.push(hostname);
    }
    await product.call('PUT', `${zone}/origin_tls_client_auth/hostnames`, { config });
  }
  return names;
}
