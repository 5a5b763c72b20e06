import { ApiError, entryKey, QUOTAS } from '../core/mod.ts';
import type { Cause, Database, Transaction, UserAgentRuleRow, ZoneRow } from '../store/mod.ts';
import { readUserAgentRule } from '../waf/mod.ts';
import { type Context, commitInZone, newId } from './context.ts';

/** A user-agent rule, as it is stored. */
export type UserAgentRule = UserAgentRuleRow;

type Db = Context['store']['db'] | Transaction<Database>;

/** The user-agent rules of a zone, the newest first. */
export async function listUserAgentRules({ store }: Context, zone: ZoneRow): Promise<UserAgentRule[]> {
  return await store.db
    .selectFrom('user_agent_rules')
    .selectAll()
    .where('zone_id', '=', zone.id)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
}

/** One user-agent rule. Throws `firewall_rule_not_found`. */
export async function getUserAgentRule({ store }: Context, zone: ZoneRow, id: string): Promise<UserAgentRule> {
  return await find(store.db, zone, id);
}

/** Makes a user-agent rule. Throws `rule_invalid`, `firewall_rule_exists` and `firewall_rule_quota`. */
export async function createUserAgentRule(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  body: unknown,
): Promise<UserAgentRule> {
  const { mode, userAgent, description = '', paused = false } = readUserAgentRule(body);
  const now = context.store.now();
  const row: UserAgentRuleRow = {
    id: newId(context.random),
    zone_id: zone.id,
    mode,
    user_agent: userAgent,
    description,
    paused: paused ? 1 : 0,
    created_at: now,
    modified_at: now,
  };
  await commitInZone(context, cause, zone, async (trx) => {
    await checkUnique(trx, row);
    await checkRoom(trx, zone);
    await trx.insertInto('user_agent_rules').values(row).execute();
    return mutationOf('user_agent_rule.create', row.id);
  });
  return row;
}

/** Changes a user-agent rule: all but what it may leave out. Throws as `createUserAgentRule`, and `firewall_rule_not_found`. */
export async function updateUserAgentRule(
  context: Context,
  cause: Cause,
  zone: ZoneRow,
  id: string,
  body: unknown,
): Promise<UserAgentRule> {
  const { mode, userAgent, description, paused } = readUserAgentRule(body);
  await commitInZone(context, cause, zone, async (trx) => {
    const before = await find(trx, zone, id);
    const row: UserAgentRuleRow = {
      ...before,
      mode,
      user_agent: userAgent,
      description: description ?? before.description,
      paused: paused === undefined ? before.paused : paused ? 1 : 0,
      modified_at: context.store.now(),
    };
    await checkUnique(trx, row);
    await trx.updateTable('user_agent_rules').set(row).where('id', '=', id).execute();
    return mutationOf('user_agent_rule.update', id);
  });
  return await getUserAgentRule(context, zone, id);
}

/** Deletes a user-agent rule. Throws `firewall_rule_not_found`. */
export async function deleteUserAgentRule(context: Context, cause: Cause, zone: ZoneRow, id: string): Promise<void> {
  await commitInZone(context, cause, zone, async (trx) => {
    await find(trx, zone, id);
    await trx.deleteFrom('user_agent_rules').where('id', '=', id).execute();
    return mutationOf('user_agent_rule.delete', id);
  });
}

function mutationOf(action: string, id: string) {
  return { result: null, keys: [entryKey.userAgentRule(id)], action, target: id };
}

async function find(db: Db, zone: ZoneRow, id: string): Promise<UserAgentRuleRow> {
  const row = await db
    .selectFrom('user_agent_rules')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone.id)
    .executeTakeFirst();
  if (!row) throw new ApiError('firewall_rule_not_found');
  return row;
}

async function checkUnique(trx: Transaction<Database>, { id, zone_id, user_agent }: UserAgentRuleRow): Promise<void> {
  const same = await trx
    .selectFrom('user_agent_rules')
    .select('id')
    .where('zone_id', '=', zone_id)
    .where('user_agent', '=', user_agent)
    .where('id', '!=', id)
    .executeTakeFirst();
  if (same) {
    throw new ApiError('firewall_rule_exists', {
      message: `The rule ${same.id} is about this user agent already.`,
      pointer: '/configuration/value',
    });
  }
}

async function checkRoom(trx: Transaction<Database>, zone: ZoneRow): Promise<void> {
  const { count } = await trx
    .selectFrom('user_agent_rules')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('zone_id', '=', zone.id)
    .executeTakeFirstOrThrow();
  if (Number(count) >= QUOTAS.userAgentRulesPerZone) {
    throw new ApiError('firewall_rule_quota', {
      message: `The quota of ${QUOTAS.userAgentRulesPerZone} user-agent rules of this zone is used up. Delete one first.`,
    });
  }
}
