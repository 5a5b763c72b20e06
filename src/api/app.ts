import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { routePath } from 'hono/route';
import { ApiError } from '../core/mod.ts';
import { authenticate } from './authenticate.ts';
import { MAX_BODY } from './body.ts';
import { failure } from './envelope.ts';
import { customCertificateRoutes } from './routes/custom-certificates.ts';
import { dnsRecordRoutes } from './routes/dns-records.ts';
import { doctorRoutes } from './routes/doctor.ts';
import { eventRoutes } from './routes/events.ts';
import { firewallRoutes } from './routes/firewall.ts';
import { listRoutes } from './routes/lists.ts';
import { originTlsClientAuthRoutes } from './routes/origin-tls-client-auth.ts';
import { originRoutes } from './routes/origins.ts';
import { rulesetRoutes } from './routes/rulesets.ts';
import { settingRoutes } from './routes/settings.ts';
import { statusRoutes } from './routes/status.ts';
import { userRoutes } from './routes/user.ts';
import { zoneRoutes } from './routes/zones.ts';
import type { ApiEnvironment, ApiOptions, Call } from './types.ts';

/** Methods that are counted by name. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The API as a fetch handler: `/client/v4/…`, health, and the shared CA (design/product.md, "HTTP"). */
export function createApi(options: ApiOptions): Hono<ApiEnvironment> {
  const app = new Hono<ApiEnvironment>();
  const refuse = (call: Call, error: ApiError): Response => {
    options.counters.error(error.code);
    return failure(call, error);
  };
  app.use(async (call, next) => {
    await next();
    // The last route that matched is the one that answered; where none did, the pattern is that of a middleware.
    options.counters.request(
      routePath(call, -1),
      METHODS.has(call.req.method) ? call.req.method : '_OTHER',
      call.res.status,
    );
  });
  app.get('/healthz', (call) => call.text('ok\n'));
  app.get('/metrics', async (call) =>
    call.body(await options.metrics(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  app.get('/readyz', (call) => {
    const { ready, parts } = options.readiness();
    const verbose = call.req.query('verbose') !== undefined;
    const lines = verbose ? Object.entries(parts).map(([part, state]) => `${part}: ${state}\n`) : [];
    return call.text(`${lines.join('')}${ready ? 'ready' : 'not ready'}\n`, ready ? 200 : 503);
  });
  app.get('/ssl/static/authenticated_origin_pull_ca.pem', (call) =>
    call.body(options.originPullCa, 200, { 'Content-Type': 'application/x-pem-file' }),
  );
  app.use('/client/v4/*', async (call, next) => {
    call.header('Cache-Control', 'private, no-cache, no-store');
    call.header('Pragma', 'no-cache');
    call.set('principal', await authenticate(options.context, call));
    await next();
  });
  app.use(
    '/client/v4/*',
    bodyLimit({
      maxSize: MAX_BODY,
      onError: () => {
        throw new ApiError('body_too_large');
      },
    }),
  );
  zoneRoutes(app, options);
  settingRoutes(app, options);
  dnsRecordRoutes(app, options);
  originTlsClientAuthRoutes(app, options);
  customCertificateRoutes(app, options);
  originRoutes(app, options);
  doctorRoutes(app, options);
  eventRoutes(app, options);
  firewallRoutes(app, options);
  listRoutes(app, options);
  rulesetRoutes(app, options);
  userRoutes(app, options);
  statusRoutes(app, options);
  app.notFound((call) => {
    const others = allowedMethods(app, call.req.path);
    if (others.length > 0) {
      call.header('Allow', others.join(', '));
      return refuse(
        call,
        new ApiError('method_not_allowed', { message: `Method not allowed: use ${others.join(' or ')}.` }),
      );
    }
    const message = `Could not route to ${call.req.path}, perhaps your object identifier is invalid?`;
    return refuse(call, new ApiError('no_route', { message }));
  });
  app.onError((error, call) => {
    if (error instanceof ApiError) return refuse(call, error);
    options.onInternalError(error, call.req.path);
    return refuse(call, new ApiError(isStoreError(error) ? 'store_unavailable' : 'internal'));
  });
  return app;
}

/** The methods that some route of the API takes at `path`. */
function allowedMethods(app: Hono<ApiEnvironment>, path: string): string[] {
  const methods = new Set<string>();
  for (const route of app.routes) {
    if (route.method === 'ALL' || route.path.endsWith('*')) continue;
    const pattern = new RegExp(`^${route.path.replace(/:[a-z_]+/g, '[^/]+')}$`);
    if (pattern.test(path)) methods.add(route.method);
  }
  return [...methods];
}

function isStoreError(error: Error): boolean {
  return (
    'errcode' in error || /^SQLITE_|database/i.test(`${(error as { code?: unknown }).code ?? ''} ${error.message}`)
  );
}
