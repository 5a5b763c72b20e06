import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchEnvironment, launchFlags } from '../../bin/runtime.js';
import { type Certificates, HOSTNAME } from './certificates.ts';
import { type Program, start } from './processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'src/cli/main.ts');

/** Countersign, running for a benchmark. */
export interface Product extends Program {
  readonly workers: readonly number[];
  readonly httpsPort: number;
  /** Milliseconds from the start of the process to its `ready`. */
  readonly startTime: number;
  readonly rootCaFile: string;
  /** Calls an endpoint below `/client/v4` and resolves with its `result`. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  readonly zoneId: string;
}

/** A runtime's binary. */
export interface Runtime {
  readonly name: 'bun' | 'node';
  readonly path: string;
}

/** Starts `countersign up` with a zone whose one hostname is pulled from `originPort`, strict, with a zone-level certificate. */
export async function startProduct(
  runtime: Runtime,
  certificates: Certificates,
  originPort: number,
  { workers = 1, name = runtime.name }: { workers?: number; name?: string } = {},
): Promise<Product> {
  const data = join(certificates.directory, name);
  mkdirSync(data, { recursive: true });
  const init = ['init', '--data', data, '--zone', 'bench.test', '--json'];
  const { zones } = JSON.parse(execFileSync(runtime.path, [MAIN, ...init], { encoding: 'utf8' })) as {
    zones: { id: string }[];
  };
  const product = await startUp(runtime, data, zones[0]!.id, workers, { NODE_EXTRA_CA_CERTS: certificates.files.ca });
  const zone = `/zones/${product.zoneId}`;
  await product.call('PUT', `${zone}/countersign/origins/${HOSTNAME}`, {
    address: '127.0.0.1',
    https_port: originPort,
  });
  await product.call('PATCH', `${zone}/settings/ssl`, { value: 'strict' });
  await product.call('POST', `${zone}/origin_tls_client_auth`, {
    certificate: certificates.client.certificate,
    private_key: certificates.client.privateKey,
  });
  await product.call('PUT', `${zone}/origin_tls_client_auth/settings`, { enabled: true });
  return product;
}

/** Starts `countersign up` on a data directory as the launcher does, without it, and waits until it is ready. */
export async function startUp(
  runtime: Runtime,
  data: string,
  zoneId: string,
  workers: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Product> {
  const ports = ['--edge-https', '127.0.0.1:0', '--edge-http', '127.0.0.1:0', '--api', '127.0.0.1:0'];
  const startedAt = performance.now();
  const program = start(
    runtime.path,
    [...launchFlags(runtime.name), MAIN, 'up', '--json', '--data', data, '--workers', String(workers), ...ports],
    { ...launchEnvironment, ...env },
  );
  let text = '';
  while (!text.includes('\n')) text += (await once(program.child.stdout!, 'data'))[0];
  const startTime = performance.now() - startedAt;
  const ready = JSON.parse(text) as {
    workers: number[];
    edge: { https: string };
    api: string;
    tokenFile: string;
    rootCaFile: string;
  };
  const token = readFileSync(ready.tokenFile, 'utf8').trim();
  return {
    ...program,
    workers: ready.workers,
    httpsPort: Number(ready.edge.https.split(':').at(-1)),
    startTime,
    rootCaFile: ready.rootCaFile,
    zoneId,
    call: async <T>(method: string, path: string, body?: unknown) => {
      const response = await fetch(`${ready.api}${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const envelope = (await response.json()) as { success: boolean; errors: unknown; result: T };
      if (!envelope.success) throw new Error(`${method} ${path}: ${JSON.stringify(envelope.errors)}`);
      return envelope.result;
    },
  };
}
