import type { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { EventFilter } from '../../control/mod.ts';
import { success } from '../envelope.ts';
import { page } from '../paging.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { zoneOf } from '../zone-call.ts';

const PER_PAGE = { fallback: 50, min: 5, max: 1000 };

/** Query parameters that filter, and the members of an event that they look at. */
const FILTERS = {
  action: 'Action',
  source: 'Source',
  rule_id: 'RuleID',
  ruleset_id: 'RulesetID',
  ip: 'ClientIP',
  host: 'ClientRequestHost',
  method: 'ClientRequestMethod',
  path: 'ClientRequestPath',
  ray: 'RayID',
} as const;

/** How often an idle stream shows that it lives, in milliseconds. */
const HEARTBEAT = 15_000;
/** Events that may wait for a slow reader; beyond it they are left out. */
const MAX_WAITING = 1_000;

/**
 * `…/countersign/events`: the security events of a zone, newest first, or as they come (`Accept: text/event-stream`). Own
 * (design/product.md).
 */
export function eventRoutes(app: Hono<ApiEnvironment>, { context, events }: ApiOptions): void {
  app.get('/client/v4/zones/:zone_id/countersign/events', async (call) => {
    const zone = await zoneOf(context, call);
    const filter = readFilter(call);
    if (!(call.req.header('accept') ?? '').includes('text/event-stream')) {
      const { items, info } = page(call, events.list(zone.id, filter), PER_PAGE);
      return success(call, items, info);
    }
    return streamSSE(call, async (stream) => {
      let waiting = 0;
      let onEnd: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => {
        onEnd = resolve;
      });
      const end = events.follow(zone.id, filter, {
        onEvent: (event) => {
          if (waiting >= MAX_WAITING) return;
          waiting++;
          const written = stream.writeSSE({ data: JSON.stringify(event), event: 'security', id: event.RayID });
          written.finally(() => waiting--);
        },
        onEnd,
      });
      stream.onAbort(onEnd);
      const timer = setInterval(() => stream.write(': here\n\n'), HEARTBEAT);
      await stream.write(': here\n\n');
      await ended;
      clearInterval(timer);
      end();
    });
  });
}

function readFilter(call: Call): EventFilter {
  const given = Object.entries(FILTERS).flatMap(([name, member]) => {
    const value = call.req.query(name);
    return value === undefined ? [] : [[member, value] as const];
  });
  return Object.fromEntries(given);
}
