import { Buffer } from 'node:buffer';
import { type Scheme, zoneSetting } from '../core/mod.ts';
import type { Outcome, Verdict } from '../waf/mod.ts';
import type { Edge } from './edge.ts';
import type { Exchange } from './exchange.ts';
import type { RequestHead } from './http1/request-head.ts';
import { forbiddenHeaders } from './origin-request.ts';
import type { Route, RouteUse } from './route.ts';

const EMPTY = Buffer.alloc(0);

/**
 * The steps of a request up to the origin, in order, over one exchange (architecture section 6). A step that answers
 * ends the pipeline.
 */
export function beginExchange(edge: Edge, exchange: Exchange): void {
  const { visitor, head, target } = exchange;
  if (visitor.sni !== null && visitor.sni !== target.hostname) {
    exchange.refuse(421, 'its Host is not the server name of the TLS connection');
    return;
  }
  if (!isWebSocketUpgrade(head)) head.upgrade = null;
  const forbidden = forbiddenHeaders(head);
  if (forbidden !== null) {
    exchange.respondError(403, 'Error 1000', forbidden);
    return;
  }
  const route = edge.route(target.hostname, routeUse(exchange), null);
  exchange.route = route;
  const { zone } = route.resolution;
  if (zone === null) {
    exchange.refuse(421, 'its Host belongs to no zone of this edge');
    return;
  }
  if (head.hasBody && edge.waf.needsBody(zone.id)) exchange.awaitBody(() => judgeExchange(edge, exchange, zone.id));
  else judgeExchange(edge, exchange, zone.id);
}

/** Asks the rules what becomes of the request. No path, method or protocol has another way (spec/threats.md 2.3). */
function judgeExchange(edge: Edge, exchange: Exchange, zoneId: string): void {
  const outcome = edge.waf.judge(zoneId, exchange);
  if (!(outcome instanceof Promise)) {
    carryOut(edge, exchange, outcome);
    return;
  }
  outcome.then((settled) => {
    if (!exchange.isOver) carryOut(edge, exchange, settled);
  });
}

function carryOut(edge: Edge, exchange: Exchange, outcome: Outcome): void {
  if (outcome.kind === 'answer') exchange.answer(outcome);
  else if (outcome.route === null) passByRoute(exchange, outcome, exchange.route!);
  else passExchange(edge, exchange, outcome);
}

function routeUse({ head, visitor }: Exchange): RouteUse {
  return head.isGrpc && visitor.scheme === 'https' ? 'grpc' : visitor.scheme;
}

/** Sends a request that may pass to where its route leads now. */
export function passExchange(edge: Edge, exchange: Exchange, verdict: Verdict): void {
  const route = edge.route(exchange.target.hostname, routeUse(exchange), verdict.route);
  exchange.route = route;
  if (route.resolution.zone === null) exchange.refuse(421, 'its Host belongs to no zone of this edge');
  else passByRoute(exchange, verdict, route);
}

function passByRoute(exchange: Exchange, verdict: Verdict, route: Route): void {
  const { visitor, head, target } = exchange;
  const zone = route.resolution.zone!;
  if (target.path === '/cdn-cgi/trace') {
    answerTrace(exchange);
    return;
  }
  if (route.resolution.originScheme === 'redirect_to_http') {
    redirect(exchange, 'http');
    return;
  }
  // Mode off sends https visitors to http: the two together would send them to and fro for ever.
  if (visitor.scheme === 'http' && zone.ssl !== 'off' && zoneSetting(zone, 'always_use_https') === 'on') {
    redirect(exchange, 'https');
    return;
  }
  if (head.upgrade !== null && zoneSetting(zone, 'websockets') === 'off') {
    exchange.respondError(403, 'Forbidden', 'WebSockets are off for this zone.');
    return;
  }
  if (head.contentLength > route.maxUpload) {
    exchange.refuseUpload(route.maxUpload);
    return;
  }
  if (route.failure !== null) {
    exchange.failPull(route.failure);
    return;
  }
  if (head.isGrpc && route.pool!.key.tls === null) {
    exchange.failPull('http2_required');
    return;
  }
  exchange.forward(route, verdict);
}

/** The one upgrade that is passed on (RFC 6455 section 4.1): `h2c` and others would be a tunnel past every check. */
export function isWebSocketUpgrade(head: RequestHead): boolean {
  return head.upgrade?.toLowerCase() === 'websocket' && head.method === 'GET' && head.minor === 1 && !head.hasBody;
}

function redirect(exchange: Exchange, scheme: Scheme): void {
  const { hostname, path } = exchange.target;
  const location = `${scheme}://${hostname}${path === '*' ? '/' : path}`;
  exchange.respond(301, 'Moved Permanently', { Location: location }, EMPTY);
}

function answerTrace(exchange: Exchange): void {
  const { visitor, rayId, target, route } = exchange;
  const lines = {
    h: target.host,
    ip: visitor.address,
    ray: rayId,
    visit_scheme: visitor.scheme,
    tls: visitor.protocol,
    aop: route!.resolution.level,
  };
  const body = Object.entries(lines).map(([key, value]) => `${key}=${value}\n`);
  const fields = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' };
  exchange.respond(200, 'OK', fields, Buffer.from(body.join('')));
}
