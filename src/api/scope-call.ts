import type { Context, RuleScopeId } from '../control/mod.ts';
import { ApiError } from '../core/mod.ts';
import type { Call } from './types.ts';
import { zoneOf } from './zone-call.ts';

/** Where rules can belong: the paths of accounts and of zones, with the same endpoints below. */
export const SCOPES = ['/client/v4/accounts/:account_id', '/client/v4/zones/:zone_id'] as const;

/** The account or zone that a path names. Throws `zone_not_found` and `unauthorized`. */
export async function scopeOf(context: Context, call: Call): Promise<RuleScopeId> {
  const { accountId } = call.get('principal');
  const named = call.req.param('account_id');
  if (named === undefined) return { accountId, zoneId: (await zoneOf(context, call)).id };
  if (named !== accountId) throw new ApiError('unauthorized');
  return { accountId, zoneId: null };
}
