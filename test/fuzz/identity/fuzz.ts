import type { Scheme } from '../../../src/core/mod.ts';
import type { Edge } from '../../../src/edge/mod.ts';
import { makeEdge } from '../../doubles/edge.ts';
import { type Draw, seeded } from '../../doubles/random.ts';
import { connectHttp, connectHttps, type Visitor } from '../../doubles/wire.ts';
import { IdentityChecker, type Mismatch } from './checker.ts';
import { type EchoOrigins, startEchoOrigins } from './echo-origin.ts';
import { type Visit, visit } from './visitor.ts';
import { BROKEN_KEY, World } from './world.ts';

/** How long a run goes on: until one of the two is reached. */
export interface IdentityRun {
  readonly seed: number;
  readonly requests?: number;
  readonly seconds?: number;
  readonly visitors?: number;
  readonly onProgress?: (line: string) => void;
}

/** What a run found. */
export interface IdentityFindings {
  readonly seed: number;
  readonly requests: number;
  readonly changes: number;
  /** Identities that origins saw, `none` and the like included. */
  readonly identitiesSeen: number;
  readonly identitiesMade: number;
  readonly overlapped: number;
  readonly reused: number;
  readonly resumed: Readonly<Record<string, number>>;
  readonly webSockets: number;
  readonly mismatches: readonly Mismatch[];
}

/** Requests of all visitors between two changes, about. */
const REQUESTS_A_CHANGE = 30;
const SILENCE = 15_000;
const PROGRESS_EVERY = 10_000;

/**
 * Never another identity: visitors of many hostnames, over connections of all kinds, toward the same few origins, while
 * certificates, switches and origins change. Every answer is compared with what `resolve()` said when it was asked for.
 */
export async function fuzzIdentity(run: IdentityRun): Promise<IdentityFindings> {
  const draw = seeded(run.seed);
  let origins: EchoOrigins | undefined;
  const world = await World.make(draw, async (server) => {
    origins = await startEchoOrigins(server);
    return { tls12: origins.tls12.port, tls13: origins.tls13.port, plain: origins.plain.port };
  });
  const edge = makeEdge(
    { drain: 2_000 },
    () => undefined,
    (sealed) => {
      if (sealed === BROKEN_KEY) throw new Error('the key does not open');
      return sealed;
    },
  );
  try {
    edge.load(world.index.snapshot());
    return await new Run(run, draw, world, edge).go();
  } finally {
    await edge.drain();
    origins!.close();
  }
}

class Run {
  readonly #run: IdentityRun;
  readonly #draw: Draw;
  readonly #world: World;
  readonly #edge: Edge;
  readonly #checker = new IdentityChecker();
  #ports = { https: 0, http: 0 };
  #end = Number.POSITIVE_INFINITY;
  #changes = 0;
  #webSockets = 0;
  #wakeChanger: () => void = () => undefined;

  constructor(run: IdentityRun, draw: Draw, world: World, edge: Edge) {
    this.#run = run;
    this.#draw = draw;
    this.#world = world;
    this.#edge = edge;
  }

  async go(): Promise<IdentityFindings> {
    const here = { host: '127.0.0.1', port: 0 };
    this.#ports = {
      https: (await this.#edge.listenHttps(here)).port,
      http: (await this.#edge.listenHttp(here)).port,
    };
    if (this.#run.seconds !== undefined) this.#end = performance.now() + this.#run.seconds * 1000;
    const count = this.#run.visitors ?? 24;
    const changing = this.#changeAgainAndAgain();
    const visitors = Array.from({ length: count }, (_, i) => this.#visitAgainAndAgain(i % 4 === 3 ? 'http' : 'https'));
    try {
      await Promise.all(visitors);
    } finally {
      this.#end = 0;
      this.#wakeChanger();
      await Promise.allSettled([changing, ...visitors]);
    }
    await changing;
    const { requests, identities, overlapped, reused, resumed, mismatches } = this.#checker;
    return {
      seed: this.#run.seed,
      requests,
      changes: this.#changes,
      identitiesSeen: identities.size,
      identitiesMade: this.#world.identities,
      overlapped,
      reused,
      resumed,
      webSockets: this.#webSockets,
      mismatches,
    };
  }

  get #isOver(): boolean {
    const { requests, mismatches } = this.#checker;
    return (
      requests >= (this.#run.requests ?? Number.POSITIVE_INFINITY) ||
      performance.now() >= this.#end ||
      mismatches.length > 20
    );
  }

  /** One visitor: a connection for some requests, then the next one. */
  async #visitAgainAndAgain(scheme: Scheme): Promise<void> {
    while (!this.#isOver) {
      const own = this.#pick(this.#world.hostnames);
      const visitor = await this.#connect(scheme, own);
      // An edge that never answers is found too.
      visitor.socket.setTimeout(SILENCE, () => visitor.socket.destroy());
      try {
        let isUsable = true;
        for (let left = 1 + this.#draw(40); left > 0 && isUsable && !this.#isOver; left--) {
          // Over https the Host is the server name; over http one connection visits all zones.
          const host = scheme === 'https' ? own : this.#pick(this.#world.hostnames);
          isUsable = await visit(visitor, this.#checker, this.#request(host, scheme));
          this.#count();
        }
      } finally {
        visitor.socket.destroy();
      }
    }
  }

  #request(host: string, scheme: Scheme): Visit {
    const kind = this.#pick(['get', 'get', 'get', 'get', 'get', 'get', 'get', 'post', 'post', 'websocket'] as const);
    if (kind === 'websocket') this.#webSockets++;
    const path = `/${this.#draw(4) === 0 ? 'close' : 'keep'}/${this.#draw(1_000_000)}`;
    return { host, path, kind, rightNow: () => this.#world.rightNow(host, scheme) };
  }

  #count(): void {
    const { requests } = this.#checker;
    if (requests % REQUESTS_A_CHANGE === 0) this.#wakeChanger();
    if (requests % PROGRESS_EVERY === 0)
      this.#run.onProgress?.(
        `${requests} requests, ${this.#changes} changes, ${this.#checker.mismatches.length} mismatches`,
      );
  }

  async #changeAgainAndAgain(): Promise<void> {
    while (!this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wakeChanger = resolve;
      });
      if (this.#isOver) return;
      await this.#world.restock();
      const { delta } = this.#world.change();
      // Now and then a worker gets the whole state instead: it was too far behind.
      if (this.#draw(20) === 0) this.#edge.load(this.#world.index.snapshot());
      else this.#edge.apply(delta);
      this.#checker.changed();
      this.#changes++;
    }
  }

  #connect(scheme: Scheme, hostname: string): Promise<Visitor> {
    if (scheme === 'http') return connectHttp(this.#ports.http);
    return connectHttps(this.#ports.https, { servername: hostname, ca: this.#world.root.certificate });
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#draw(list.length)]!;
  }
}
