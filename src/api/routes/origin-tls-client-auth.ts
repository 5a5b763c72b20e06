import type { Hono } from 'hono';
import { z } from 'zod';
import {
  type AssociationView,
  type CertificateStore,
  deleteCertificate,
  getAssociation,
  getCertificate,
  listAssociations,
  listCertificates,
  putAssociations,
  setZoneLevel,
  uploadCertificate,
} from '../../control/mod.ts';
import { ApiError, DEPLOYMENT_STATUSES, formatSeconds } from '../../core/mod.ts';
import { readBody } from '../body.ts';
import { formatMicroseconds, success, toMessage } from '../envelope.ts';
import { page, singlePage } from '../paging.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

type CertificateRow = Awaited<ReturnType<typeof getCertificate>>;
type AssociationRow = NonNullable<AssociationView['row']>;

const Upload = z.object({ certificate: z.string(), private_key: z.string() });
const Enabled = z.object({ enabled: z.boolean() });
const Config = z.object({
  config: z
    .array(
      z.object({ hostname: z.string().min(1).max(255), cert_id: z.string().nullish(), enabled: z.boolean().nullish() }),
    )
    .min(1)
    .max(1000),
});

/** `/zones/{zone_id}/origin_tls_client_auth` (spec/origin-pulls.md 1.2). Fixed paths stand before those with a parameter: they win. */
export function originTlsClientAuthRoutes(app: Hono<ApiEnvironment>, options: ApiOptions): void {
  const path = '/client/v4/zones/:zone_id/origin_tls_client_auth';
  settingsRoutes(app, options, `${path}/settings`);
  certificateRoutes(app, options, `${path}/hostnames/certificates`, 'hostname');
  hostnameRoutes(app, options, `${path}/hostnames`);
  certificateRoutes(app, options, path, 'zone');
}

function settingsRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions, path: string): void {
  app.get(path, async (call) => success(call, { enabled: (await zoneOf(context, call)).origin_tls_client_auth === 1 }));
  app.put(path, async (call) => {
    const zone = await zoneOf(context, call);
    const { enabled } = await readBody(call, Enabled);
    await setZoneLevel(context, causeOf(call), zone, enabled);
    return success(call, { enabled });
  });
}

function certificateRoutes(
  app: Hono<ApiEnvironment>,
  { context, deployment }: ApiOptions,
  path: string,
  store: CertificateStore,
): void {
  app.post(path, async (call) => {
    const zone = await zoneOf(context, call);
    const { certificate, private_key } = await readBody(call, Upload);
    const { row, warnings } = await uploadCertificate(context, deployment, causeOf(call), zone, store, {
      certificate,
      privateKey: private_key,
    });
    return success(call, toCertificate(row), undefined, warnings.map(toMessage));
  });
  app.get(path, async (call) => {
    const rows = await listCertificates(context, await zoneOf(context, call), store);
    return success(call, rows.map(toCertificate), singlePage(rows.length));
  });
  app.get(`${path}/:certificate_id`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, toCertificate(await getCertificate(context, zone, store, idOf(call))));
  });
  app.delete(`${path}/:certificate_id`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(
      call,
      toCertificate(await deleteCertificate(context, deployment, causeOf(call), zone, store, idOf(call))),
    );
  });
}

function idOf(call: Call): string {
  return call.req.param('certificate_id') ?? '';
}

function hostnameRoutes(app: Hono<ApiEnvironment>, { context, deployment }: ApiOptions, path: string): void {
  app.put(path, async (call) => {
    const zone = await zoneOf(context, call);
    const { config } = await readBody(call, Config);
    const inputs = config.map(({ hostname, cert_id, enabled }) => ({
      hostname,
      // An empty text is no id: TF and others send it for what is not set.
      certId: cert_id || undefined,
      enabled,
    }));
    const views = await putAssociations(context, deployment, causeOf(call), zone, inputs);
    const now = context.store.now();
    return success(
      call,
      views.map((view) => toAssociation(view, now)),
      singlePage(views.length),
    );
  });
  app.get(path, async (call) => {
    const zone = await zoneOf(context, call);
    const wanted = statusFilter(call);
    const rows = (await listAssociations(context, zone)).filter(({ status }) => wanted === null || wanted.has(status));
    const { items, info } = page(call, rows, { fallback: 50, min: 1, max: 1000 });
    return success(call, items.map(toShortAssociation), info);
  });
  app.get(`${path}/:hostname`, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, toAssociation(await getAssociation(context, zone, call.req.param('hostname')), 0));
  });
}

/** The states that the query asks for; null for all. */
function statusFilter(call: Call): ReadonlySet<string> | null {
  const wanted = (call.req.query('status') ?? 'active').split(',').map((status) => status.trim());
  if (wanted.includes('all')) return null;
  const unknown = wanted.find((status) => !(DEPLOYMENT_STATUSES as readonly string[]).includes(status));
  if (unknown !== undefined)
    throw new ApiError('field_invalid', { message: `status has the unknown value "${unknown}".` });
  return new Set(wanted);
}

function toCertificate(row: CertificateRow): object {
  return {
    id: row.id,
    certificate: row.certificate,
    issuer: row.issuer,
    signature: row.signature,
    serial_number: row.serial_number,
    expires_on: formatSeconds(row.expires_at),
    uploaded_on: formatMicroseconds(row.uploaded_at),
    status: row.status,
  };
}

function toShortAssociation(row: AssociationRow): object {
  return {
    hostname: row.hostname,
    cert_id: row.cert_id,
    enabled: row.enabled === 1,
    status: row.status,
    created_at: formatMicroseconds(row.created_at),
    updated_at: formatMicroseconds(row.updated_at),
  };
}

/** An association with copies of its certificate's data; a void one has `enabled: null` and is `deleted` since `now`. */
function toAssociation({ hostname, row, certificate }: AssociationView, now: number): object {
  const cert = certificate!;
  const own =
    row === null
      ? {
          cert_id: cert.id,
          enabled: null,
          status: 'deleted',
          created_at: formatMicroseconds(now),
          updated_at: formatMicroseconds(now),
        }
      : toShortAssociation(row);
  return {
    ...own,
    hostname,
    cert_status: cert.status,
    cert_uploaded_on: formatMicroseconds(cert.uploaded_at),
    cert_updated_at: formatMicroseconds(cert.updated_at),
    certificate: cert.certificate,
    issuer: cert.issuer,
    serial_number: cert.serial_number,
    signature: cert.signature,
    expires_on: formatSeconds(cert.expires_at),
  };
}
