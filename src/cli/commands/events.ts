import type { Command } from 'commander';
import type { SecurityEvent } from '../../core/mod.ts';
import { connect } from '../client.ts';
import { type CommonFlags, clientCommand } from '../command.ts';
import { colour, print, printJson } from '../output.ts';

type Flags = CommonFlags & {
  readonly zone?: string;
  readonly follow?: boolean;
  readonly limit: string;
  readonly action?: string;
  readonly ip?: string;
  readonly rule?: string;
  readonly source?: string;
  readonly ray?: string;
};

/** `countersign events` */
export function eventsCommand(): Command {
  return clientCommand('events', 'what the rules of a zone did, and the doctor found: security events, the newest last')
    .option('--zone <NAME>', 'whose events (default: the only zone there is)')
    .option('--follow', 'go on with new ones as they come')
    .option('--limit <N>', 'how many of the past ones, up to 1000', '50')
    .option('--action <NAME>', 'only those of this action')
    .option('--ip <ADDRESS>', 'only those of this visitor')
    .option('--rule <ID>', 'only those of this rule')
    .option('--source <NAME>', 'only those of this source, as firewallCustom or doctor')
    .option('--ray <ID>', 'only those of this request')
    .action(listEvents);
}

async function listEvents(flags: Flags): Promise<void> {
  const client = connect(flags);
  const zone = await client.zone(flags.zone);
  const filters = { action: flags.action, ip: flags.ip, rule_id: flags.rule, source: flags.source, ray: flags.ray };
  const query = new URLSearchParams({ per_page: flags.limit });
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value);
  const path = `/zones/${zone.id}/countersign/events?${query}`;
  // Followed first: what happens while the past ones are fetched comes in both, and is shown once.
  const coming = flags.follow ? await client.follow(path) : [];
  const past = (await client.call<SecurityEvent[]>('GET', path)).toReversed();
  if (flags.json && !flags.follow) {
    printJson(past);
    return;
  }
  const show = (event: SecurityEvent) => print(flags.json ? JSON.stringify(event) : describe(event));
  const shown = new Set(past.map(nameOf));
  for (const event of past) show(event);
  for await (const data of coming) {
    const event = JSON.parse(data) as SecurityEvent;
    if (!shown.delete(nameOf(event))) show(event);
  }
}

/** What the doctor tells has no ray: it is nobody's request. */
function nameOf({ Datetime, RayID, MatchIndex }: SecurityEvent): string {
  return `${Datetime} ${RayID} ${MatchIndex}`;
}

const ALARMING: ReadonlySet<string> = new Set(['block', 'error', 'origin_open']);

function describe(event: SecurityEvent): string {
  const { Datetime, Action, ClientIP, ClientRequestMethod, ClientRequestHost, ClientRequestPath } = event;
  const action = ALARMING.has(Action) ? colour('red', Action) : colour('bold', Action);
  const rule = event.Description === '' ? event.RuleID : event.Description;
  if (event.Source === 'doctor') return `${Datetime}  ${action}  ${ClientRequestHost}  ${event.Source}  ${rule}`;
  return `${Datetime}  ${action}  ${ClientIP}  ${ClientRequestMethod} ${ClientRequestHost}${ClientRequestPath}  ${event.Source}  ${rule}  ${event.RayID}`;
}
