import { Command } from 'commander';
import { publicKeyText, readSigned } from '../../origin/mod.ts';
import { VERDICT_CODES } from '../doctor-output.ts';
import { dataPath, read } from '../files.ts';
import { CliError, print, printJson } from '../output.ts';
import { trustedReportKey } from '../report-key.ts';

interface VerifyFlags {
  readonly key?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** `countersign doctor verify FILE` */
export function doctorVerifyCommand(): Command {
  return (
    new Command('verify')
      .description(
        'who signed a report, when, and what it says; exit 0 closed, 1 open, 3 could not tell, or not to be trusted',
      )
      .argument('<file>', 'what "countersign doctor --report" wrote')
      .option('--key <FILE>', 'public key of who is trusted (default: report.pub of the data directory)')
      .option('--data <DIR>', 'data directory (default: .countersign)')
      .option('--json', 'print JSON')
      // The command above has flags of the same names, and takes them.
      .action((file: string, _flags: VerifyFlags, command: Command) => verifyReport(file, command.optsWithGlobals()))
  );
}

function verifyReport(file: string, flags: VerifyFlags): void {
  const signed = readSigned(read(file));
  if (signed === null)
    throw new CliError(3, `${file} is not a report as it was signed: it was changed, or its signature does not match.`);
  const trusted = trustedReportKey(flags.key, dataPath(flags.data));
  const { report, signature } = signed;
  if (trusted === null)
    throw new CliError(3, `${file} is signed by a key of its own, and none is known to trust: name one with --key.`);
  if (publicKeyText(trusted) !== signature.public_key)
    throw new CliError(3, `${file} is signed by another key than ${flags.key ?? 'that of the data directory'}.`);
  const { hostname, verdict, started_at, summary } = report;
  const { by, signed_at } = signature;
  if (flags.json) printJson({ hostname, verdict, started_at, summary, by, signed_at });
  else print(`Signed by ${by} at ${signed_at}.\n${hostname}, examined at ${started_at}: ${verdict}.\n${summary}`);
  process.exitCode = VERDICT_CODES[verdict];
}
