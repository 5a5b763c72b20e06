import type { Hono } from 'hono';
import { z } from 'zod';
import { canonicalHostname } from '../../core/mod.ts';
import { readBody } from '../body.ts';
import { success } from '../envelope.ts';
import { singlePage } from '../paging.ts';
import type { ApiEnvironment, ApiOptions } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

const MINUTE = 60;
const WEEK = 7 * 86_400;

const path = z
  .string()
  .max(2048)
  .regex(/^\/[\x21-\x7e]*$/, 'must begin with / and hold no spaces');
const names = z.array(z.string().refine((name) => canonicalHostname(name) !== null, 'must be a hostname')).max(20);

const Now = z.object({ path: path.optional(), other_names: names.optional() });
const Schedule = z.object({
  path: path.default('/'),
  other_names: names.default([]),
  interval: z.number().int().min(MINUTE).max(WEEK).nullable(),
});

/** `…/countersign/doctor`: proves that origins refuse everything but the edge, now or on a schedule. Own (design/product.md). */
export function doctorRoutes(app: Hono<ApiEnvironment>, { context, examinations }: ApiOptions): void {
  const all = '/client/v4/zones/:zone_id/countersign/doctor';
  const one = `${all}/:hostname`;
  app.get(all, async (call) => {
    const found = await examinations.list(await zoneOf(context, call));
    return success(call, found, singlePage(found.length));
  });
  app.get(one, async (call) =>
    success(call, await examinations.get(await zoneOf(context, call), call.req.param('hostname'))),
  );
  app.post(one, async (call) => {
    const zone = await zoneOf(context, call);
    const { path, other_names } = await readBody(call, Now);
    const input = {
      ...(path === undefined ? {} : { path }),
      ...(other_names === undefined ? {} : { otherNames: other_names }),
    };
    return success(call, await examinations.examine(zone, call.req.param('hostname'), input));
  });
  app.put(one, async (call) => {
    const zone = await zoneOf(context, call);
    const { path, other_names, interval } = await readBody(call, Schedule);
    const settings = { path, otherNames: other_names, interval };
    return success(call, await examinations.schedule(causeOf(call), zone, call.req.param('hostname'), settings));
  });
  app.delete(one, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, await examinations.remove(causeOf(call), zone, call.req.param('hostname')));
  });
}
