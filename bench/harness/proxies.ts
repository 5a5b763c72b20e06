import type { Certificates } from './certificates.ts';
import { startHaproxy } from './haproxy.ts';
import { startNginxOrigin, startNginxProxy } from './nginx.ts';
import { freePorts, type Program } from './processes.ts';
import { type Runtime, startProduct } from './product.ts';

/** A proxy that runs, with one worker, before the common origin. */
export interface ProxyProgram {
  readonly name: string;
  readonly port: number;
  readonly program: Program;
}

/** Starts the origin, nginx (always the first), HAProxy, and Countersign on each runtime. */
export async function startProxies(
  certificates: Certificates,
  runtimes: readonly Runtime[],
): Promise<{ readonly proxies: readonly ProxyProgram[]; readonly stop: () => Promise<void> }> {
  const [originPort, nginxPort, haproxyPort] = (await freePorts(3)) as [number, number, number];
  const programs: Program[] = [await startNginxOrigin(certificates, originPort)];
  const proxies: ProxyProgram[] = [];
  const add = (name: string, port: number, program: Program) => {
    programs.push(program);
    proxies.push({ name, port, program });
  };
  const stop = async () => {
    await Promise.all(programs.map((program) => program.stop()));
  };
  try {
    add('nginx', nginxPort, await startNginxProxy(certificates, nginxPort, originPort));
    add('haproxy', haproxyPort, await startHaproxy(certificates, haproxyPort, originPort));
    for (const runtime of runtimes) {
      const product = await startProduct(runtime, certificates, originPort);
      add(`countersign on ${runtime.name}`, product.httpsPort, product);
      // All show visitors the same.
      const { certificate, privateKey } = certificates.server;
      const shown = { certificate, private_key: privateKey };
      await product.call('POST', `/zones/${product.zoneId}/custom_certificates`, shown);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { proxies, stop };
}
