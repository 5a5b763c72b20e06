import type { Command } from 'commander';
import { connect } from '../client.ts';
import { type CommonFlags, clientCommand } from '../command.ts';
import { CliError, colour, print, printJson, table } from '../output.ts';

interface Status {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, string>>;
  readonly version: string;
  readonly runtime: string;
  readonly uptime_seconds: number;
  readonly change: number;
  readonly listeners: Readonly<Record<string, string | null>>;
  readonly workers: readonly { readonly pid: number; readonly state: string; readonly change: number }[];
  readonly origin_proofs: Readonly<Record<'enforced' | 'not_enforced' | 'unknown', number>>;
  readonly certificates_ending: readonly {
    readonly id: string;
    readonly level: string;
    readonly zone: string | null;
    readonly expires_on: string;
  }[];
}

/** `countersign status`: exit code 0 ready, 1 not ready, 3 not reachable. */
export function statusCommand(): Command {
  return clientCommand('status', 'what runs, and whether it is ready (exit code 0 ready, 1 not, 3 unreachable)')
    .option('--quiet', 'say it by the exit code only')
    .action(async (flags: CommonFlags & { readonly quiet?: boolean }) => {
      const status = await readStatus(flags);
      if (flags.json) printJson(status);
      else if (!flags.quiet) print(describe(status));
      if (!status.ready) process.exitCode = 1;
    });
}

async function readStatus(flags: CommonFlags): Promise<Status> {
  const client = connect(flags);
  const [account] = await client.call<{ readonly id: string }[]>('GET', '/accounts');
  if (account === undefined) throw new CliError(3, 'This token belongs to no account: check --token.');
  return await client.call<Status>('GET', `/accounts/${account.id}/countersign/status`);
}

function describeProofs({ enforced, not_enforced, unknown }: Status['origin_proofs']): string {
  const open = `${not_enforced} let in who presents none`;
  const text = `${enforced} refuse who presents no certificate, ${not_enforced > 0 ? colour('red', open) : open}, ${unknown} could not be told`;
  return `  ${'origins'.padEnd(9)} ${text}`;
}

function describe(status: Status): string {
  const {
    ready,
    parts,
    version,
    runtime,
    uptime_seconds,
    change,
    listeners,
    workers,
    certificates_ending,
    origin_proofs,
  } = status;
  const lines = [
    `${ready ? colour('green', 'ready') : colour('red', 'not ready')}  countersign ${version} on ${runtime}, up ${uptime_seconds} s, change ${change}`,
    ...Object.entries(parts).map(([part, state]) => `  ${part.padEnd(9)} ${state}`),
    ...Object.entries(listeners).flatMap(([name, where]) => (where === null ? [] : `  ${name.padEnd(9)} ${where}`)),
    describeProofs(origin_proofs),
    '',
    table([
      ['WORKER', 'STATE', 'CHANGE'],
      ...workers.map(({ pid, state, change: has }) => [`${pid}`, state, `${has}`]),
    ]),
  ];
  if (certificates_ending.length === 0) return [...lines, '', 'No client certificate ends within 30 days.'].join('\n');
  const rows = certificates_ending.map(({ id, level, zone, expires_on }) => [id, level, zone ?? '', expires_on]);
  return [...lines, '', table([['CERTIFICATE', 'LEVEL', 'ZONE', 'ENDS'], ...rows])].join('\n');
}
