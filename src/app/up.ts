import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createApi, type ServedApi, serveApi } from '../api/mod.ts';
import { type Config, formatHostPort, type HostPort } from '../config/mod.ts';
import {
  bootstrap,
  type Context,
  compileAll,
  compileDelta,
  Deployment,
  EventStore,
  type Examinations,
  type Installation,
  KnownProofs,
  purgeTombstones,
  renewSharedLeaf,
  ServerCertificates,
} from '../control/mod.ts';
import { DEFAULT_LIMITS } from '../core/mod.ts';
import type { ListenAddress } from '../edge/mod.ts';
import { LastGood, Publisher, TicketSecrets } from '../fleet/mod.ts';
import { ApiCounters, type Logger } from '../observe/mod.ts';
import { type FindPlace, openGeoDatabases, passedSockets, systemClock, systemRandom } from '../platform/mod.ts';
import { openStore, SchemaError, type Store } from '../store/mod.ts';
import { CounterShares, MemoryCounters } from '../waf/mod.ts';
import { formatMasterKey, SealError } from '../x509/mod.ts';
import { type ClaimedAddress, claimAddress } from './claim-address.ts';
import {
  checkMasterKey,
  type DataDirectory,
  dataDirectory,
  loadMasterKey,
  makeSocketPath,
  prepareDataDirectory,
  StartError,
} from './data-directory.ts';
import { openExaminations } from './examinations.ts';
import { readMetrics } from './metrics.ts';
import { readStatus } from './status.ts';
import { Supervisor } from './supervisor.ts';

/** The control plane over a data directory, before anything listens. */
export interface ControlPlane {
  readonly directory: DataDirectory;
  readonly context: Context;
  readonly publisher: Publisher;
  readonly deployment: Deployment;
  readonly serverCertificates: ServerCertificates;
  readonly installation: Installation;
  readonly events: EventStore;
  /** What the edge found out about origins. */
  readonly originProofs: KnownProofs;
  readonly examinations: Examinations;
  /** Called when a worker becomes ready or goes. */
  readonly onWorkersChanged: Set<() => void>;
  close(): Promise<void>;
}

