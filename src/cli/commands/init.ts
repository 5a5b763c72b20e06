import { Command } from 'commander';
import { openControlPlane, writeToken } from '../../app/mod.ts';
import { init } from '../../control/mod.ts';
import { canonicalHostname } from '../../core/mod.ts';
import { createLogger } from '../../observe/mod.ts';
import { dataPath } from '../files.ts';
import { CliError, print, printJson } from '../output.ts';

interface InitFlags {
  readonly data?: string;
  readonly database?: string;
  readonly accountId?: string;
  readonly email?: string;
  readonly apiKey?: string;
  readonly apiToken?: string;
  readonly zone?: readonly string[];
  readonly json?: boolean;
}

/** `countersign init`: data directory, keys, first account; every id can be chosen. */
export function initCommand(): Command {
  return new Command('init')
    .description('make the data directory, keys and first account; every id can be chosen')
    .option('--data <DIR>', 'data directory (default: .countersign) [COUNTERSIGN_DATA]')
    .option('--database <URL>', 'database (default: SQLite in the data directory)')
    .option('--account-id <HEX32>', 'id of the account')
    .option('--email <E>', 'e-mail address that goes with the API key')
    .option('--api-key <K>', 'global API key')
    .option('--api-token <T>', 'API token')
    .option(
      '--zone <NAME[=HEX32]>',
      'a zone, with its id if you like; may be repeated',
      (value: string, all: readonly string[] = []) => [...all, value],
    )
    .option('--json', 'print JSON')
    .action(run);
}

interface WantedZone {
  readonly name: string;
  readonly id?: string;
}

const HEX32 = [/^[0-9a-f]{32}$/, '32 lower-case hexadecimal digits'] as const;
const EMAIL = [/^[^\s@]{1,200}@[^\s@]{1,200}$/, 'an e-mail address'] as const;
// What a header can carry; the API reads no other.
const SECRET = [/^[\x21-\x7e]{1,512}$/, '1 to 512 printable ASCII characters without a space'] as const;

/** Checks what would be refused later, before anything is made. Returns the zones. Throws `CliError`. */
function check(flags: InitFlags): WantedZone[] {
  const demand = (flag: string, value: string | undefined, [form, what]: readonly [RegExp, string]) => {
    if (value !== undefined && !form.test(value)) throw new CliError(2, `${flag} must be ${what}, not "${value}".`);
  };
  demand('--account-id', flags.accountId, HEX32);
  demand('--email', flags.email, EMAIL);
  demand('--api-key', flags.apiKey, SECRET);
  demand('--api-token', flags.apiToken, SECRET);
  return (flags.zone ?? []).map((text) => {
    const at = text.indexOf('=');
    const zone = at < 0 ? { name: text } : { name: text.slice(0, at), id: text.slice(at + 1) };
    if (canonicalHostname(zone.name) === null)
      throw new CliError(2, `--zone must be a domain name, as example.com, not "${zone.name}".`);
    demand(`The id in --zone ${zone.name}`, zone.id, HEX32);
    return zone;
  });
}

async function run(flags: InitFlags): Promise<void> {
  const zones = check(flags);
  const plane = await openControlPlane(dataPath(flags.data), flags.database ?? null, createLogger({ part: 'init' }));
  try {
    const { accountId, email, apiKey, apiToken } = flags;
    const keepToken = (token: string) => writeToken(plane.directory, token);
    const made = await init(plane.context, { accountId, email, apiKey, apiToken, zones, keepToken });
    const { token, root, originPullCa, path } = plane.directory;
    const result = {
      dataDir: path,
      tokenFile: token,
      rootCaFile: root,
      originPullCaFile: originPullCa,
      accountId: made.accountId,
      email: made.email,
      ...(made.apiKey === null ? {} : { apiKey: made.apiKey }),
      ...(made.apiToken === null ? {} : { apiToken: made.apiToken }),
      zones: made.zones,
    };
    if (flags.json) printJson(result);
    else print(describe(result));
  } finally {
    await plane.close();
  }
}

function describe(result: {
  dataDir: string;
  accountId: string;
  email: string;
  apiKey?: string;
  apiToken?: string;
  tokenFile: string;
  zones: readonly { id: string; name: string }[];
}): string {
  const lines = [`Data directory  ${result.dataDir}`, `Account         ${result.accountId}`];
  if (result.apiToken !== undefined) lines.push(`API token       ${result.apiToken}  (kept in ${result.tokenFile})`);
  if (result.apiKey !== undefined)
    lines.push(`API key         ${result.apiKey}  for ${result.email}  (shown only now)`);
  for (const { id, name } of result.zones) lines.push(`Zone            ${name}  ${id}`);
  return [...lines, 'Next: countersign up'].join('\n');
}
