import type { Server, Socket } from 'node:net';
import net, { BlockList, isIPv6 } from 'node:net';
import {
  type Delta,
  type Limits,
  type OriginProof,
  type SecurityEvents,
  type Snapshot,
  SnapshotIndex,
} from '../core/mod.ts';
import { type AccessLog, EdgeCounters, type Logger } from '../observe/mod.ts';
import type { Clock, FindPlace, LocalAddresses, ResolveName } from '../platform/mod.ts';
import { type CounterStore, type FailureMode, type RouteChange, Waf } from '../waf/mod.ts';
import { Arrival } from './arrival.ts';
import { changedRules, changedZones, zonesOf } from './changed-zones.ts';
import type { ClientHello } from './client-hello.ts';
import { Deadlines } from './deadlines.ts';
import { Http1Connection } from './http1/connection.ts';
import { IdentityContexts, type Unseal } from './identity-contexts.ts';
import { OriginNames } from './origin-names.ts';
import { OriginPools } from './origin-pools.ts';
import { OriginProofs, type ProveOrigin } from './origin-proofs.ts';
import { visitorAddress } from './origin-request.ts';
import { OwnAddresses } from './own-addresses.ts';
import { RayIds } from './ray.ts';
import type { Route, RouteUse } from './route.ts';
import {
  type DeriveTicketKeys,
  type RequestCertificate,
  type ServerContext,
  ServerContexts,
} from './server-contexts.ts';
import type { VisitorConnection } from './visitor.ts';

/** What an edge is made of. */
export interface EdgeOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  /** 8 random bytes for the ray ids. */
  readonly raySeed: Uint8Array;
  /** Site code in `CF-Ray`. */
  readonly site: string;
  /** Strong random bytes. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** What happens to a request whose rules could not be run to their end. */
  readonly wafFailure: FailureMode;
  /** Says where a visitor is; null without a database. */
  readonly findPlace: FindPlace | null;
  /** Where rate limits count. */
  readonly rateCounters: CounterStore;
  readonly unseal: Unseal;
  readonly requestCertificate: RequestCertificate;
  readonly deriveTicketKeys: DeriveTicketKeys;
  readonly log: AccessLog | null;
  readonly logger: Logger | null;
  readonly resolve: ResolveName;
  /** Tries an origin without a certificate; null where none is to be tried. */
  readonly proveOrigin: ProveOrigin | null;
  readonly localAddresses: LocalAddresses;
  /** Load balancers: connections from there, and from nowhere else, begin with a PROXY protocol header. */
  readonly balancers: readonly AddressRange[];
}

/** Addresses with the same first bits. */
export interface AddressRange {
  readonly address: string;
  readonly prefix: number;
}

/** Where a listener listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** A bound socket that this process inherited, to listen on instead of a new one. */
  readonly descriptor?: number;
}

/** How long a stop waits for the access log's last lines. */
const LOG_LIMIT = 1_000;

/** The data plane of one worker: listeners, visitors, and the pools toward the origins. */
export class Edge {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly rays: RayIds;
  readonly deadlines: Deadlines;
  readonly counters = new EdgeCounters();
  readonly names: OriginNames;
  readonly ownAddresses: OwnAddresses;
  readonly log: AccessLog | null;
  readonly logger: Logger | null;
  readonly waf: Waf;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly findPlace: FindPlace | null;
  /** Null where origins are not tried. */
  readonly originProofs: OriginProofs | null;
  readonly visitors = new Set<VisitorConnection>();
  /** Nothing new is taken, and whoever is answered is told to come again on a new connection. */
  isDraining = false;
  /** Connections without a request under way are closed. */
  closesIdle = false;
  readonly #index = new SnapshotIndex();
  readonly #contexts: IdentityContexts;
  readonly #pools: OriginPools;
  readonly #serverContexts: ServerContexts;
  /** Null where there is none, so that nobody pays for asking. */
  readonly #balancers: BlockList | null;
  readonly #servers: Server[] = [];
  #drained: Promise<number> | null = null;
  #whenEmpty: (() => void) | null = null;
  #date = '';
  #dateAt = 0;