/** A running installation. */
export interface Running {
  readonly plane: ControlPlane;
  readonly edge: { readonly https: string; readonly http: string };
  /** Base URL. */
  readonly api: string;
  readonly apiTls: string | null;
  /** Process ids of the workers at the moment. */
  workers(): readonly number[];
  /** Replaces the workers without losing a request; false where a new one did not start and the old ones serve on. */
  reload(): Promise<boolean>;
  /** Finishes what is under way and stops everything; `force` does not wait. */
  stop(force?: boolean): Promise<void>;
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
const PENDING_LIMIT = 10_000;
const READY_LIMIT = 30_000;

/** Opens the control plane: data directory, master key, database, installation. Throws `StartError`. */
export async function openControlPlane(
  path: string,
  database: string | null,
  logger: Logger,
  geoip: readonly string[] = [],
): Promise<ControlPlane> {
  if (database !== null)
    throw new StartError('--database takes no URL yet: leave it out for SQLite in the data directory.');
  const directory = dataDirectory(path);
  checkMasterKey(process.env);
  const findPlace = openPlaces(geoip);
  prepareDataDirectory(directory);
  const masterKey = loadMasterKey(directory, process.env, systemRandom);
  const store = await openDatabase(directory);
  const lastGood = new LastGood(directory.snapshot);
  const source = {
    all: () => compileAll(store),
    since: (number: number) => compileDelta(store, number),
  };
  const rates = new CounterShares(
    new MemoryCounters(() => systemClock.now()),
    () => systemClock.now(),
    (worker, key) => publisher.recallShare(worker, key),
  );
  const events = new EventStore(directory.events, (reason) =>
    logger.error({ reason }, 'security events could not be written'),
  );
  const originProofs = new KnownProofs(() => systemClock.now());
  const publisher: Publisher = new Publisher(
    source,
    lastGood,
    {
      onAcknowledged: (number) => {
        deployment
          .settle(number)
          .catch((error: Error) => logger.error({ reason: error.message }, 'a deployment could not be settled'));
      },
      onWorkersChanged: () => {
        for (const call of [...plane.onWorkersChanged]) call();
      },
      certificateWanted: (hostname, algorithm) => serverCertificates.ensure(hostname, algorithm),
      rates,
      onEvents: (told) => {
        events.add(told);
        if (told.dropped > 0) logger.warn({ dropped: told.dropped }, 'more security events than a worker keeps');
      },
      onOriginProofs: (proofs) => originProofs.add(proofs),
    },
    logger,
    () => systemClock.now(),
  );
  const context: Context = {
    store,
    clock: systemClock,
    random: systemRandom,
    masterKey,
    distribution: publisher,
    findPlace,
  };
  const deployment = new Deployment(context);
  const serverCertificates = new ServerCertificates(context);
  const plane: ControlPlane = {
    directory,
    context,
    publisher,
    deployment,
    serverCertificates,
    installation: await openInstallation(context, store),
    onWorkersChanged: new Set(),
    events,
    originProofs,
    examinations: openExaminations(context, directory, events, logger),
    close: async () => {
      publisher.close();
      await deployment.idle();
      await events.close();
      await store.close();
    },
  };
  writeFileSync(directory.root, `${plane.installation.root}${plane.installation.rsaRoot}`);
  writeFileSync(directory.originPullCa, plane.installation.originPullCa);
  return plane;
}

function openPlaces(files: readonly string[]): FindPlace | null {
  try {
    return files.length === 0 ? null : openGeoDatabases(files);
  } catch (error) {
    throw new StartError(`--geoip: ${(error as Error).message}`);
  }
}

async function openDatabase(directory: DataDirectory): Promise<Store> {
  try {
    return await openStore(directory.database, systemClock);
  } catch (error) {
    if (error instanceof SchemaError) throw new StartError(error.message);
    throw new StartError(`The database ${directory.database} cannot be opened: ${(error as Error).message}.`);
  }
}

async function openInstallation(context: Context, store: Store): Promise<Installation> {
  try {
    return await bootstrap(context);
  } catch (error) {
    await store.close();
    if (!(error instanceof SealError)) throw error;
    throw new StartError(
      'The master key does not open this database: put back the key that belongs to it (file master.key, or COUNTERSIGN_MASTER_KEY).',
    );
  }
}

/** Starts everything over an open control plane. Resolves when all listeners are bound. Throws `StartError`. */
export async function start(plane: ControlPlane, config: Config, logger: Logger): Promise<Running> {
  const passed = passedSockets(process.env, process.pid);
  const edgeHttps = await claimAddress(config.edgeHttps, 'edge-https', passed.get('https'));
  const edgeHttp = await claimAddress(config.edgeHttp, 'edge-http', passed.get('http'));
  // A successor is served from the same queue: visitors are told to come again, as in a reload.
  const hasSuccessor = passed.size > 0;
  const inherited = inheritable([edgeHttps, edgeHttp]);
  const [https, http] = inherited.addresses;
  const socketPath = makeSocketPath();
  const ticketSecrets = new TicketSecrets(systemRandom.bytes);
  const rotateTickets = () => plane.publisher.useTicketSecrets(ticketSecrets.rotate(systemClock.now()));
  rotateTickets();
  await plane.publisher.start(socketPath);
  const supervisor = new Supervisor({
    settings: {
      socketPath,
      snapshot: plane.directory.snapshot,
      https: https!,
      http: http!,
      accessLog: config.accessLog,
      balancers: config.proxyProtocol,
      wafFailure: config.wafFailure,
      geoip: config.geoip,
      originProof: config.originProof,
      workers: config.workers,
      masterKey: formatMasterKey(plane.context.masterKey),
    },
    descriptors: inherited.descriptors,
    isReady: (pid) => plane.publisher.workers.some((worker) => worker.pid === pid && worker.ready !== null),
    drainLimit: DEFAULT_LIMITS.drain,
    logger,
    now: () => systemClock.now(),
  });
  plane.onWorkersChanged.add(() => supervisor.workersChanged());
  const counters = new ApiCounters();
  const startedAt = systemClock.now();
  let draining = false;
  const ready = (): boolean => !draining && plane.publisher.workers.some((worker) => worker.ready !== null);
  const app = createApi({
    context: plane.context,
    deployment: plane.deployment,
    events: plane.events,
    examinations: plane.examinations,
    originProofs: plane.originProofs,
    originPullCa: plane.installation.originPullCa,
    readiness: () => ({
      ready: ready(),
      parts: {
        workers: `${plane.publisher.workers.filter((worker) => worker.ready !== null).length} of ${config.workers} listen`,
        snapshot: `change ${plane.publisher.index.number}`,
        draining: draining ? 'yes' : 'no',
      },
    }),
    status: (accountId) =>
      readStatus(plane.publisher, plane.originProofs, listeners(), accountId, startedAt, systemClock.now()),
    counters,
    metrics: () => readMetrics(plane, counters, systemClock.now() - startedAt),
    edgeHttpsPort: () => edgeHttps.port,
    onInternalError: (error, path) =>
      logger.error({ path, reason: error.message, stack: error.stack }, 'a request failed'),
  });
  const apis: ServedApi[] = [];
  const listeners = () => ({
    https: formatHostPort(edgeHttps),
    http: formatHostPort(edgeHttp),
    api: apis[0] === undefined ? null : formatHostPort(apis[0]),
    api_tls: apis[1] === undefined ? null : formatHostPort(apis[1]),
  });
  const timers: NodeJS.Timeout[] = [];
  const stop = async (force = false): Promise<void> => {
    draining = true;
    for (const timer of timers) clearInterval(timer);
    plane.events.endFollowing();
    // From here nobody new gets in, also not into the queue of a socket that no worker reads and nobody else holds.
    inherited.close();
    await Promise.all([
      supervisor.stop(force ? 'kill' : hasSuccessor ? 'notice' : 'stop'),
      ...apis.map((api) => api.close()),
    ]);
    await plane.close();
    rmSync(dirname(socketPath), { recursive: true, force: true });
  };
  try {
    const allReady = whenReady(plane, config.workers);
    allReady.catch(() => undefined);
    supervisor.start(config.workers);
    apis.push(await listenApi(app.fetch, config.api, 'api'));
    if (config.apiTls !== null) {
      const tls = await plane.serverCertificates.issueFor([...new Set([config.apiTls.host, 'localhost', '127.0.0.1'])]);
      apis.push(await listenApi(app.fetch, config.apiTls, 'api-tls', tls));
    }
    await allReady;
  } catch (error) {
    await stop(true);
    throw error;
  }
  timers.push(setInterval(() => run(() => plane.deployment.expire(PENDING_LIMIT), logger), 1_000));
  timers.push(setInterval(() => run(() => plane.examinations.runDue(), logger), MINUTE));
  timers.push(
    setInterval(() => run(() => maintain(plane), logger), HOUR),
    setInterval(rotateTickets, HOUR),
  );
  run(() => maintain(plane), logger);
  const [api, apiTls] = apis;
  return {
    plane,
    edge: { https: formatHostPort(edgeHttps), http: formatHostPort(edgeHttp) },
    api: `http://${formatHostPort(api!)}/client/v4`,
    apiTls: apiTls === undefined ? null : `https://${formatHostPort(apiTls)}/client/v4`,
    workers: () => supervisor.pids,
    reload: () => supervisor.reload(),
    stop,
  };
}

/** What workers are told of claimed addresses, and the descriptors that they inherit for them. */
function inheritable(claimed: readonly ClaimedAddress[]): {
  readonly addresses: readonly ListenAddress[];
  readonly descriptors: readonly number[];
  close(): void;
} {
  const sockets = claimed.flatMap(({ socket }) => socket ?? []);
  // One that could not be bound ahead leaves all to `reusePort`.
  const isWhole = sockets.length === claimed.length;
  let isOpen = true;
  return {
    addresses: claimed.map(({ host, port }, i) => ({ host, port, ...(isWhole ? { descriptor: 3 + i } : {}) })),
    descriptors: isWhole ? sockets.map(({ fd }) => fd) : [],
    close: () => {
      if (isOpen) for (const socket of sockets) socket.close();
      isOpen = false;
    },
  };
}

async function listenApi(
  fetch: Parameters<typeof serveApi>[0]['fetch'],
  address: HostPort,
  flag: string,
  tls?: { certificate: string; privateKey: string },
): Promise<ServedApi> {
  try {
    return await serveApi({ fetch, ...address, ...(tls === undefined ? {} : { tls }) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${code})`;
    throw new StartError(`The address ${formatHostPort(address)} ${problem}: choose another with --${flag}.`);
  }
}

/** Resolves when so many workers listen. */
function whenReady(plane: ControlPlane, workers: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new StartError('The edge workers did not start in time: see their messages above.')),
      READY_LIMIT,
    );
    const check = () => {
      if (plane.publisher.workers.filter((worker) => worker.ready !== null).length < workers) return;
      clearTimeout(timer);
      plane.onWorkersChanged.delete(check);
      resolve();
    };
    plane.onWorkersChanged.add(check);
  });
}

/** What is due: certificates of our own renewed, tombstones removed. */
async function maintain(plane: ControlPlane): Promise<void> {
  await renewSharedLeaf(plane.context);
  await plane.serverCertificates.renew();
  await purgeTombstones(plane.context);
}

/** Work in the background: its failure is logged and the next time tries again. */
function run(work: () => Promise<unknown>, logger: Logger): void {
  work().catch((error: Error) => logger.error({ reason: error.message }, 'background work failed'));
}
