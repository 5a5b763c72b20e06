import type {
  AccessRuleEntry,
  ListEntry,
  LockdownEntry,
  RulesetEntry,
  SnapshotIndex,
  UserAgentRuleEntry,
  ZoneEntry,
} from '../core/mod.ts';
import {
  type AccessGroup,
  type AccessRule,
  compileAccessRules,
  compileLockdown,
  compileUserAgentRule,
} from './access.ts';
import { type CompiledRuleset, compileRuleset } from './compile-ruleset.ts';
import { PHASE_ORDER, PHASES, type PhaseName } from './phases.ts';

/** The entry points of one phase: the account's, then the zone's. */
export interface PhaseProgram {
  readonly phase: PhaseName;
  readonly entryPoints: readonly CompiledRuleset[];
}

/** Everything that the rules of one zone say, ready to run. */
export interface Program {
  readonly zoneId: string;
  readonly access: readonly AccessGroup[];
  readonly lockdowns: readonly AccessRule[];
  readonly userAgents: readonly AccessRule[];
  /** Up to the origin, in order. */
  readonly request: readonly PhaseProgram[];
  readonly response: readonly PhaseProgram[];
  /** Custom rulesets of the account, by id. */
  readonly rulesets: ReadonlyMap<string, CompiledRuleset>;
  readonly needsBody: boolean;
  /** Some `skip` rule may let a request pass by lockdowns or user-agent rules: they run after those rules. */
  readonly defersProducts: boolean;
}

/** A zone whose rules cannot be carried out: nothing passes. */
export interface BrokenProgram {
  readonly zoneId: string;
  readonly broken: string;
}

/** Compiled rulesets, kept as long as the entry and the lists that it was compiled from are the same. */
export class RulesetCache {
  /** Whether there is a database that says where a visitor is: rules that ask for it are unusable without. */
  readonly hasGeo: boolean;
  readonly #compiled = new WeakMap<
    RulesetEntry,
    { ruleset: CompiledRuleset; lists: ReadonlyMap<string, ListEntry | undefined> }
  >();

  constructor(hasGeo: boolean) {
    this.hasGeo = hasGeo;
  }

  get(entry: RulesetEntry, list: (name: string) => ListEntry | undefined): CompiledRuleset {
    const known = this.#compiled.get(entry);
    if (known !== undefined && [...known.lists].every(([name, used]) => list(name) === used)) return known.ruleset;
    const ruleset = compileRuleset(entry, { list, hasGeo: this.hasGeo });
    this.#compiled.set(entry, {
      ruleset,
      lists: new Map([...ruleset.lists].map((name) => [name, list(name)])),
    });
    return ruleset;
  }
}

/** Makes a zone's rules ready; null where it has none. Never leaves one out: what cannot be carried out breaks the whole. */
export function compileProgram(
  index: SnapshotIndex,
  zone: ZoneEntry,
  cache: RulesetCache,
): Program | BrokenProgram | null {
  const entries = [...index.rulesOf('account', zone.accountId), ...index.rulesOf('zone', zone.id)];
  if (!entries.some(({ kind }) => kind !== 'list')) return null;
  try {
    return assemble(entries, zone, cache);
  } catch (error) {
    return { zoneId: zone.id, broken: (error as Error).message };
  }
}

type Entry = RulesetEntry | ListEntry | AccessRuleEntry | LockdownEntry | UserAgentRuleEntry;

function assemble(entries: readonly Entry[], zone: ZoneEntry, cache: RulesetCache): Program | null {
  const ofKind = <K extends Entry['kind']>(kind: K) =>
    entries.filter((entry): entry is Extract<Entry, { kind: K }> => entry.kind === kind);
  const lists = new Map(ofKind('list').map((list) => [list.name, list]));
  const compiled = ofKind('ruleset').map((entry) => ({
    kind: entry.rulesetKind,
    ruleset: cache.get(entry, (name) => lists.get(name)),
  }));
  const phases = PHASE_ORDER.map((phase) => ({
    phase,
    // The account's come first: that is how `entries` is made.
    entryPoints: compiled
      .filter(({ kind, ruleset }) => kind !== 'custom' && ruleset.phase === phase && ruleset.rules.length > 0)
      .map(({ ruleset }) => ruleset),
  })).filter(({ entryPoints }) => entryPoints.length > 0);
  const rulesets = new Map(
    compiled.filter(({ kind }) => kind === 'custom').map(({ ruleset }) => [ruleset.id, ruleset]),
  );
  const rules = compiled.flatMap(({ ruleset }) => ruleset.rules);
  const access = compileAccessRules(ofKind('access_rule'), cache.hasGeo);
  const lockdowns = ofKind('lockdown')
    .filter(({ paused }) => !paused)
    .map(compileLockdown);
  const userAgents = ofKind('user_agent_rule')
    .filter(({ paused }) => !paused)
    .map(compileUserAgentRule);
  if (phases.length + access.length + lockdowns.length + userAgents.length === 0) return null;
  return {
    zoneId: zone.id,
    access,
    lockdowns,
    userAgents,
    request: phases.filter(({ phase }) => PHASES[phase].side === 'request'),
    response: phases.filter(({ phase }) => PHASES[phase].side === 'response'),
    rulesets,
    needsBody: compiled.some(({ ruleset }) => ruleset.needsBody),
    defersProducts: rules.some(
      ({ action }) =>
        action.kind === 'skip' && action.products.some((name) => name === 'zoneLockdown' || name === 'uaBlock'),
    ),
  };
}
