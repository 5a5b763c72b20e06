import { ApiError } from '../core/mod.ts';
import type { Cause, Database, Mutation, Transaction } from '../store/mod.ts';
import { type Context, commit, commitInZone } from './context.ts';

/** Whose rules: an account's, which are for all of its zones, or those of one zone. */
export interface RuleScopeId {
  readonly accountId: string;
  /** Null for the account's own. */
  readonly zoneId: string | null;
}

/** As `commit`; a zone that was deleted since the request began is `zone_not_found`. */
export function commitInScope<R>(
  context: Context,
  cause: Cause,
  { zoneId }: RuleScopeId,
  work: (trx: Transaction<Database>, change: number) => Promise<Mutation<R>>,
): ReturnType<typeof commit<R>> {
  return zoneId === null ? commit(context, cause, work) : commitInZone(context, cause, { id: zoneId }, work);
}

/** Whether a row belongs to the scope itself: an account's own rows are not those of its zones. */
function isInScope(
  { accountId, zoneId }: RuleScopeId,
  row: { readonly account_id: string; readonly zone_id: string | null },
): boolean {
  return row.account_id === accountId && row.zone_id === zoneId;
}

/** The row where there is one in the scope. Throws the error of that kind otherwise. */
export function mustBeInScope<R extends { readonly account_id: string; readonly zone_id: string | null }>(
  scope: RuleScopeId,
  row: R | undefined,
  kind: 'ruleset_not_found' | 'firewall_rule_not_found',
): R {
  if (row === undefined || !isInScope(scope, row)) throw new ApiError(kind);
  return row;
}
