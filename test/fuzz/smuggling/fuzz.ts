import net from 'node:net';
import { makeServer } from '../../doubles/certificates.ts';
import { startEdge, type TestEdge } from '../../doubles/edge.ts';
import { eventually } from '../../doubles/process-list.ts';
import { seeded } from '../../doubles/random.ts';
import { missing, SERVERS } from '../../real/server-process.ts';
import { readAnswers } from './answers.ts';
import { type Disagreement, SmugglingChecker, type Visited } from './checker.ts';
import { type CountingServer, startCountingServer } from './counting-server.ts';
import { Grammar, type Stream } from './grammar.ts';

/** How long a run goes on: until one of the two is reached. */
export interface SmugglingRun {
  readonly seed: number;
  readonly streams?: number;
  readonly seconds?: number;
  readonly onProgress?: (line: string) => void;
}

/** What a run found. */
export interface SmugglingFindings {
  readonly seed: number;
  readonly streams: number;
  readonly counts: SmugglingChecker['counts'];
  readonly failures: SmugglingChecker['failures'];
  readonly answers: number;
  /** Answers by their status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly disagreements: readonly Disagreement[];
}

/** Why a run is not possible here; false where it is. */
export function missingServer(): string | false {
  return SERVERS.map(missing).find((reason) => reason !== false) ?? false;
}

const LATE = 'an origin has not counted everything';
const BATCH = 240;
const LANES = 48;
// Short, so that a visitor who leaves a message unfinished costs little.
// So does an origin that waits for more of a request than the edge thinks there is.
const LIMITS = {
  originRead: 5_000,
  requestHeadTime: 300,
  visitorStall: 300,
  visitorIdle: 200,
  linger: 100,
  drain: 2_000,
};

/**
 * Visitors send what two parsers may read in two ways; the edge pulls from three real origins, over plain http and over
 * TLS. The edge's records, the origins' logs and the visitors' answers must tell one story.
 */
export async function fuzzSmuggling(run: SmugglingRun): Promise<SmugglingFindings> {
  const edges = [await startEdge({ hosts: {} }, LIMITS), await startEdge({ hosts: {} }, LIMITS)] as const;
  const servers: CountingServer[] = [];
  try {
    // Both edges' origins show the certificate of the second one's root.
    const certificate = await makeServer(edges[1].root, ...SERVERS.map((name) => `${name}.a.test`));
    for (const name of SERVERS) servers.push(await startCountingServer(name, certificate));
    const hosts = Object.fromEntries(
      servers.map(({ name, httpPort, httpsPort }) => [name, { port: httpsPort, httpPort }]),
    );
    await edges[0].apply({ ssl: 'flexible', hosts });
    await edges[1].apply({ ssl: 'origin_pull', hosts });
    return await go(run, edges, servers);
  } finally {
    for (const { edge } of edges) await edge.drain();
    for (const server of servers) await server.stop();
  }
}

async function go(
  run: SmugglingRun,
  edges: readonly TestEdge[],
  servers: readonly CountingServer[],
): Promise<SmugglingFindings> {
  const hosts = servers.map(({ name }) => `${name}.a.test`);
  const checker = new SmugglingChecker();
  const end = run.seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + run.seconds * 1000;
  const statuses: Record<string, number> = {};
  let streams = 0;
  let answers = 0;
  while (
    streams < (run.streams ?? Number.POSITIVE_INFINITY) &&
    performance.now() < end &&
    checker.disagreements.length < 10
  ) {
    const batch = Array.from({ length: BATCH }, (_, i) => {
      const draw = seeded(run.seed + (streams + i) * 7919);
      const stream = new Grammar(draw, hosts, `i${streams + i}`).stream();
      checker.sends(stream);
      return { stream, edge: edges[draw(4) === 0 ? 1 : 0]! };
    });
    streams += BATCH;
    const bytes = await runLanes(batch);
    // A visitor that broke off is recorded when the edge has noticed.
    await eventually(
      () => edges.every(({ edge }) => edge.visitors.size === 0),
      'the edge keeps visitors that are gone',
    );
    for (const edge of edges) for (const record of edge.takeLog()) checker.recorded(record);
    const count = () => {
      for (const server of servers) for (const request of server.read()) checker.counted(server.name, request);
      return checker.hasAllCounts();
    };
    // Origins log after they have answered. One that never does is found below.
    await eventually(count, LATE).catch((error: Error) => {
      if (error.message !== LATE) throw error;
    });
    const visits = batch.map(({ stream }, i): Visited => {
      const got = readAnswers(bytes[i]!, (ray) => checker.methodOf(ray));
      answers += got.length;
      for (const { status } of got) statuses[status] = (statuses[status] ?? 0) + 1;
      return { stream, answers: got };
    });
    for (const visited of visits) checker.visited(visited);
    checker.settle();
    if (streams % (BATCH * 20) === 0)
      run.onProgress?.(
        `${streams} streams, ${JSON.stringify(checker.counts)}, ${checker.disagreements.length} disagreements`,
      );
  }
  return {
    seed: run.seed,
    streams,
    counts: checker.counts,
    failures: checker.failures,
    answers,
    statuses,
    disagreements: checker.disagreements,
  };
}

/** Runs a batch, so many at once, and resolves with what each visitor got. */
async function runLanes(batch: readonly { readonly stream: Stream; readonly edge: TestEdge }[]): Promise<string[]> {
  const got: string[] = [];
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < batch.length; i = next++) got[i] = await send(batch[i]!.edge.httpPort, batch[i]!.stream);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return got;
}

function send(port: number, { pieces, ending }: Stream): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true }, () => write(0));
    const write = (i: number): void => {
      if (socket.destroyed) return;
      if (i < pieces.length) {
        socket.write(pieces[i]!, 'latin1');
        // Each piece shall come as a read of its own, mostly.
        setImmediate(() => write(i + 1));
      } else if (ending === 'half-close') {
        socket.end();
      } else if (ending === 'destroy') {
        socket.destroy();
      }
    };
    socket.on('data', (data) => {
      got += data.toString('latin1');
      if (ending === 'destroy-at-answer') socket.destroy();
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(got));
  });
}
