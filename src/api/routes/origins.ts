import { isIP } from 'node:net';
import type { Hono } from 'hono';
import { z } from 'zod';
import { deleteOrigin, explainRequest, getOrigin, listOrigins, putOrigin } from '../../control/mod.ts';
import { ApiError } from '../../core/mod.ts';
import { readBody } from '../body.ts';
import { success } from '../envelope.ts';
import { singlePage } from '../paging.ts';
import type { ApiEnvironment, ApiOptions } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

const port = z.number().int().min(1).max(65535);
const Body = z.object({
  address: z.string().min(1).max(253),
  https_port: port.default(443),
  http_port: port.default(80),
  sni: z.string().max(253).nullish(),
  host_header: z.string().max(253).nullish(),
});

/** Our own endpoints, `/zones/{zone_id}/countersign/…` (design/product.md). */
export function originRoutes(app: Hono<ApiEnvironment>, { context, edgeHttpsPort, originProofs }: ApiOptions): void {
  const path = '/client/v4/zones/:zone_id/countersign';
  app.get(`${path}/origins`, async (call) => {
    const origins = await listOrigins(context, await zoneOf(context, call));
    return success(call, origins, singlePage(origins.length));
  });
  app.get(`${path}/origins/:hostname`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, await getOrigin(context, zone, call.req.param('hostname')));
  });
  app.put(`${path}/origins/:hostname`, async (call) => {
    const zone = await zoneOf(context, call);
    const { sni, host_header, ...rest } = await readBody(call, Body);
    const origin = {
      ...rest,
      hostname: call.req.param('hostname'),
      sni: sni ?? null,
      host_header: host_header ?? null,
    };
    return success(call, await putOrigin(context, causeOf(call), zone, origin));
  });
  app.delete(`${path}/origins/:hostname`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, await deleteOrigin(context, causeOf(call), zone, call.req.param('hostname')));
  });
  app.get(`${path}/resolve`, async (call) => {
    const zone = await zoneOf(context, call);
    const text = call.req.query('url') ?? '';
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      throw new ApiError('field_invalid', {
        message: 'url must be an http or https URL, as ?url=https://www.example.com/.',
      });
    }
    const hostname = url.hostname.replace(/\.$/, '');
    // A zone below this one has a decision of its own, and perhaps another owner.
    if (context.distribution.index.zoneOf(hostname)?.id !== zone.id) {
      throw new ApiError('hostname_outside_zone', { message: `${hostname} does not belong to the zone ${zone.name}.` });
    }
    const scheme = url.protocol === 'https:' ? 'https' : 'http';
    const given =
      url.port === '' || (scheme === 'https' && Number(url.port) === edgeHttpsPort()) ? undefined : Number(url.port);
    const asked = {
      url,
      text,
      method: call.req.query('method') ?? 'GET',
      headers: (call.req.queries('header') ?? []).map(readHeader),
      address: readAddress(call.req.query('ip')),
      port: given,
      now: context.clock.now(),
    };
    const explained = await explainRequest(context.distribution.index, asked, context.findPlace);
    return success(call, { ...explained, origin_proof: originProofs.of(zone.id, explained.hostname) });
  });
}

function readHeader(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new ApiError('field_invalid', { message: 'header must be "Name: value".' });
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}

function readAddress(text: string | undefined): string {
  // An address of documentation (RFC 5737): nobody's.
  if (text === undefined) return '192.0.2.1';
  if (isIP(text) === 0) throw new ApiError('field_invalid', { message: 'ip must be an IP address.' });
  return text;
}
