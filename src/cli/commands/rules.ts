import { Command } from 'commander';
import type { EvalFlags, RulesFlags } from '../rule-trial.ts';

/** `countersign rules …`: works offline. */
export function rulesCommand(): Command {
  const common = (name: string, description: string) =>
    new Command(name)
      .description(description)
      .option('--phase <PHASE>', 'phase that the expression is for', 'http_request_firewall_custom')
      .option('--list <NAME=FILE>', 'a list that expressions name as $NAME: one item a line', collect, [])
      .option('--value', 'read values, as of rewrites, instead of filters')
      .option('--json', 'print JSON');
  const check = common('check', 'check the expressions of a file: one alone, or a list in YAML or JSON')
    .argument('<file>', 'the file, - for standard input')
    .option('--geo', 'take the fields that need a geo database')
    .action(async (file: string, flags: RulesFlags) => (await trial()).checkFile(file, flags));
  const evaluate = common('eval', 'evaluate an expression for a request')
    .argument('<expression>', 'the expression')
    .requiredOption('--request <FILE>', 'the request as on the wire (HTTP/1.1), - for standard input')
    .option('--from <ADDRESS>', 'the address of the visitor', '127.0.0.1')
    .option('--geoip <FILE>', "a database in MaxMind's format of where addresses are; may be given again", collect, [])
    .option('--scheme <http|https>', 'how the visitor came', 'https')
    .action(async (expression: string, flags: EvalFlags) => (await trial()).evaluateFor(expression, flags));
  return new Command('rules')
    .description('check and try expressions of the Rules language')
    .addCommand(check)
    .addCommand(evaluate);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Loaded only here: the language with its regular expressions takes a while. */
function trial(): Promise<typeof import('../rule-trial.ts')> {
  return import('../rule-trial.ts');
}
