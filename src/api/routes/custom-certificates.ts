import type { Hono } from 'hono';
import { z } from 'zod';
import {
  type CustomCertificate,
  deleteCustomCertificate,
  editCustomCertificate,
  getCustomCertificate,
  listCustomCertificates,
  prioritizeCustomCertificates,
  uploadCustomCertificate,
} from '../../control/mod.ts';
import { ApiError, formatSeconds } from '../../core/mod.ts';
import { readBody } from '../body.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import { page, singlePage } from '../paging.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

const Method = z.enum(['ubiquitous', 'optimal', 'force']);
// Where keys may be, which clients are told of, and the staging network mean nothing on one's own machines: not looked at.
const Upload = z.object({ certificate: z.string(), private_key: z.string(), bundle_method: Method.optional() });
const Edit = Upload.partial();
const Priorities = z.object({
  certificates: z.array(z.object({ id: z.string(), priority: z.int().min(0).max(1_000_000) })).max(1000),
});
const STATUSES = ['active', 'expired', 'deleted', 'pending', 'initializing'];

/** `/zones/{zone_id}/custom_certificates`: the certificates that visitors see (spec/api.md 2). */
export function customCertificateRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions): void {
  const path = '/client/v4/zones/:zone_id/custom_certificates';
  app.post(path, async (call) => {
    const zone = await zoneOf(context, call);
    const { certificate, private_key, bundle_method = 'ubiquitous' } = await readBody(call, Upload);
    const pair = { certificate, privateKey: private_key };
    return success(call, toResult(await uploadCustomCertificate(context, causeOf(call), zone, pair, bundle_method)));
  });
  app.get(path, async (call) => {
    const zone = await zoneOf(context, call);
    const wanted = call.req.query('status');
    if (wanted !== undefined && !STATUSES.includes(wanted)) {
      throw new ApiError('field_invalid', { message: `status must be one of ${STATUSES.join(', ')}.` });
    }
    const all = await listCustomCertificates(context, zone);
    const found = all.filter(({ status }) => wanted === undefined || status === wanted);
    const { items, info } = page(call, found, { fallback: 20, min: 5, max: 50 });
    return success(call, items.map(toResult), info);
  });
  app.put(`${path}/prioritize`, async (call) => {
    const zone = await zoneOf(context, call);
    const { certificates } = await readBody(call, Priorities);
    const all = await prioritizeCustomCertificates(context, causeOf(call), zone, certificates);
    return success(call, all.map(toResult), singlePage(all.length));
  });
  app.get(`${path}/:certificate_id`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, toResult(await getCustomCertificate(context, zone, idOf(call))));
  });
  app.patch(`${path}/:certificate_id`, async (call) => {
    const zone = await zoneOf(context, call);
    const edit = await readBody(call, Edit);
    const pair = pairOf(edit.certificate, edit.private_key);
    const edited = { pair, bundleMethod: edit.bundle_method };
    return success(call, toResult(await editCustomCertificate(context, causeOf(call), zone, idOf(call), edited)));
  });
  app.delete(`${path}/:certificate_id`, async (call) => {
    const zone = await zoneOf(context, call);
    await deleteCustomCertificate(context, causeOf(call), zone, idOf(call));
    return success(call, { id: idOf(call) });
  });
}

function idOf(call: Call): string {
  return call.req.param('certificate_id') ?? '';
}

/** Certificate and key are replaced together or not at all. */
function pairOf(certificate: string | undefined, privateKey: string | undefined) {
  if (certificate === undefined && privateKey === undefined) return null;
  if (certificate !== undefined && privateKey !== undefined) return { certificate, privateKey };
  const missing = certificate === undefined ? 'certificate' : 'private_key';
  throw new ApiError('field_invalid', {
    message: `${missing} is missing: a certificate is replaced together with its key.`,
    pointer: `/${missing}`,
  });
}

function toResult({ row, status }: CustomCertificate): object {
  return {
    id: row.id,
    zone_id: row.zone_id,
    hosts: JSON.parse(row.hosts) as string[],
    issuer: row.issuer,
    signature: row.signature,
    status,
    bundle_method: row.bundle_method,
    priority: row.priority,
    uploaded_on: formatMicroseconds(row.uploaded_at),
    modified_on: formatMicroseconds(row.modified_at),
    expires_on: formatSeconds(row.expires_at),
  };
}
