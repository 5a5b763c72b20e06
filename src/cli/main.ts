import { Command, CommanderError } from 'commander';
import { StartError } from '../app/mod.ts';
import { ConfigError } from '../config/mod.ts';
import { ApiError } from '../core/mod.ts';
import { currentRuntime, runtimeProblem } from '../platform/mod.ts';
import { certCommand } from './commands/cert.ts';
import { doctorCommand } from './commands/doctor.ts';
import { eventsCommand } from './commands/events.ts';
import { explainCommand } from './commands/explain.ts';
import { initCommand } from './commands/init.ts';
import { levelCommand } from './commands/level.ts';
import { originCommand } from './commands/origin.ts';
import { protectCommand } from './commands/protect.ts';
import { rulesCommand } from './commands/rules.ts';
import { statusCommand } from './commands/status.ts';
import { upCommand } from './commands/up.ts';
import { CliError } from './output.ts';

/** The whole command line. */
function program(): Command {
  const root = new Command('countersign')
    .description('Self-hosted Authenticated Origin Pulls: edge, control plane and origin kit.')
    .addHelpText('after', '\nExit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 could not reach or do it.')
    .addCommand(upCommand())
    .addCommand(statusCommand())
    .addCommand(initCommand())
    .addCommand(originCommand())
    .addCommand(levelCommand())
    .addCommand(certCommand())
    .addCommand(protectCommand())
    .addCommand(explainCommand())
    .addCommand(doctorCommand())
    .addCommand(eventsCommand())
    .addCommand(rulesCommand());
  for (const command of withSubcommands(root)) command.exitOverride().showSuggestionAfterError();
  return root;
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((one) => withSubcommands(one as Command))];
}

/** Exit code and sentence for what a command threw. */
function verdict(error: unknown): { code: number; message: string | null } {
  if (error instanceof CommanderError) return { code: error.exitCode === 0 ? 0 : 2, message: null };
  if (error instanceof CliError) return { code: error.exitCode, message: error.message };
  if (error instanceof ConfigError) return { code: 2, message: error.message };
  if (error instanceof StartError) return { code: 3, message: error.message };
  if (error instanceof ApiError) return { code: 2, message: error.message };
  return { code: 3, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

async function main(): Promise<void> {
  try {
    const problem = runtimeProblem(currentRuntime());
    if (problem !== null) throw new CliError(3, problem);
    await program().parseAsync(process.argv);
  } catch (error) {
    const { code, message } = verdict(error);
    if (message !== null) process.stderr.write(`${message}\n`);
    process.exit(code);
  }
}

await main();
