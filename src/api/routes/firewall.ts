import type { Hono } from 'hono';
import {
  ACCESS_MODES,
  type AccessRule,
  createAccessRule,
  createLockdown,
  createUserAgentRule,
  deleteAccessRule,
  deleteLockdown,
  deleteUserAgentRule,
  editAccessRule,
  getAccessRule,
  getLockdown,
  getUserAgentRule,
  type Lockdown,
  listAccessRules,
  listLockdowns,
  listUserAgentRules,
  type UserAgentRule,
  updateLockdown,
  updateUserAgentRule,
} from '../../control/mod.ts';
import { ApiError } from '../../core/mod.ts';
import { readJson } from '../body.ts';
import { formatMicroseconds, success } from '../envelope.ts';
import { page } from '../paging.ts';
import { SCOPES, scopeOf } from '../scope-call.ts';
import type { ApiEnvironment, ApiOptions, Call } from '../types.ts';
import { causeOf, zoneOf } from '../zone-call.ts';

type Context = ApiOptions['context'];

const BOUNDS = { fallback: 20, min: 1, max: 1000 };

/** `/firewall`: the kinds of rules that are older than rulesets (spec/origin-pulls.md 7.1). */
export function firewallRoutes(app: Hono<ApiEnvironment>, { context }: ApiOptions): void {
  for (const scope of SCOPES) accessRuleRoutes(app, context, `${scope}/firewall/access_rules/rules`);
  lockdownRoutes(app, context, '/client/v4/zones/:zone_id/firewall/lockdowns');
  userAgentRoutes(app, context, '/client/v4/zones/:zone_id/firewall/ua_rules');
}

function accessRuleRoutes(app: Hono<ApiEnvironment>, context: Context, path: string): void {
  app.get(path, async (call) => {
    const rules = await listAccessRules(context, await scopeOf(context, call));
    const { items, info } = page(call, chosenAccessRules(call, rules), BOUNDS);
    return success(call, items.map(toAccessRule), info);
  });
  app.post(path, async (call) => {
    const scope = await scopeOf(context, call);
    return success(call, toAccessRule(await createAccessRule(context, causeOf(call), scope, await readJson(call))));
  });
  app.get(`${path}/:rule_id`, async (call) =>
    success(call, toAccessRule(await getAccessRule(context, await scopeOf(context, call), idOf(call)))),
  );
  app.patch(`${path}/:rule_id`, async (call) => {
    const scope = await scopeOf(context, call);
    const body = await readJson(call);
    return success(call, toAccessRule(await editAccessRule(context, causeOf(call), scope, idOf(call), body)));
  });
  app.delete(`${path}/:rule_id`, async (call) => {
    await deleteAccessRule(context, causeOf(call), await scopeOf(context, call), idOf(call));
    return success(call, { id: idOf(call) });
  });
}

function lockdownRoutes(app: Hono<ApiEnvironment>, context: Context, path: string): void {
  app.get(path, async (call) => {
    const all = await listLockdowns(context, await zoneOf(context, call));
    const { items, info } = page(
      call,
      all.filter((lockdown) => isChosenLockdown(call, lockdown)),
      BOUNDS,
    );
    return success(call, items.map(toLockdown), info);
  });
  app.post(path, async (call) => {
    const zone = await zoneOf(context, call);
    return success(call, toLockdown(await createLockdown(context, causeOf(call), zone, await readJson(call))));
  });
  app.get(`${path}/:rule_id`, async (call) =>
    success(call, toLockdown(await getLockdown(context, await zoneOf(context, call), idOf(call)))),
  );
  app.put(`${path}/:rule_id`, async (call) => {
    const zone = await zoneOf(context, call);
    const body = await readJson(call);
    return success(call, toLockdown(await updateLockdown(context, causeOf(call), zone, idOf(call), body)));
  });
  app.delete(`${path}/:rule_id`, async (call) => {
    await deleteLockdown(context, causeOf(call), await zoneOf(context, call), idOf(call));
    return success(call, { id: idOf(call) });
  });
}

function userAgentRoutes(app: Hono<ApiEnvironment>, context: Context, path: string): void {
  app.get(path, async (call) => {
    const all = await listUserAgentRules(context, await zoneOf(context, call));
    const { items, info } = page(
      call,
      all.filter((rule) => isChosenUserAgentRule(call, rule)),
      BOUNDS,
    );
    return success(call, items.map(toUserAgentRule), info);
  });
  app.post(path, async (call) => {
    const zone = await zoneOf(context, call);
    return success(
      call,
      toUserAgentRule(await createUserAgentRule(context, causeOf(call), zone, await readJson(call))),
    );
  });
  app.get(`${path}/:rule_id`, async (call) =>
    success(call, toUserAgentRule(await getUserAgentRule(context, await zoneOf(context, call), idOf(call)))),
  );
  app.put(`${path}/:rule_id`, async (call) => {
    const zone = await zoneOf(context, call);
    const body = await readJson(call);
    return success(call, toUserAgentRule(await updateUserAgentRule(context, causeOf(call), zone, idOf(call), body)));
  });
  app.delete(`${path}/:rule_id`, async (call) => {
    await deleteUserAgentRule(context, causeOf(call), await zoneOf(context, call), idOf(call));
    return success(call, { id: idOf(call) });
  });
}

