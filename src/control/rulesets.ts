import { ApiError, entryKey, QUOTAS } from '../core/mod.ts';
import type { Database, RulesetRow, Transaction } from '../store/mod.ts';
import { invalid, isPhase, PHASES, type PhaseName, type RulesetInput, readRuleset } from '../waf/mod.ts';
import { type Context, newId } from './context.ts';
import { nextRules } from './next-rules.ts';
import { commitInScope, type RuleScopeId } from './rule-scope.ts';
import { carryOut, makingOf, type Plan, type RulesetChange, reading } from './ruleset-change.ts';
import {
  allVersions,
  findEntrypoint,
  findRuleset,
  type Ruleset,
  type RulesetHead,
  rulesetAt,
  rulesetHeads,
  rulesetsMentioning,
  type StoredRule,
} from './ruleset-rows.ts';

/** The rulesets of a scope at the versions in use, the oldest first. */
export async function listRulesets(
  { store }: Context,
  scope: RuleScopeId,
): Promise<(RulesetHead & { readonly createdAt: number })[]> {
  return await rulesetHeads(store.db, scope);
}

/** A ruleset, at the version in use or another. Throws `ruleset_not_found` and `ruleset_version_not_found`. */
export async function getRuleset(context: Context, scope: RuleScopeId, id: string, version?: number): Promise<Ruleset> {
  return await reading(context, async (trx) => rulesetAt(trx, await findRuleset(trx, scope, id), version));
}

/** The versions of a ruleset that are kept, the newest first. Throws `ruleset_not_found`. */
export async function listRulesetVersions(context: Context, scope: RuleScopeId, id: string): Promise<RulesetHead[]> {
  return await reading(context, async (trx) => allVersions(trx, await findRuleset(trx, scope, id)));
}

/** The entry point of a phase. Throws `phase_unavailable` and `entrypoint_not_found`. */
export async function getEntrypoint(
  context: Context,
  scope: RuleScopeId,
  phase: string,
  version?: number,
): Promise<Ruleset> {
  return await reading(context, async (trx) => rulesetAt(trx, await mustFindEntrypoint(trx, scope, phase), version));
}

/** The versions of the entry point of a phase, the newest first. Throws as `getEntrypoint`. */
export async function listEntrypointVersions(
  context: Context,
  scope: RuleScopeId,
  phase: string,
): Promise<RulesetHead[]> {
  return await reading(context, async (trx) => allVersions(trx, await mustFindEntrypoint(trx, scope, phase)));
}

/**
 * Makes a ruleset; null for a dry run. Throws `rule_invalid`, `expression_invalid`, `phase_unavailable`, `entrypoint_exists` and
 * `ruleset_quota`.
 */
export async function createRuleset(context: Context, change: RulesetChange, body: unknown): Promise<Ruleset | null> {
  const { scope } = change;
  const input = readRuleset(body);
  const { kind, name } = input;
  if (kind === undefined) throw invalid('/kind', 'is missing.');
  checkKind(kind, scope);
  if (name === undefined) throw invalid('/name', 'is missing.');
  const phase = mustBePhase(input.phase, '/phase');
  return await carryOut(context, change, 'ruleset.create', async (trx) => {
    await checkRoom(trx, scope, kind, phase);
    return await planOf(context, trx, change, newRow(context, scope, kind, phase), {
      ...input,
      name,
      description: input.description ?? '',
      rules: input.rules ?? [],
    });
  });
}

/** Makes a new version of a ruleset; what is not given stays. Null for a dry run. Throws `ruleset_not_found` and as `createRuleset`. */
export async function updateRuleset(
  context: Context,
  change: RulesetChange,
  id: string,
  body: unknown,
): Promise<Ruleset | null> {
  const input = readRuleset(body);
  return await carryOut(context, change, 'ruleset.update', async (trx) => {
    const row = await findRuleset(trx, change.scope, id);
    return await planOf(context, trx, change, row, input);
  });
}

/** Makes a new version of a phase's entry point, or its first. Null for a dry run. Throws as `createRuleset`. */
export async function putEntrypoint(
  context: Context,
  change: RulesetChange,
  phaseName: string,
  body: unknown,
): Promise<Ruleset | null> {
  const { scope } = change;
  const input = readRuleset(body);
  const phase = mustBePhase(phaseName, '');
  const kind = scope.zoneId === null ? 'root' : 'zone';
  return await carryOut(context, change, 'ruleset.update', async (trx) => {
    const row = await findEntrypoint(trx, scope, phase);
    if (row) return await planOf(context, trx, change, row, input);
    return await planOf(context, trx, change, newRow(context, scope, kind, phase), {
      ...input,
      name: input.name ?? 'default',
      description: input.description ?? '',
      rules: input.rules ?? [],
    });
  });
}

/** Deletes a ruleset with all its versions. Throws `ruleset_not_found` and `ruleset_in_use`. */
export async function deleteRuleset(context: Context, change: RulesetChange, id: string): Promise<void> {
  const check = async (trx: Transaction<Database>): Promise<void> => {
    await findRuleset(trx, change.scope, id);
    await checkUnused(trx, change.scope, id);
  };
  if (change.isDryRun) return await reading(context, check);
  await commitInScope(context, change.cause, change.scope, async (trx) => {
    await check(trx);
    await trx.deleteFrom('rulesets').where('id', '=', id).execute();
    return { result: null, keys: [entryKey.ruleset(id)], action: 'ruleset.delete', target: id };
  });
}

