import type { SnapshotIndex } from '../core/mod.ts';
import type { RouteChange } from '../waf/mod.ts';
import type { Edge } from './edge.ts';
import type { IdentityContexts } from './identity-contexts.ts';
import { OriginPool, poolKeyText } from './origin-pool.ts';
import { planRoute, type Route, type RouteUse } from './route.ts';

interface PoolUse {
  readonly pool: OriginPool;
  /** Routes in use of this pool, by their text: hostname, use, and what rules changed. */
  readonly routes: Map<string, readonly [hostname: string, use: RouteUse, change: RouteChange | null]>;
}

const MAX_ROUTES = 100_000;

/** Routes and their pools: made on first use, kept until the snapshot says otherwise. */
export class OriginPools {
  readonly #edge: Edge;
  readonly #index: SnapshotIndex;
  readonly #contexts: IdentityContexts;
  #routes = { http: new Map<string, Route>(), https: new Map<string, Route>(), grpc: new Map<string, Route>() };
  /** Routes that rules changed, by hostname, use and change. */
  #changed = new Map<string, Route>();
  readonly #uses = new Map<string, PoolUse>();
  readonly #byZone = new Map<string, Set<string>>();

  constructor(edge: Edge, index: SnapshotIndex, contexts: IdentityContexts) {
    this.#edge = edge;
    this.#index = index;
    this.#contexts = contexts;
  }

  /** The route of a canonical hostname, with what rules change in it. */
  route(hostname: string, use: RouteUse, change: RouteChange | null): Route {
    if (change !== null) return this.#changedRoute(hostname, use, change);
    const routes = this.#routes[use];
    const known = routes.get(hostname);
    if (known !== undefined) return known;
    const route = this.#plan(hostname, use, null);
    // A flood of hostnames that nobody serves must not fill the memory.
    if (routes.size >= MAX_ROUTES) routes.clear();
    if (route.resolution.zone !== null) routes.set(hostname, route);
    return route;
  }

  #changedRoute(hostname: string, use: RouteUse, change: RouteChange): Route {
    const text = JSON.stringify([hostname, use, change]);
    const known = this.#changed.get(text);
    if (known !== undefined) return known;
    const route = this.#plan(hostname, use, change);
    if (this.#changed.size >= MAX_ROUTES) this.#changed.clear();
    this.#changed.set(text, route);
    return route;
  }

  /** The rules of these zones (all, for null) are others: pools that only their changes led to are retired. */
  forgetChanges(zoneIds: ReadonlySet<string> | null): void {
    this.#changed.clear();
    for (const zoneId of zoneIds ?? [...this.#byZone.keys()]) {
      for (const text of [...(this.#byZone.get(zoneId) ?? [])]) {
        const use = this.#uses.get(text)!;
        for (const [route, [, , change]] of use.routes) if (change !== null) use.routes.delete(route);
        this.#retireUnused(zoneId, text);
      }
    }
  }

  /** Follows a change of the snapshot: retires the pools of `zoneIds` (all, for null) that no route leads to any more. */
  follow(zoneIds: ReadonlySet<string> | null): void {
    this.#routes = { http: new Map(), https: new Map(), grpc: new Map() };
    this.#changed.clear();
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
    for (const [routeText, [hostname, routeUse, change]] of use.routes) {
      const { key } = planRoute(this.#index, hostname, routeUse, change);
      if (key === null || poolKeyText(key) !== text) use.routes.delete(routeText);
    }
    this.#retireUnused(zoneId, text);
  }

  #retireUnused(zoneId: string, text: string): void {
    const use = this.#uses.get(text)!;
    if (use.routes.size > 0) return;
    use.pool.retire();
    this.#uses.delete(text);
    this.#byZone.get(zoneId)!.delete(text);
  }

  #plan(hostname: string, routeUse: RouteUse, change: RouteChange | null): Route {
    const { key, ...plan } = planRoute(this.#index, hostname, routeUse, change);
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
    const routeText = change === null ? `${routeUse} ${hostname}` : JSON.stringify([hostname, routeUse, change]);
    use.routes.set(routeText, [hostname, routeUse, change]);
    return { ...plan, pool: use.pool, failure: null };
  }
}
