import { existsSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { openControlPlane } from '../../app/mod.ts';
import { init } from '../../control/mod.ts';
import { createLogger } from '../../observe/mod.ts';
import { print, printJson } from '../output.ts';

interface InitFlags {
  readonly data: string;
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
    .option('--data <DIR>', 'data directory', process.env.COUNTERSIGN_DATA ?? '.countersign')
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

async function run(flags: InitFlags): Promise<void> {
  const plane = await openControlPlane(flags.data, flags.database ?? null, createLogger({ part: 'init' }));
  try {
    const zones = (flags.zone ?? []).map((text) => {
      const at = text.indexOf('=');
      return at < 0 ? { name: text } : { name: text.slice(0, at), id: text.slice(at + 1) };
    });
    const { accountId, email, apiKey, apiToken } = flags;
    const made = await init(plane.context, { accountId, email, apiKey, apiToken, zones });
    const { token, root, originPullCa, path } = plane.directory;
    if (made.apiToken !== null && (apiToken !== undefined || !existsSync(token)))
      writeFileSync(token, `${made.apiToken}\n`, { mode: 0o600 });
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
