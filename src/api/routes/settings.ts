import type { Hono } from 'hono';
import { z } from 'zod';
import { changeSettings, getSetting, listSettings, type ZoneSetting } from '../../control/mod.ts';
import { check, readBody, readJson } from '../body.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import type { ApiEnvironment, ApiOptions } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

const Change = z
  .object({ value: z.unknown() })
  .refine(({ value }) => value !== undefined, { path: ['value'], message: 'is required' });
const Item = z.object({ id: z.string(), value: z.unknown() });
const Items = z.array(Item);

/** `/zones/{zone_id}/settings` (spec/api.md 2.3). */
export function settingRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions): void {
  const path = '/client/v4/zones/:zone_id/settings';
  app.get(path, async (call) =>
    success(call, (await listSettings(context, await zoneOf(context, call))).map(toSetting)),
  );
  app.patch(path, async (call) => {
    const zone = await zoneOf(context, call);
    const body = await readJson(call);
    // The specification says an array, old clients wrap it.
    const [items, at] = Array.isArray(body)
      ? [check(Items, body), '']
      : [check(z.object({ items: Items }), body).items, '/items'];
    const changes = items.map(({ id, value }, i) => ({ id, value, pointer: `${at}/${i}` }));
    await changeSettings(context, causeOf(call), zone, changes);
    return success(call, (await listSettings(context, zone)).map(toSetting));
  });
  app.get(`${path}/:setting`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, toSetting(await getSetting(context, zone, call.req.param('setting'))));
  });
  app.patch(`${path}/:setting`, async (call) => {
    const zone = await zoneOf(context, call);
    const id = call.req.param('setting');
    // An unknown name is told before an unreadable body.
    await getSetting(context, zone, id);
    const { value } = await readBody(call, Change);
    await changeSettings(context, causeOf(call), zone, [{ id, value, pointer: '' }]);
    return success(call, toSetting(await getSetting(context, zone, id)));
  });
}

function toSetting({ id, value, modifiedAt }: ZoneSetting): object {
  return { id, value, editable: true, modified_on: modifiedAt === null ? null : formatMicroseconds(modifiedAt) };
}
