import type { Hono } from 'hono';
import {
  addRule,
  createRuleset,
  deleteRule,
  deleteRuleset,
  deleteRulesetVersion,
  editRule,
  getEntrypoint,
  getRuleset,
  listEntrypointVersions,
  listRulesets,
  listRulesetVersions,
  putEntrypoint,
  type Ruleset,
  type RulesetChange,
  type RulesetHead,
  updateRuleset,
} from '../../control/mod.ts';
import { ApiError } from '../../core/mod.ts';
import { readJson } from '../body.ts';
import { cursorPage, ordered } from '../cursor.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import { singlePage } from '../paging.ts';
import { SCOPES, scopeOf } from '../scope-call.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { causeOf } from '../zone-call.ts';

/** `/rulesets` of accounts and zones (spec/origin-pulls.md 7.3). */
export function rulesetRoutes(app: Hono<ApiEnvironment>, options: ApiOptions): void {
  for (const scope of SCOPES) {
    collectionRoutes(app, options, `${scope}/rulesets`);
    entrypointRoutes(app, options, `${scope}/rulesets/phases/:phase/entrypoint`);
    ruleRoutes(app, options, `${scope}/rulesets/:ruleset_id/rules`);
    versionRoutes(app, options, `${scope}/rulesets/:ruleset_id/versions`);
  }
}

function collectionRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions, path: string): void {
  app.get(path, async (call) => {
    const all = await listRulesets(context, await scopeOf(context, call));
    const bounds = { fallback: 50, min: 1, max: 50 };
    const { items, info } = cursorPage(call, all, ({ createdAt, id }) => `${ordered(createdAt)} ${id}`, bounds);
    return success(call, items.map(toShort), info);
  });
  app.post(path, async (call) => {
    const change = await readChange(call, context);
    return success(call, toResult(await createRuleset(context, change, await readJson(call))));
  });
  app.get(`${path}/:ruleset_id`, async (call) =>
    success(call, toResult(await getRuleset(context, await scopeOf(context, call), idOf(call)))),
  );
  app.put(`${path}/:ruleset_id`, async (call) => {
    const change = await readChange(call, context);
    return success(call, toResult(await updateRuleset(context, change, idOf(call), await readJson(call))));
  });
  app.delete(`${path}/:ruleset_id`, async (call) => {
    await deleteRuleset(context, await readChange(call, context), idOf(call));
    return call.body(null, 204);
  });
}

function entrypointRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions, path: string): void {
  app.get(path, async (call) =>
    success(call, toResult(await getEntrypoint(context, await scopeOf(context, call), phaseOf(call)))),
  );
  app.put(path, async (call) => {
    const change = await readChange(call, context);
    return success(call, toResult(await putEntrypoint(context, change, phaseOf(call), await readJson(call))));
  });
  app.get(`${path}/versions`, async (call) => {
    const versions = await listEntrypointVersions(context, await scopeOf(context, call), phaseOf(call));
    return success(call, versions.map(toShort), singlePage(versions.length));
  });
  app.get(`${path}/versions/:version`, async (call) => {
    const scope = await scopeOf(context, call);
    return success(call, toResult(await getEntrypoint(context, scope, phaseOf(call), versionOf(call))));
  });
}

function ruleRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions, path: string): void {
  app.post(path, async (call) => {
    const change = await readChange(call, context);
    return success(call, toResult(await addRule(context, change, idOf(call), await readJson(call))));
  });
  app.patch(`${path}/:rule_id`, async (call) => {
    const change = await readChange(call, context);
    const ruleId = call.req.param('rule_id') ?? '';
    return success(call, toResult(await editRule(context, change, idOf(call), ruleId, await readJson(call))));
  });
  app.delete(`${path}/:rule_id`, async (call) => {
    const change = await readChange(call, context);
    return success(call, toResult(await deleteRule(context, change, idOf(call), call.req.param('rule_id') ?? '')));
  });
}

function versionRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions, path: string): void {
  app.get(path, async (call) => {
    const versions = await listRulesetVersions(context, await scopeOf(context, call), idOf(call));
    return success(call, versions.map(toShort), singlePage(versions.length));
  });
  app.get(`${path}/:version`, async (call) => {
    const scope = await scopeOf(context, call);
    return success(call, toResult(await getRuleset(context, scope, idOf(call), versionOf(call))));
  });
  app.delete(`${path}/:version`, async (call) => {
    await deleteRulesetVersion(context, await readChange(call, context), idOf(call), versionOf(call));
    return call.body(null, 204);
  });
}

/** Who changes what. With `dry_run` everything is checked and nothing is stored; the result is null. */
async function readChange(call: Call, context: ApiOptions['context']): Promise<RulesetChange> {
  const dryRun = call.req.query('dry_run') ?? 'false';
  if (dryRun !== 'true' && dryRun !== 'false') {
    throw new ApiError('field_invalid', { message: 'dry_run must be true or false.' });
  }
  return { cause: causeOf(call), scope: await scopeOf(context, call), isDryRun: dryRun === 'true' };
}

function idOf(call: Call): string {
  return call.req.param('ruleset_id') ?? '';
}

function phaseOf(call: Call): string {
  return call.req.param('phase') ?? '';
}

function versionOf(call: Call): number {
  const text = call.req.param('version') ?? '';
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new ApiError('ruleset_version_not_found');
  return Number(text);
}

function toShort({ id, name, description, kind, phase, version, last_updated }: RulesetHead): object {
  return {
    id,
    name,
    description,
    kind,
    phase,
    version: String(version),
    last_updated: formatMicroseconds(last_updated),
  };
}

function toResult(ruleset: Ruleset | null): object | null {
  if (ruleset === null) return null;
  const rules = ruleset.rules.map((rule) => ({
    ...rule,
    version: String(rule.version),
    last_updated: formatMicroseconds(rule.last_updated),
  }));
  return { ...toShort(ruleset), rules };
}
