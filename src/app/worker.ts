import { DEFAULT_LIMITS } from '../core/mod.ts';
import { type AddressRange, Edge, type ListenAddress, type ProveOrigin } from '../edge/mod.ts';
import { readLastGood, Subscriber } from '../fleet/mod.ts';
import { createLogger } from '../observe/mod.ts';
import {
  currentRuntime,
  openGeoDatabases,
  runtimeProblem,
  systemAddresses,
  systemClock,
  systemRandom,
  systemResolve,
} from '../platform/mod.ts';
import { MemoryCounters, SharedCounters } from '../waf/mod.ts';
import { deriveTicketKeys, parseMasterKey, unseal } from '../x509/mod.ts';
import { openAccessLog } from './access-log-file.ts';

/** What the supervisor tells a worker: one line of JSON on its stdin, which no other process can read. */
export interface WorkerSettings {
  readonly socketPath: string;
  /** Directory of the last good state. */
  readonly snapshot: string;
  readonly https: ListenAddress;
  readonly http: ListenAddress;
  readonly accessLog: string | null;
  /** How many there are: one alone counts for itself. */
  readonly workers: number;
  /** Load balancers, whose connections begin with a PROXY protocol header. */
  readonly balancers: readonly AddressRange[];
  /** What happens to a request whose rules could not be run to their end. */
  readonly wafFailure: 'closed' | 'open';
  /** Files of geo databases. */
  readonly geoip: readonly string[];
  /** Whether origins are tried without a certificate, now and then. */
  readonly originProof: boolean;
  /** Text form. */
  readonly masterKey: string;
}

/** Exit code of a worker that cannot listen: starting it again would not help. */
export const CANNOT_LISTEN = 78;

/** Loads what it takes on first use: most workers need it long after their start, if ever. */
const proveOrigin: ProveOrigin = async (target) => {
  const { ATTEMPT_TIMEOUT, tryWithoutCertificate } = await import('../origin/mod.ts');
  return await tryWithoutCertificate(target, { attemptTimeout: ATTEMPT_TIMEOUT, clock: systemClock });
};

async function main(): Promise<void> {
  const problem = runtimeProblem(currentRuntime());
  if (problem !== null) throw new Error(problem);
  const settings = await readSettings();
  const masterKey = parseMasterKey(settings.masterKey);
  const logger = createLogger({ part: 'edge', pid: process.pid });
  const ownCounters = new MemoryCounters(() => systemClock.now());
  const sharedCounters =
    settings.workers === 1
      ? null
      : new SharedCounters((asks, returns) => subscriber.rate(asks, returns), ownCounters, systemClock.now);
  const edge: Edge = new Edge({
    limits: DEFAULT_LIMITS,
    clock: systemClock,
    raySeed: systemRandom.bytes(8),
    site: 'LOC',
    randomBytes: systemRandom.bytes,
    wafFailure: settings.wafFailure,
    findPlace: settings.geoip.length === 0 ? null : openGeoDatabases(settings.geoip),
    rateCounters: sharedCounters ?? ownCounters,
    unseal: (sealed, context) => unseal(masterKey, sealed, context),
    requestCertificate: (hostname, algorithm) => subscriber.requestCertificate(hostname, algorithm),
    deriveTicketKeys,
    log: settings.accessLog === null ? null : openAccessLog(settings.accessLog, () => edge.counters.logDropped()),
    logger,
    resolve: systemResolve,
    proveOrigin: settings.originProof ? proveOrigin : null,
    localAddresses: systemAddresses,
    balancers: settings.balancers,
  });
  const lastGood = readLastGood(settings.snapshot);
  if (lastGood !== null) edge.load(lastGood);
  const subscriber = new Subscriber(edge, sharedCounters, settings.socketPath, process.pid);
  await subscriber.start();
  try {
    const [https, http] = await Promise.all([edge.listenHttps(settings.https), edge.listenHttp(settings.http)]);
    subscriber.ready(`${https.host}:${https.port}`, `${http.host}:${http.port}`);
  } catch (error) {
    logger.error({ reason: (error as Error).message }, 'cannot listen');
    process.exit(CANNOT_LISTEN);
  }
  /** The first call drains, with notice or without; one without cuts short what had it. */
  const stop = async (notice: boolean) => {
    const isFirst = !edge.isDraining;
    if (!isFirst && notice) return;
    if (isFirst) {
      subscriber.draining();
      logger.info({ visitors: edge.visitors.size, limitMs: DEFAULT_LIMITS.drain }, 'draining');
    }
    const draining = edge.drain(notice);
    if (!isFirst) return;
    logger.info({ cutOff: await draining }, 'drained');
    sharedCounters?.returnAll();
    await subscriber.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => stop(false));
  // Ctrl-C and a lost terminal reach the whole group; the supervisor decides what they mean.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  // The supervisor's end of this pipe closes with the supervisor: nobody would restart or stop this worker.
  const onOrphaned = () => stop(false);
  process.stdin.on('end', onOrphaned).on('error', onOrphaned);
  // The one thing that it says after the settings: make way for a successor.
  process.stdin.on('data', () => stop(true));
}

function readSettings(): Promise<WorkerSettings> {
  return new Promise((resolve) => {
    let text = '';
    const take = (data: Buffer) => {
      text += data;
      if (!text.endsWith('\n')) return;
      process.stdin.off('data', take);
      resolve(JSON.parse(text) as WorkerSettings);
    };
    process.stdin.on('data', take);
  });
}

main().catch((error: Error) => {
  process.stderr.write(`edge worker: ${error.stack ?? error.message}\n`);
  process.exit(1);
});
