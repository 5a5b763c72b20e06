import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { formatAddress, parseAddress, utf8Text } from '../match/mod.ts';
import { openGeoDatabases } from '../platform/mod.ts';
import {
  type CompileOptions,
  compileFilter,
  compileValue,
  FIELDS,
  type GeoFacts,
  PHASES,
  type Phase,
  RequestView,
  RuleError,
  type RuleList,
  type Uses,
  type Value,
} from '../rules/mod.ts';
import { CliError, colour, print, printJson, table } from './output.ts';
import { readRawRequest } from './raw-request.ts';

/** Flags of `countersign rules check`. */
export interface RulesFlags {
  readonly phase: string;
  readonly list: readonly string[];
  readonly geo?: boolean;
  readonly value?: boolean;
  readonly json?: boolean;
}

/** Flags of `countersign rules eval`. */
export interface EvalFlags extends RulesFlags {
  readonly request: string;
  readonly from: string;
  readonly geoip: readonly string[];
  readonly scheme: string;
}

/** Checks the expressions of a file. Throws `CliError`. */
export function checkFile(file: string, flags: RulesFlags): void {
  const options = optionsOf(flags);
  const results = expressionsOf(utf8Text(readBytes(file))).map((expression) => checked(expression, flags, options));
  const refused = results.filter(({ error }) => error !== null).length;
  if (flags.json) {
    printJson({ expressions: results.map(({ render: _, ...result }) => result) });
  } else {
    for (const { expression, render } of results)
      print(
        render === null ? `${colour('green', 'ok')}  ${oneLine(expression)}` : `${colour('red', 'refused')}  ${render}`,
      );
  }
  if (refused > 0) throw new CliError(1, `${refused} of ${results.length} refused.`);
}

function checked(expression: string, flags: RulesFlags, options: CompileOptions) {
  try {
    const { fields, lists, needsBody, needsResponse } = compile(expression, flags, options);
    const uses = { fields: [...fields], lists: [...lists], needsBody, needsResponse };
    return { expression, uses, error: null, render: null };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    const { message, line, column, span } = error;
    return { expression, uses: null, error: { message, line, column, span }, render: error.render() };
  }
}

/** Evaluates an expression for a request. Throws `CliError`. */
export function evaluateFor(expression: string, flags: EvalFlags): void {
  const { scheme, from } = flags;
  if (scheme !== 'http' && scheme !== 'https') throw new CliError(2, '--scheme must be http or https.');
  if (parseAddress(from) === null) throw new CliError(2, `--from must be an IP address, not "${from}".`);
  const geo = placeOf(from, flags.geoip);
  const view = new RequestView({ ...readRawRequest(readBytes(flags.request), { scheme, visitorAddress: from }), geo });
  const { fields, result } = evaluated(expression, flags, view);
  const values = [...fields].map((name) => [name, shown(FIELDS.get(name)!.read(view))] as const);
  if (flags.json) printJson({ result, fields: Object.fromEntries(values) });
  else print([JSON.stringify(result), ...fieldTable(values)].join('\n'));
  if (result === false) process.exitCode = 1;
}

function evaluated(expression: string, flags: EvalFlags, view: RequestView) {
  try {
    const compiled = compile(expression, flags, optionsOf({ ...flags, geo: flags.geoip.length > 0 }));
    return { fields: compiled.fields, result: shown(compiled.evaluate(view)) };
  } catch (error) {
    if (error instanceof RuleError) throw new CliError(2, error.render());
    throw error;
  }
}

function placeOf(address: string, files: readonly string[]): GeoFacts | null {
  try {
    return openGeoDatabases(files)(address);
  } catch (error) {
    throw new CliError(2, error instanceof Error ? error.message : String(error));
  }
}

function compile(
  expression: string,
  { value }: RulesFlags,
  options: CompileOptions,
): Uses & { evaluate: (view: RequestView) => Value | undefined } {
  if (value) return compileValue(expression, options, null);
  const filter = compileFilter(expression, options);
  return { ...filter, evaluate: (view) => filter.matches(view) };
}

function optionsOf({ phase, list, geo }: RulesFlags): CompileOptions {
  if (!(PHASES as readonly string[]).includes(phase))
    throw new CliError(2, `--phase must be one of ${PHASES.join(', ')}.`);
  const lists = new Map(list.map(readList));
  return { phase: phase as Phase, lists: (name) => lists.get(name), hasGeo: geo === true };
}

/** Reads `NAME=FILE`; the kind of the list is that of its first item. */
function readList(flag: string): readonly [name: string, list: RuleList] {
  const [name, file] = flag.split(/=(.*)/s);
  if (file === undefined) throw new CliError(2, `--list must be NAME=FILE, not "${flag}".`);
  const items = utf8Text(readBytes(file))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [first = ''] = items;
  const listKind = /^\d+$/.test(first) ? 'asn' : parseAddress(first.replace(/\/.*/, '')) !== null ? 'ip' : 'hostname';
  return [name!, { listKind, items }];
}

/** A list of expressions, or of rules that have one; any other text is one expression. */
function expressionsOf(text: string): string[] {
  let document: unknown;
  try {
    document = parseYaml(text);
  } catch {
    // An expression need not be YAML.
    return [text];
  }
  const rules = isObject(document) && Array.isArray(document.rules) ? document.rules : document;
  if (!Array.isArray(rules)) return [text];
  return rules.map((rule: unknown) => {
    if (typeof rule === 'string' || typeof rule === 'boolean') return String(rule);
    if (isObject(rule) && typeof rule.expression === 'string') return rule.expression;
    throw new CliError(2, 'Each element of the list must be an expression, or have a member "expression".');
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readBytes(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'latin1');
  } catch (error) {
    throw new CliError(2, `${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function oneLine(expression: string): string {
  return expression.trim().replace(/\s*\n\s*/g, ' ');
}

/** A value for people and for JSON; null for one that is missing. */
function shown(value: Value | undefined): unknown {
  if (value === undefined) return null;
  if (typeof value === 'string') return utf8Text(value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [utf8Text(key), shown(one)]));
  if (typeof value !== 'object') return value;
  return 'family' in value ? formatAddress(value) : (value as readonly Value[]).map(shown);
}

function fieldTable(values: readonly (readonly [name: string, value: unknown])[]): string[] {
  return values.length === 0
    ? []
    : [table([['FIELD', 'VALUE'], ...values.map(([name, value]) => [name, JSON.stringify(value)])])];
}
