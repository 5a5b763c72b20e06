import type { SnapshotIndex } from '../core/mod.ts';
import type { Edge } from './edge.ts';
import type { IdentityContexts } from './identity-contexts.ts';
import { OriginPool, poolKeyText } from './origin-pool.ts';
import { planRoute, type Route, type RouteUse } from './route.ts';

interface PoolUse {
  readonly pool: OriginPool;
  /** Routes in use of this pool: hostname and use by their text. */
  readonly routes: Map<string, readonly [hostname: string, use: RouteUse]>;
}

const MAX_ROUTES = 100_000;

/** Routes and their pools: made on first use, kept until the snapshot says otherwise. */
export class OriginPools {
  readonly #edge: Edge;
  readonly #index: SnapshotIndex;
  readonly #contexts: IdentityContexts;
  #routes = { http: new Map<string, Route>(), https: new Map<string, Route>(), grpc: new Map<string, Route>() };
  readonly #uses = new Map<string, PoolUse>();
  readonly #byZone = new Map<string, Set<string>>();

  constructor(edge: Edge, index: SnapshotIndex, contexts: IdentityContexts) {
    this.#edge = edge;
    this.#index = index;
    this.#contexts = contexts;
  }

  /** The route of a canonical hostname. */
  route(hostname: string, use: RouteUse): Route {
    const routes = this.#routes[use];
    const known = routes.get(hostname);
    if (known !== undefined) return known;
    const route = this.#plan(hostname, use);
    // A flood of hostnames that nobody serves must not fill the memory.
    if (routes.size >= MAX_ROUTES) routes.clear();
    if (route.resolution.zone !== null) routes.set(hostname, route);
    return route;
  }

  /** Follows a change of the snapshot: retires the pools of `zoneIds` (all, for null) that no route leads to any more. */
  follow(zoneIds: ReadonlySet<string> | null): void {
    this.#routes = { http: new Map(), https: new Map(), grpc: new Map() };
    for (const zoneId of zoneIds ?? [...this.#byZone.keys()]) {
      for (const text of [...(this.#byZone.get(zoneId) ?? [])]) this.#check(zoneId, text);
    }
  }

  /** Closes all pools at once. */
  destroy(): void {
    for (const { pool } of this.#uses.values()) pool.destroy();
  }

  #check(zoneId: string, text: string): void {
    const use = this.#uses.get(text)!;
    for (const [routeText, [hostname, routeUse]] of use.routes) {
      const { key } = planRoute(this.#index, hostname, routeUse);
      if (key === null || poolKeyText(key) !== text) use.routes.delete(routeText);
    }
    if (use.routes.size > 0) return;
    use.pool.retire();
    this.#uses.delete(text);
    this.#byZone.get(zoneId)!.delete(text);
  }

  #plan(hostname: string, routeUse: RouteUse): Route {
    const { key, ...plan } = planRoute(this.#index, hostname, routeUse);
    if (key === null) return { ...plan, pool: null, failure: 'no_origin' };
    if (key.addresses.some((address) => this.#edge.ownAddresses.has(address, key.port)))
      return { ...plan, pool: null, failure: 'own_address' };
    const text = poolKeyText(key);
    let use = this.#uses.get(text);
    if (use === undefined) {
      const context = key.tls === null ? null : this.#contexts.get(key.tls.identityId, key.tls.verify);
      // Fail closed: an identity that cannot be used is never replaced by another, nor by none.
      if (context === undefined) return { ...plan, pool: null, failure: 'identity_unavailable' };
      use = {
        pool: new OriginPool(this.#edge, key, context, key.tls === null ? 'none' : plan.resolution.level),
        routes: new Map(),
      };
      this.#uses.set(text, use);
      const ofZone = this.#byZone.get(key.zoneId) ?? new Set();
      this.#byZone.set(key.zoneId, ofZone.add(text));
    }
    use.routes.set(`${routeUse} ${hostname}`, [hostname, routeUse]);
    return { ...plan, pool: use.pool, failure: null };
  }
}