  constructor(options: EdgeOptions) {
    this.limits = options.limits;
    this.clock = options.clock;
    this.rays = new RayIds(options.raySeed, options.site);
    this.deadlines = new Deadlines(() => options.clock.now(), Math.min(500, options.limits.linger));
    this.names = new OriginNames(options.resolve, () => this.deadlines.now);
    this.ownAddresses = new OwnAddresses(options.localAddresses);
    this.log = options.log;
    this.logger = options.logger;
    this.randomBytes = options.randomBytes;
    this.findPlace = options.findPlace;
    this.originProofs = options.proveOrigin && new OriginProofs(options.proveOrigin, () => options.clock.now());
    this.waf = new Waf({
      now: () => options.clock.now(),
      failure: options.wafFailure,
      hasGeo: options.findPlace !== null,
      counters: options.rateCounters,
      onProblem: (problem) => options.logger?.error(problem, 'rules could not be carried out'),
    });
    this.#contexts = new IdentityContexts(this.#index, options.unseal, options.logger);
    this.#pools = new OriginPools(this, this.#index, this.#contexts);
    this.#balancers = options.balancers.length === 0 ? null : blockList(options.balancers);
    this.#serverContexts = new ServerContexts({
      index: this.#index,
      unseal: options.unseal,
      request: options.requestCertificate,
      deriveTicketKeys: options.deriveTicketKeys,
      logger: options.logger,
      now: () => this.deadlines.now,
    });
  }

  /** Number of the last change applied. */
  get number(): number {
    return this.#index.number;
  }

  /** The time as an HTTP date, to the second. */
  get httpDate(): string {
    const { now } = this.deadlines;
    if (now - this.#dateAt >= 500) {
      this.#dateAt = now;
      this.#date = new Date(now).toUTCString();
    }
    return this.#date;
  }

  /** Replaces the whole state. */
  load(snapshot: Snapshot): void {
    this.#index.load(snapshot);
    this.#contexts.follow();
    this.#serverContexts.follow();
    this.#pools.follow(null);
    this.#pools.forgetChanges(null);
    this.waf.follow(this.#index, null);
  }

  /** Applies a change: in use when this returns, for every request that begins afterwards. */
  apply(delta: Delta): void {
    const zones = changedZones(delta, this.#index);
    const rules = changedRules(delta, this.#index);
    this.#index.apply(delta);
    this.#contexts.follow();
    this.#serverContexts.follow();
    this.#pools.follow(zones);
    const ruled = zonesOf(rules, this.#index);
    if (ruled.size === 0) return;
    this.#pools.forgetChanges(ruled);
    this.waf.follow(this.#index, ruled);
  }

  /** Takes what the keys of session tickets are derived from, the newest first (`ServerContexts`). */
  useTicketSecrets(secrets: readonly Uint8Array[]): void {
    this.#serverContexts.useTicketSecrets(secrets);
    this.waf.useSecrets(secrets);
  }

  /** What rules did since the last call. */
  takeEvents(): SecurityEvents {
    return this.waf.events.take();
  }

  /** What was found out about origins since the last call. */
  takeOriginProofs(): readonly OriginProof[] {
    return this.originProofs?.take() ?? [];
  }

  /** What other workers found out about origins. */
  heardOriginProofs(proofs: readonly OriginProof[]): void {
    this.originProofs?.heard(proofs);
  }

  /** Where requests for a canonical hostname go, with what rules change in it. */
  route(hostname: string, use: RouteUse, change: RouteChange | null): Route {
    return this.#pools.route(hostname, use, change);
  }

  /** How a visitor is met, as `ServerContexts.find` says. */
  serverContext(hello: ClientHello): ServerContext | null | Promise<ServerContext | null> {
    return this.#serverContexts.find(hello);
  }

  /** Listens for https visitors; several workers share the port. */
  listenHttps(address: ListenAddress): Promise<ListenAddress> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      new Arrival(this, socket, 'https', this.#isBalancer(socket));
    });
    return this.#listen(server, address);
  }

  /** Listens for http visitors; several workers share the port. */
  listenHttp(address: ListenAddress): Promise<ListenAddress> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (this.#isBalancer(socket)) new Arrival(this, socket, 'http', true);
      else new Http1Connection(this, socket, { address: visitorAddress(socket.remoteAddress), sni: null });
    });
    return this.#listen(server, address);
  }

  /**
   * Stops accepting, lets what is under way finish, and closes everything at the latest after `limits.drain`
   * milliseconds. With `notice`, idle visitors are first told, and get `limits.drainNotice` to ask once more: one that is
   * just about to must not find the connection closed. Without, also in a second call, they are closed at once. Resolves
   * when the last connection is gone, with the number of those that were cut off.
   */
  drain(notice = false): Promise<number> {
    if (this.#drained === null) {
      this.originProofs?.stop();
      this.isDraining = true;
      for (const server of this.#servers) server.close();
      this.#drained = this.#drain(notice);
    } else if (!notice) {
      this.#drainVisitors();
    }
    return this.#drained;
  }

  async #drain(notice: boolean): Promise<number> {
    let cutOff = 0;
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    if (notice) for (const visitor of [...this.visitors]) visitor.announceDrain();
    else this.#drainVisitors();
    // After a machine stood still the timer comes before what visitors have sent meanwhile: that is read first.
    const onTold = () => setImmediate(() => this.#drainVisitors());
    const told = notice ? setTimeout(onTold, this.limits.drainNotice) : undefined;
    const limit = setTimeout(() => {
      cutOff = this.visitors.size;
      for (const visitor of [...this.visitors]) visitor.destroy();
      this.visitorClosed();
    }, this.limits.drain);
    this.visitorClosed();
    await empty;
    clearTimeout(told);
    clearTimeout(limit);
    this.#pools.destroy();
    this.deadlines.stop();
    await this.log?.end(LOG_LIMIT);
    return cutOff;
  }

  #drainVisitors(): void {
    this.closesIdle = true;
    for (const visitor of [...this.visitors]) visitor.drain();
  }

  /** A visitor's connection is gone. */
  visitorClosed(): void {
    if (this.visitors.size === 0) this.#whenEmpty?.();
  }

  #isBalancer({ remoteAddress }: Socket): boolean {
    if (this.#balancers === null) return false;
    const address = visitorAddress(remoteAddress);
    return this.#balancers.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  #listen(server: Server, { host, port, descriptor }: ListenAddress): Promise<ListenAddress> {
    const where = descriptor === undefined ? { host, port, reusePort: true } : { fd: descriptor };
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...where, backlog: 4096 }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.logger?.error({ reason: error.message }, 'listener failed'));
        this.#servers.push(server);
        const bound = server.address() as net.AddressInfo;
        this.ownAddresses.add(bound.address ?? host, bound.port);
        resolve({ host, port: bound.port });
      });
    });
  }
}

function blockList(ranges: readonly AddressRange[]): BlockList {
  const list = new BlockList();
  for (const { address, prefix } of ranges) list.addSubnet(address, prefix, isIPv6(address) ? 'ipv6' : 'ipv4');
  return list;
}
