import { parseDocument } from 'yaml';
import { type Config, Expected, OPTIONS } from './options.ts';

/** Where a value came from. */
export type ConfigSource = 'flag' | 'environment' | 'file' | 'default';

/** The configuration in force, frozen, and where each value came from. */
export interface LoadedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<keyof Config, ConfigSource>>;
}

/** What the configuration is read from, the strongest first. */
export interface ConfigInputs {
  /** Flags by option name. */
  readonly flags: Readonly<Partial<Record<keyof Config, string | boolean | undefined>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Text of countersign.yaml; null where there is none. */
  readonly file: string | null;
  readonly cores: number;
}

/** A configuration that cannot be used. The message names the option, its source, and what is expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the configuration: flags before environment before file before default. Throws `ConfigError`. */
export function loadConfig({ flags, environment, file, cores }: ConfigInputs): LoadedConfig {
  const fromFile = file === null ? {} : readFile(file);
  const config: Record<string, unknown> = {};
  const sources: Record<string, ConfigSource> = {};
  for (const { name, flag, variable, parse, fallback } of OPTIONS) {
    const given: [ConfigSource, string | undefined, string][] = [
      ['flag', text(flags[name]), `--${flag}`],
      ['environment', environment[variable], variable],
      ['file', text(fromFile[flag]), `"${flag}" in countersign.yaml`],
    ];
    const found = given.find(([, value]) => value !== undefined);
    const value = found === undefined ? fallback(cores) : parse(found[1]!);
    if (value instanceof Expected) throw new ConfigError(`${found![2]} must be ${value.what}, not "${found![1]}".`);
    config[name] = value;
    sources[name] = found?.[0] ?? 'default';
  }
  return {
    config: Object.freeze(config) as unknown as Config,
    sources: Object.freeze(sources) as LoadedConfig['sources'],
  };
}

function text(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}

function readFile(source: string): Record<string, unknown> {
  const document = parseDocument(source);
  const [error] = document.errors;
  if (error !== undefined) throw new ConfigError(`countersign.yaml: ${error.message.split('\n')[0]}`);
  const value: unknown = document.toJS() ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError('countersign.yaml must hold keys and values, as "workers: 2".');
  }
  const known = new Set<string>(OPTIONS.map(({ flag }) => flag));
  const unknown = Object.keys(value).find((key) => !known.has(key));
  if (unknown !== undefined) {
    throw new ConfigError(`countersign.yaml has the unknown key "${unknown}". Known are: ${[...known].join(', ')}.`);
  }
  return value as Record<string, unknown>;
}
