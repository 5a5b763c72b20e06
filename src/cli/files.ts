import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type Config, type ConfigInputs, loadConfig } from '../config/mod.ts';
import { CliError } from './output.ts';

const CONFIG_FILE = 'countersign.yaml';

/** The text of a file that the command line names. Throws `CliError`. */
export function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(2, `${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** The configuration that flags, environment and countersign.yaml of this directory give. Throws `ConfigError`. */
export function readConfig(flags: ConfigInputs['flags'], environment: ConfigInputs['environment']): Config {
  const file = existsSync(CONFIG_FILE) ? read(CONFIG_FILE) : null;
  return loadConfig({ flags, environment, file, cores: availableParallelism() }).config;
}

/** The data directory, found as `up` finds it. Throws `ConfigError`. */
export function dataPath(flag: string | undefined, environment: NodeJS.ProcessEnv = process.env): string {
  // Nothing else of the environment: COUNTERSIGN_API is an address to `up` and a URL to others.
  return readConfig({ data: flag }, { COUNTERSIGN_DATA: environment.COUNTERSIGN_DATA }).data;
}
