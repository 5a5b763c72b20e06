import { ApiError, entryKey, QUOTAS } from '../core/mod.ts';
import type { AccessRuleRow, Cause, Database, Transaction } from '../store/mod.ts';
import { invalid, readAccessRule } from '../waf/mod.ts';
import { type Context, newId } from './context.ts';
import { commitInScope, mustBeInScope, type RuleScopeId } from './rule-scope.ts';

/** An IP access rule, as it is stored. */
export type AccessRule = AccessRuleRow;

type Db = Context['store']['db'] | Transaction<Database>;

/** The IP access rules of a scope itself, the newest first. */
export async function listAccessRules({ store }: Context, scope: RuleScopeId): Promise<AccessRule[]> {
  return await inScope(store.db, scope).selectAll().orderBy('created_at', 'desc').orderBy('id').execute();
}

/** One IP access rule. Throws `firewall_rule_not_found`. */
export async function getAccessRule({ store }: Context, scope: RuleScopeId, id: string): Promise<AccessRule> {
  return await find(store.db, scope, id);
}

/** Makes an IP access rule. Throws `rule_invalid`, `firewall_rule_exists` and `firewall_rule_quota`. */
export async function createAccessRule(
  context: Context,
  cause: Cause,
  scope: RuleScopeId,
  body: unknown,
): Promise<AccessRule> {
  const { mode, configuration, notes = '' } = readAccessRule(body, context.findPlace !== null);
  if (mode === undefined) throw invalid('/mode', 'is missing.');
  if (configuration === undefined) throw invalid('/configuration', 'is missing.');
  const now = context.store.now();
  const row: AccessRuleRow = {
    id: newId(context.random),
    account_id: scope.accountId,
    zone_id: scope.zoneId,
    mode,
    ...configuration,
    notes,
    created_at: now,
    modified_at: now,
  };
  await commitInScope(context, cause, scope, async (trx) => {
    await checkUnique(trx, scope, row);
    await checkRoom(trx, scope);
    await trx.insertInto('access_rules').values(row).execute();
    return mutationOf('access_rule.create', row.id);
  });
  return row;
}

/** Changes what is given of an IP access rule. Throws as `createAccessRule`, and `firewall_rule_not_found`. */
export async function editAccessRule(
  context: Context,
  cause: Cause,
  scope: RuleScopeId,
  id: string,
  body: unknown,
): Promise<AccessRule> {
  const { mode, configuration, notes } = readAccessRule(body, context.findPlace !== null);
  await commitInScope(context, cause, scope, async (trx) => {
    const before = await find(trx, scope, id);
    const row: AccessRuleRow = {
      ...before,
      mode: mode ?? before.mode,
      ...configuration,
      notes: notes ?? before.notes,
      modified_at: context.store.now(),
    };
    await checkUnique(trx, scope, row);
    await trx.updateTable('access_rules').set(row).where('id', '=', id).execute();
    return mutationOf('access_rule.update', id);
  });
  return await getAccessRule(context, scope, id);
}

/** Deletes an IP access rule. Throws `firewall_rule_not_found`. */
export async function deleteAccessRule(context: Context, cause: Cause, scope: RuleScopeId, id: string): Promise<void> {
  await commitInScope(context, cause, scope, async (trx) => {
    await find(trx, scope, id);
    await trx.deleteFrom('access_rules').where('id', '=', id).execute();
    return mutationOf('access_rule.delete', id);
  });
}

function mutationOf(action: string, id: string) {
  return { result: null, keys: [entryKey.accessRule(id)], action, target: id };
}

async function find(db: Db, scope: RuleScopeId, id: string): Promise<AccessRuleRow> {
  const row = await db.selectFrom('access_rules').selectAll().where('id', '=', id).executeTakeFirst();
  return mustBeInScope(scope, row, 'firewall_rule_not_found');
}

function inScope(db: Db, { accountId, zoneId }: RuleScopeId) {
  return db
    .selectFrom('access_rules')
    .where('account_id', '=', accountId)
    .where('zone_id', zoneId === null ? 'is' : '=', zoneId);
}

async function checkUnique(db: Db, scope: RuleScopeId, { id, target, value }: AccessRuleRow): Promise<void> {
  const same = await inScope(db, scope)
    .select('id')
    .where('target', '=', target)
    .where('value', '=', value)
    .where('id', '!=', id)
    .executeTakeFirst();
  if (same) {
    throw new ApiError('firewall_rule_exists', {
      message: `The rule ${same.id} is about ${value} already.`,
      pointer: '/configuration/value',
    });
  }
}

async function checkRoom(db: Db, scope: RuleScopeId): Promise<void> {
  const { count } = await inScope(db, scope)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (Number(count) >= QUOTAS.accessRulesPerScope) {
    throw new ApiError('firewall_rule_quota', {
      message: `The quota of ${QUOTAS.accessRulesPerScope} IP access rules is used up. Delete one first, or use a list.`,
    });
  }
}
