import { domainToUnicode } from 'node:url';
import type { Hono } from 'hono';
import { z } from 'zod';
import { createZone, deleteZone, type findZone, listZones } from '../../control/mod.ts';
import { ApiError, QUOTAS } from '../../core/mod.ts';
import { readBody } from '../body.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import { page } from '../paging.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

type ZoneRow = NonNullable<Awaited<ReturnType<typeof findZone>>>;

const NewZone = z.object({
  name: z.string().min(1).max(253),
  account: z.object({ id: z.string().optional() }).optional(),
  type: z.enum(['full', 'partial', 'secondary', 'internal']).default('full'),
});

const ZoneChange = z.object({ paused: z.boolean().optional(), type: NewZone.shape.type.optional() });

/** Clients send what they know already; what would really change is refused, for the edge has no notion of it. */
function checkUnchanged(zone: ZoneRow, { paused, type }: z.infer<typeof ZoneChange>): void {
  if (paused === true) {
    throw new ApiError('field_invalid', {
      message: 'paused: a zone cannot be paused here. Set its records to proxied: false, or delete it.',
      pointer: '/paused',
    });
  }
  if (type !== undefined && type !== zone.type) {
    throw new ApiError('field_invalid', { message: 'type: it cannot be changed later.', pointer: '/type' });
  }
}

/** `/zones` (spec/api.md 2.3). */
export function zoneRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions): void {
  app.post('/client/v4/zones', async (call) => {
    const { name, account, type } = await readBody(call, NewZone);
    const { accountId } = call.get('principal');
    if (account?.id !== undefined && account.id !== accountId)
      throw new ApiError('unauthorized', { pointer: '/account/id' });
    return success(call, await toZone(call, await createZone(context, causeOf(call), { accountId, name, type })));
  });
  app.get('/client/v4/zones', async (call) => {
    const zones = (await listZones(context, call.get('principal').accountId)).filter((zone) => matches(call, zone));
    const descending = call.req.query('direction') === 'desc';
    const { items, info } = page(call, descending ? zones.reverse() : zones, { fallback: 20, min: 1, max: 1000 });
    return success(call, await Promise.all(items.map((zone) => toZone(call, zone))), info);
  });
  app.get('/client/v4/zones/:zone_id', async (call) => success(call, await toZone(call, await zoneOf(context, call))));
  app.patch('/client/v4/zones/:zone_id', async (call) => {
    const zone = await zoneOf(context, call);
    checkUnchanged(zone, await readBody(call, ZoneChange));
    return success(call, await toZone(call, zone));
  });
  app.put('/client/v4/zones/:zone_id/activation_check', async (call) => {
    // Zones are active from the start: there is no name server to wait for.
    const { id } = await zoneOf(context, call);
    return success(call, { id });
  });
  app.delete('/client/v4/zones/:zone_id', async (call) => {
    const zone = await zoneOf(context, call);
    await deleteZone(context, causeOf(call), zone);
    return success(call, { id: zone.id });
  });

  async function toZone(_call: Call, zone: ZoneRow): Promise<object> {
    const account = await context.store.db
      .selectFrom('accounts')
      .select(['id', 'name'])
      .where('id', '=', zone.account_id)
      .executeTakeFirstOrThrow();
    return { ...zoneObject(zone), account, owner: { id: account.id, type: 'organization', name: account.name } };
  }
}

const NAME_OPERATORS: readonly (readonly [prefix: string, test: (name: string, wanted: string) => boolean])[] = [
  ['contains:', (name, wanted) => name.includes(wanted)],
  ['starts_with:', (name, wanted) => name.startsWith(wanted)],
  ['ends_with:', (name, wanted) => name.endsWith(wanted)],
  ['not_equal:', (name, wanted) => name !== wanted],
  ['equal:', (name, wanted) => name === wanted],
  ['', (name, wanted) => name === wanted],
];

function matches(call: Call, zone: ZoneRow): boolean {
  const wanted = call.req.query('name')?.toLowerCase();
  const [prefix, test] = NAME_OPERATORS.find(([start]) => wanted?.startsWith(start)) ?? NAME_OPERATORS.at(-1)!;
  const operand = wanted?.slice(prefix.length);
  if (operand !== undefined && !test(domainToUnicode(zone.name), domainToUnicode(operand) || operand)) return false;
  const others: [string, string][] = [
    ['status', 'active'],
    ['type', zone.type],
    ['account.id', zone.account_id],
  ];
  return others.every(([parameter, value]) => (call.req.queries(parameter) ?? [value]).includes(value));
}

/** The members that every zone object has (spec/api.md 2.3), except those of its account. */
function zoneObject(zone: ZoneRow): object {
  return {
    id: zone.id,
    // Clients compare it with what they sent (spec/api.md 5.1); the ASCII form is the database's.
    name: domainToUnicode(zone.name),
    status: 'active',
    paused: zone.paused === 1,
    type: zone.type,
    development_mode: 0,
    name_servers: zone.type === 'partial' ? [] : ['ns1.countersign.localhost', 'ns2.countersign.localhost'],
    original_name_servers: null,
    original_registrar: null,
    original_dnshost: null,
    created_on: formatMicroseconds(zone.created_at),
    modified_on: formatMicroseconds(zone.modified_at),
    activated_on: formatMicroseconds(zone.created_at),
    vanity_name_servers: [],
    meta: {
      cdn_only: false,
      custom_certificate_quota: QUOTAS.customCertificatesPerZone,
      dns_only: false,
      foundation_dns: false,
      page_rule_quota: 0,
      phishing_detected: false,
      step: 4,
    },
    permissions: [
      '#ssl:edit',
      '#ssl:read',
      '#zone:edit',
      '#zone:read',
      '#dns_records:edit',
      '#dns_records:read',
      '#zone_settings:edit',
      '#zone_settings:read',
    ],
    plan: {
      id: '0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee',
      name: 'Self-hosted',
      price: 0,
      currency: 'USD',
      frequency: '',
      is_subscribed: false,
      can_subscribe: false,
      legacy_id: 'enterprise',
      legacy_discount: false,
      externally_managed: false,
    },
    tenant: { id: null, name: null },
    tenant_unit: { id: null },
  };
}
