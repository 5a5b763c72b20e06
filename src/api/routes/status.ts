import type { Hono } from 'hono';
import { ApiError, formatSeconds } from '../../core/mod.ts';
import { success } from '../envelope.ts';
import type { ApiEnvironment, ApiOptions } from '../types.ts';

/** `…/countersign/status`: what runs, for `countersign status`. Own. */
export function statusRoutes(app: Hono<ApiEnvironment>, { status, readiness }: ApiOptions): void {
  app.get('/client/v4/accounts/:account_id/countersign/status', (call) => {
    const { accountId } = call.get('principal');
    if (call.req.param('account_id') !== accountId) throw new ApiError('unauthorized');
    const { ready, parts } = readiness();
    const { version, runtime, uptime, change, listeners, workers, originProofs, certificatesEnding } =
      status(accountId);
    return success(call, {
      ready,
      parts,
      version,
      runtime,
      uptime_seconds: Math.floor(uptime / 1000),
      change,
      listeners,
      workers: workers.map(({ pid, state, acknowledged }) => ({ pid, state, change: acknowledged })),
      origin_proofs: originProofs,
      certificates_ending: certificatesEnding.map(({ id, level, zone, expiresAt }) => ({
        id,
        level,
        zone,
        expires_on: formatSeconds(expiresAt),
      })),
    });
  });
}
