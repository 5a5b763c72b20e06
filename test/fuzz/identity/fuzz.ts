import type { Scheme } from '../../../src/core/mod.ts';
import type { Edge } from '../../../src/edge/mod.ts';
import { makeEdge } from '../../doubles/edge.ts';
import { type Draw, seeded } from '../../doubles/random.ts';
import { connectHttp, connectHttps, type Visitor } from '../../doubles/wire.ts';
import { IdentityChecker, type Mismatch } from './checker.ts';
import { type EchoOrigins, startEchoOrigins } from './echo-origin.ts';
import { connectHttp2, visitHttp2, visitMisdirected } from './http2-visitor.ts';
import { type OriginProtocol, type Tally, unusedProtocols, type VisitorProtocol } from './protocols.ts';
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
  readonly byVisitorProtocol: Readonly<Tally<VisitorProtocol>>;
  readonly byOriginProtocol: Readonly<Tally<OriginProtocol>>;
  /** Requests for a hostname that the HTTP/2 connection was not made for: each was refused. */
  readonly misdirected: number;
  /** Protocols that no request used: such a run has not shown what it is for. */
  readonly unused: readonly string[];
  readonly mismatches: readonly Mismatch[];
}

/** Requests of all visitors between two changes, about. */
const REQUESTS_A_CHANGE = 30;
/** Whom each visitor is, in turn. */
const VISITORS = ['https', 'http2', 'https', 'http', 'http2', 'https', 'http2', 'http'] as const;
const HTTP1_KINDS: readonly Visit['kind'][] = [...Array<'get'>(7).fill('get'), 'post', 'post', 'websocket'];
const HTTP2_KINDS: readonly Visit['kind'][] = [...HTTP1_KINDS, 'grpc', 'grpc', 'grpc'];
const HAS_BODY: ReadonlySet<Visit['kind']> = new Set(['post', 'grpc']);
/**
 * Hostnames whose origins end connections, now and then, so that the next ones resume. What is on its way to an HTTP/2 server of
 * the runtimes then is lost without a word about it, and only a request without a body may be made again: those hostnames get no others.
 */
const ENDED = /^(?:shop|img|old)\./;
/** Streams of an HTTP/2 visitor at once, at most. */
const MAX_STREAMS = 6;
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
    const { tls12, tls13, http1, plain } = origins;
    return { tls12: tls12.port, tls13: tls13.port, http1: http1.port, plain: plain.port };
  });
  const edge = makeEdge(
    // The hard cap on requests of an identity that went: long enough that a busy machine does not meet it.
    { drain: 10_000 },
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
  #misdirected = 0;
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
    const visitors = Array.from({ length: count }, (_, i) => this.#visitAgainAndAgain(VISITORS[i % VISITORS.length]!));
    try {
      await Promise.all(visitors);
    } finally {
      this.#end = 0;
      this.#wakeChanger();
      await Promise.allSettled([changing, ...visitors]);
    }
    await changing;
    const { requests, identities, overlapped, reused, resumed, byVisitor, byOrigin, mismatches } = this.#checker;
    return {
      seed: this.#run.seed,
      requests,
      changes: this.#changes,
      identitiesSeen: identities.size,
      identitiesMade: this.#world.identities,
      overlapped,
      reused,
      resumed,
      byVisitorProtocol: byVisitor,
      byOriginProtocol: byOrigin,
      misdirected: this.#misdirected,
      unused: unusedProtocols(byVisitor, byOrigin),
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
  async #visitAgainAndAgain(who: (typeof VISITORS)[number]): Promise<void> {
    while (!this.#isOver) {
      const own = this.#pick(this.#world.hostnames);
      if (who === 'http2') await this.#visitHttp2(own);
      else await this.#visitHttp1(who, own);
    }
  }

  async #visitHttp1(scheme: Scheme, own: string): Promise<void> {
    const visitor = await this.#connect(scheme, own);
    // An edge that never answers is found too.
    visitor.socket.setTimeout(SILENCE, () => visitor.socket.destroy());
    try {
      let isUsable = true;
      for (let left = 1 + this.#draw(40); left > 0 && isUsable && !this.#isOver; left--) {
        // Over https the Host is the server name; over http one connection visits all zones.
        const host = scheme === 'https' ? own : this.#pick(this.#world.hostnames);
        isUsable = await visit(visitor, this.#checker, this.#request(host, scheme, HTTP1_KINDS));
        this.#count();
      }
    } finally {
      visitor.socket.destroy();
    }
  }

  /** Several streams at once on one connection, each one request after the other. */
  async #visitHttp2(own: string): Promise<void> {
    const session = await connectHttp2(this.#ports.https, own, this.#world.root.certificate);
    session.setTimeout(SILENCE, () => session.destroy());
    const ask = async () => {
      for (let left = 1 + this.#draw(20); left > 0 && !this.#isOver; left--) {
        const request = this.#request(own, 'https', HTTP2_KINDS);
        if (this.#draw(20) === 0) {
          const other = this.#pick(this.#world.hostnames.filter((hostname) => hostname !== own));
          await visitMisdirected(session, other, request.path);
          this.#misdirected++;
        } else {
          await visitHttp2(session, this.#checker, request);
          this.#count();
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: 1 + this.#draw(MAX_STREAMS) }, ask));
    } finally {
      session.destroy();
    }
  }

  #request(host: string, scheme: Scheme, kinds: readonly Visit['kind'][]): Visit {
    const isEnded = ENDED.test(host);
    const kind = this.#pick(isEnded ? kinds.filter((one) => !HAS_BODY.has(one)) : kinds);
    const path = `/${isEnded && this.#draw(2) === 0 ? 'close' : 'keep'}/${this.#draw(1_000_000)}`;
    return { host, path, kind, rightNow: () => this.#world.rightNow(host, scheme, kind === 'grpc') };
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