/** Forgets an older version. Throws `ruleset_not_found`, `ruleset_version_not_found` and `ruleset_version_in_use`. */
export async function deleteRulesetVersion(
  context: Context,
  change: RulesetChange,
  id: string,
  version: number,
): Promise<void> {
  const check = async (trx: Transaction<Database>): Promise<void> => {
    const row = await findRuleset(trx, change.scope, id);
    await rulesetAt(trx, row, version);
    if (row.version === version) throw new ApiError('ruleset_version_in_use');
  };
  if (change.isDryRun) return await reading(context, check);
  await commitInScope(context, change.cause, change.scope, async (trx) => {
    await check(trx);
    await trx.deleteFrom('ruleset_versions').where('ruleset_id', '=', id).where('version', '=', version).execute();
    return { result: null, keys: [], action: 'ruleset.delete_version', target: `${id} ${version}` };
  });
}

async function planOf(
  context: Context,
  trx: Transaction<Database>,
  { scope }: RulesetChange,
  row: RulesetRow,
  { name, description, kind, phase, rules }: RulesetInput,
): Promise<Plan> {
  if (kind !== undefined && kind !== row.kind) throw invalid('/kind', `is ${row.kind}, and cannot be changed.`);
  if (phase !== undefined && phase !== row.phase) throw invalid('/phase', `is ${row.phase}, and cannot be changed.`);
  const before = row.version === 0 ? null : await rulesetAt(trx, row);
  return {
    row,
    name: name ?? before!.name,
    description: description ?? before!.description,
    rules:
      rules === undefined
        ? before!.rules
        : nextRules(rules, await makingOf(context, trx, scope, row, before?.rules ?? [], rules)),
  };
}

function newRow(context: Context, scope: RuleScopeId, kind: RulesetRow['kind'], phase: PhaseName): RulesetRow {
  return {
    id: newId(context.random),
    account_id: scope.accountId,
    zone_id: scope.zoneId,
    kind,
    phase,
    version: 0,
    created_at: context.store.now(),
  };
}

function checkKind(
  kind: NonNullable<RulesetInput['kind']>,
  { zoneId }: RuleScopeId,
): asserts kind is RulesetRow['kind'] {
  const allowed = zoneId === null ? ['root', 'custom'] : ['zone'];
  if (allowed.includes(kind)) return;
  const owner = zoneId === null ? 'An account' : 'A zone';
  throw invalid('/kind', `${owner} has rulesets of kind ${allowed.join(' and ')}, not ${kind}.`);
}

/** Throws `phase_unavailable`. */
function mustBePhase(phase: string | undefined, pointer: string): PhaseName {
  if (phase === undefined) throw invalid(pointer, 'is missing.');
  if (isPhase(phase)) return phase;
  throw new ApiError('phase_unavailable', {
    message: `The phase ${phase} is not available. There are: ${Object.keys(PHASES).join(', ')}.`,
    ...(pointer === '' ? {} : { pointer }),
  });
}

async function mustFindEntrypoint(trx: Transaction<Database>, scope: RuleScopeId, phase: string): Promise<RulesetRow> {
  const row = await findEntrypoint(trx, scope, mustBePhase(phase, ''));
  if (!row) throw new ApiError('entrypoint_not_found');
  return row;
}

async function checkRoom(
  trx: Transaction<Database>,
  scope: RuleScopeId,
  kind: RulesetRow['kind'],
  phase: PhaseName,
): Promise<void> {
  if (kind !== 'custom') {
    if (await findEntrypoint(trx, scope, phase)) throw new ApiError('entrypoint_exists', { pointer: '/phase' });
    return;
  }
  const { count } = await trx
    .selectFrom('rulesets')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('account_id', '=', scope.accountId)
    .where('kind', '=', 'custom')
    .executeTakeFirstOrThrow();
  if (Number(count) >= QUOTAS.customRulesetsPerAccount) {
    throw new ApiError('ruleset_quota', {
      message: `The quota of ${QUOTAS.customRulesetsPerAccount} custom rulesets of this account is used up. Delete one first.`,
    });
  }
}

/** What a rule executes or skips stays: without it the rule would do something else. */
async function checkUnused(trx: Transaction<Database>, scope: RuleScopeId, id: string): Promise<void> {
  for (const { id: other, rules } of await rulesetsMentioning(trx, scope.accountId, id)) {
    const user = other === id ? undefined : rules.find((rule) => namesRuleset(rule, id));
    if (user !== undefined) {
      throw new ApiError('ruleset_in_use', {
        message: `The rule ${user.id} of the ruleset ${other} names this ruleset: change that one first.`,
      });
    }
  }
}

function namesRuleset({ action_parameters: parameters = {} }: StoredRule, id: string): boolean {
  const { rulesets, rules } = parameters as { rulesets?: string[]; rules?: object };
  return parameters.id === id || rulesets?.includes(id) === true || (rules !== undefined && Object.hasOwn(rules, id));
}
