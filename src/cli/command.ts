import { Command } from 'commander';
import { type Client, type ClientFlags, connect } from './client.ts';
import { print, printJson } from './output.ts';

/** Flags that every client command has. */
export type CommonFlags = ClientFlags & { readonly json?: boolean };

/** A command that works against a running control plane: its flags, and `--json`. */
export function clientCommand(usage: string, description: string): Command {
  const [name, ...parameters] = usage.split(' ');
  const command = new Command(name!).description(description);
  for (const parameter of parameters) command.argument(parameter);
  return command
    .option('--api <URL>', 'control plane (default: COUNTERSIGN_API, the data directory, http://127.0.0.1:7070)')
    .option('--token <T>', 'API token (default: COUNTERSIGN_TOKEN, else the data directory)')
    .option('--data <DIR>', 'data directory to find them in (default: .countersign)')
    .option('--json', 'print JSON');
}

/** Runs a client command's work and prints its result, as text or as JSON. */
export async function show<T>(
  flags: CommonFlags,
  work: (client: Client) => Promise<T>,
  text: (result: T) => string,
): Promise<void> {
  const result = await work(connect(flags));
  if (flags.json) printJson(result);
  else print(text(result));
}