function idOf(call: Call): string {
  return call.req.param('rule_id') ?? '';
}

/** Whether a text has another in it, case aside; a filter that is not given lets everything pass. */
function contains(text: string, wanted: string | undefined): boolean {
  return wanted === undefined || text.toLowerCase().includes(wanted.toLowerCase());
}

const ORDERS: Readonly<Record<string, (rule: AccessRule) => string>> = {
  'configuration.target': ({ target }) => target,
  'configuration.value': ({ value }) => value,
  mode: ({ mode }) => mode,
};

function chosenAccessRules(call: Call, rules: readonly AccessRule[]): AccessRule[] {
  const filters: ((rule: AccessRule) => boolean)[] = [];
  const filter = (name: string, test: (rule: AccessRule, wanted: string) => boolean): void => {
    const wanted = call.req.query(name);
    if (wanted !== undefined) filters.push((rule) => test(rule, wanted));
  };
  filter('mode', ({ mode }, wanted) => mode === wanted);
  filter('notes', ({ notes }, wanted) => contains(notes, wanted));
  filter('configuration.target', ({ target }, wanted) => target === wanted || (target === 'ip6' && wanted === 'ip'));
  filter('configuration.value', ({ value }, wanted) => value.toLowerCase() === wanted.toLowerCase());
  const isAny = call.req.query('match') === 'any' && filters.length > 0;
  const found = rules.filter((rule) =>
    isAny ? filters.some((passes) => passes(rule)) : filters.every((passes) => passes(rule)),
  );
  const order = call.req.query('order');
  if (order === undefined) return found;
  const key = Object.hasOwn(ORDERS, order) ? ORDERS[order] : undefined;
  if (key === undefined) {
    throw new ApiError('field_invalid', { message: `order must be one of ${Object.keys(ORDERS).join(', ')}.` });
  }
  const sorted = found.sort((one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0));
  return call.req.query('direction') === 'desc' ? sorted.reverse() : sorted;
}

function isChosenLockdown(call: Call, { urls, configurations, description, createdAt, modifiedAt }: Lockdown): boolean {
  const wanted = (name: string): string | undefined => call.req.query(name);
  const some = (name: string, values: readonly string[], test: (value: string, wanted: string) => boolean): boolean => {
    const value = wanted(name);
    return value === undefined || values.some((one) => test(one, value.toLowerCase()));
  };
  const valuesOf = (target: string): string[] =>
    configurations.filter((one) => one.target === target).map(({ value }) => value);
  const includes = (value: string, text: string): boolean => value.toLowerCase().includes(text);
  return (
    contains(description, wanted('description')) &&
    contains(description, wanted('description_search')) &&
    some('ip', valuesOf('ip'), (value, text) => value === text) &&
    some('ip_search', valuesOf('ip'), includes) &&
    some('ip_range_search', valuesOf('ip_range'), includes) &&
    some('uri_search', urls, includes) &&
    isTime(createdAt, wanted('created_on')) &&
    isTime(modifiedAt, wanted('modified_on'))
  );
}

function isTime(microseconds: number, wanted: string | undefined): boolean {
  return wanted === undefined || formatMicroseconds(microseconds) === wanted;
}

function isChosenUserAgentRule(call: Call, rule: UserAgentRule): boolean {
  const paused = call.req.query('paused');
  return (
    contains(rule.description, call.req.query('description')) &&
    contains(rule.user_agent, call.req.query('user_agent')) &&
    (paused === undefined || paused === String(rule.paused === 1))
  );
}

function toAccessRule(rule: AccessRule): object {
  return {
    id: rule.id,
    mode: rule.mode,
    configuration: { target: rule.target, value: rule.value },
    notes: rule.notes,
    paused: false,
    allowed_modes: ACCESS_MODES,
    scope: rule.zone_id === null ? { id: rule.account_id, type: 'organization' } : { id: rule.zone_id, type: 'zone' },
    created_on: formatMicroseconds(rule.created_at),
    modified_on: formatMicroseconds(rule.modified_at),
  };
}

function toLockdown({ createdAt, modifiedAt, ...lockdown }: Lockdown): object {
  return {
    ...lockdown,
    created_on: formatMicroseconds(createdAt),
    modified_on: formatMicroseconds(modifiedAt),
  };
}

function toUserAgentRule(rule: UserAgentRule): object {
  return {
    id: rule.id,
    mode: rule.mode,
    configuration: { target: 'ua', value: rule.user_agent },
    description: rule.description,
    paused: rule.paused === 1,
  };
}
