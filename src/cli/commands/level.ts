import { Command } from 'commander';
import { systemClock } from '../../platform/mod.ts';
import { type Client, connect, type Zone } from '../client.ts';
import { type CommonFlags, clientCommand, show } from '../command.ts';
import { CliError, print, printJson, table } from '../output.ts';
import { isProven, originHostnames, watchUntilProven } from '../when-proven.ts';

type ZoneFlags = CommonFlags & { readonly zone?: string };

type SetFlags = ZoneFlags & {
  readonly cert?: string;
  readonly disable?: boolean;
  readonly whenProven?: boolean;
  readonly limit: string;
};

interface Association {
  readonly hostname: string;
  readonly cert_id: string;
  readonly enabled: boolean | null;
  readonly status: string;
}

interface Levels {
  readonly zone: string;
  readonly global: 'on' | 'off';
  readonly zone_level: 'on' | 'off';
  readonly hostnames: readonly Association[];
}

/** `countersign level …` */
export function levelCommand(): Command {
  const zoneOption = ['--zone <NAME>', 'the zone (default: the only one)'] as const;
  const showCommand = clientCommand('show', 'show the three levels of a zone')
    .option(...zoneOption)
    .action((flags: ZoneFlags) =>
      show(flags, async (client) => levels(client, await client.zone(flags.zone)), describe),
    );
  const set = clientCommand('set <level> <value>', 'set global|zone on|off, or: set hostname NAME --cert ID')
    .option(...zoneOption)
    .option('--cert <ID>', 'certificate of the hostname store (with: set hostname)')
    .option('--disable', 'present no certificate to this hostname at all (with: set hostname)')
    .option('--when-proven', 'then watch the origins, and say when it is safe that they enforce (exit code 0)')
    .option('--limit <SECONDS>', 'how long to watch', '600')
    .action(async (level: string, value: string, flags: SetFlags) => {
      const client = connect(flags);
      const zone = level === 'hostname' ? await client.zoneOf(value) : await client.zone(flags.zone);
      if (level === 'hostname') await associate(client, zone, value, flags.cert, !flags.disable);
      else await toggle(client, zone, level, value);
      const result = await levels(client, zone);
      if (!flags.whenProven) {
        if (flags.json) printJson(result);
        else print(describe(result));
        return;
      }
      const hostnames = level === 'hostname' ? [value] : await originHostnames(client, zone);
      await watch(client, hostnames, flags);
    });
  const voidCommand = clientCommand(
    'void <level> <hostname>',
    'void hostname NAME: the hostname falls back to the other levels',
  ).action((level: string, hostname: string, flags: CommonFlags) => {
    if (level !== 'hostname')
      throw new CliError(2, 'Only an association can be void: countersign level void hostname NAME.');
    return show(flags, (client) => voidAssociation(client, hostname), describe);
  });
  return new Command('level')
    .description('the three levels of origin pulls')
    .addCommand(showCommand)
    .addCommand(set)
    .addCommand(voidCommand);
}

/** Watches origins until enforcing is safe; exit code 1 where it is not within the limit. */
async function watch(client: Client, hostnames: readonly string[], { limit, json }: SetFlags): Promise<void> {
  const seconds = Number(limit);
  if (!Number.isFinite(seconds) || seconds < 0)
    throw new CliError(2, `--limit must be a number of seconds, not "${limit}".`);
  if (hostnames.length === 0)
    throw new CliError(3, 'No hostname of the zone has an origin to watch: countersign origin set HOSTNAME ADDRESS.');
  const watched = await watchUntilProven(client, hostnames, seconds * 1000, {
    now: () => systemClock.now(),
    delay: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    onChange: (text) => process.stderr.write(`${text}\n`),
  });
  const left = watched.filter(({ stage }) => !isProven(stage)).map(({ hostname }) => hostname);
  if (left.length > 0) process.exitCode = 1;
  if (json) printJson({ safe: left.length === 0, hostnames: watched });
  else if (left.length === 0)
    print(
      'Proven: the origins ask for the certificate and let it in. Enforcing is safe: countersign protect HOSTNAME.',
    );
  else print(`Not proven for ${left.join(', ')}: leave the origins as they are.`);
}

async function levels(client: Client, zone: Zone): Promise<Levels> {
  const global = await client.call<{ value: 'on' | 'off' }>('GET', `/zones/${zone.id}/settings/tls_client_auth`);
  const own = await client.call<{ enabled: boolean }>('GET', `/zones/${zone.id}/origin_tls_client_auth/settings`);
  const hostnames = await client.call<Association[]>(
    'GET',
    `/zones/${zone.id}/origin_tls_client_auth/hostnames?status=all&per_page=1000`,
  );
  return { zone: zone.name, global: global.value, zone_level: own.enabled ? 'on' : 'off', hostnames };
}

async function toggle(client: Client, zone: Zone, level: string, value: string): Promise<void> {
  if (value !== 'on' && value !== 'off') throw new CliError(2, `The value must be on or off, not "${value}".`);
  if (level === 'global') await client.call('PATCH', `/zones/${zone.id}/settings/tls_client_auth`, { value });
  else if (level === 'zone')
    await client.call('PUT', `/zones/${zone.id}/origin_tls_client_auth/settings`, { enabled: value === 'on' });
  else throw new CliError(2, `The level must be global, zone or hostname, not "${level}".`);
}

async function associate(
  client: Client,
  zone: Zone,
  hostname: string,
  cert: string | undefined,
  enabled: boolean,
): Promise<void> {
  if (cert === undefined)
    throw new CliError(2, 'Name the certificate with --cert ID: "countersign cert list" shows them.');
  await client.call('PUT', `/zones/${zone.id}/origin_tls_client_auth/hostnames`, {
    config: [{ hostname, cert_id: cert, enabled }],
  });
}

async function voidAssociation(client: Client, hostname: string): Promise<Levels> {
  const zone = await client.zoneOf(hostname);
  const path = `/zones/${zone.id}/origin_tls_client_auth/hostnames`;
  const { cert_id } = await client.call<Association>('GET', `${path}/${encodeURIComponent(hostname)}`);
  await client.call('PUT', path, { config: [{ hostname, cert_id, enabled: null }] });
  return await levels(client, zone);
}

function describe({ zone, global, zone_level, hostnames }: Levels): string {
  const rows = [
    ['LEVEL', 'STATE', 'CERTIFICATE'],
    ...hostnames.map((one) => [
      `hostname ${one.hostname}`,
      one.enabled ? one.status : 'disabled: presents none',
      one.cert_id,
    ]),
    [`zone ${zone}`, zone_level, 'newest deployed of the zone store'],
    ['global', global, 'shared by the installation'],
  ];
  return table(rows);
}
