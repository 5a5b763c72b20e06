import type { Publisher } from '../fleet/mod.ts';
import { type ApiCounters, type CertificateFact, renderMetrics } from '../observe/mod.ts';
import { currentRuntime } from '../platform/mod.ts';
import type { ControlPlane } from './up.ts';
import { VERSION } from './version.ts';

/** How long a scrape waits for a worker that does not answer; what it last said counts then. */
const COLLECT_LIMIT = 500;

/** Collects what the metrics tell, and writes it as Prometheus text. `uptime` is in milliseconds. */
export async function readMetrics(
  { publisher, originProofs, examinations }: Pick<ControlPlane, 'publisher' | 'originProofs' | 'examinations'>,
  api: ApiCounters,
  uptime: number,
): Promise<string> {
  await publisher.collect(COLLECT_LIMIT);
  const { name, version } = currentRuntime();
  const { workers } = publisher;
  const ready = workers.filter((worker) => worker.ready !== null).length;
  const draining = workers.filter((worker) => worker.draining).length;
  return renderMetrics({
    version: VERSION,
    runtime: `${name} ${version}`,
    uptime: uptime / 1000,
    edge: publisher.counters,
    api,
    certificates: certificates(publisher),
    snapshot: { control: publisher.index.number, edge: publisher.acknowledgedByAll },
    workers: { ready, starting: workers.length - ready - draining, draining },
    ackLag: publisher.acknowledgementLag / 1000,
    originProofs: originProofs.counts(),
    // A lost store must not take the other metrics with it.
    verdicts: await examinations.counts().catch(() => null),
  });
}

/** Every uploaded certificate; of those issued for visitors, of which there may be a million, the one that ends first. */
function certificates({ index }: Publisher): CertificateFact[] {
  const facts: CertificateFact[] = [];
  let first: CertificateFact | null = null;
  for (const entry of index.entries()) {
    if (entry.kind === 'identity') {
      facts.push({ id: entry.id, level: entry.level, scope: 'origin_pull', notAfter: entry.expiresAt });
    } else if (entry.kind === 'custom_certificate') {
      facts.push({ id: entry.id, level: 'none', scope: 'visitor', notAfter: entry.expiresAt });
    } else if (entry.kind === 'server_certificate' && entry.expiresAt < (first?.notAfter ?? Number.POSITIVE_INFINITY)) {
      first = { id: entry.hostname, level: 'none', scope: 'visitor', notAfter: entry.expiresAt };
    }
  }
  return first === null ? facts : [...facts, first];
}
