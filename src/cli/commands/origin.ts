import { Command } from 'commander';
import { type CommonFlags, clientCommand, show } from '../command.ts';
import { CliError, table } from '../output.ts';
import { originConfigCommand } from './origin-config.ts';

interface Origin {
  readonly hostname: string;
  readonly address: string;
  readonly https_port: number;
  readonly http_port: number;
  readonly sni: string | null;
  readonly host_header: string | null;
}

type SetFlags = CommonFlags & {
  readonly httpsPort: string;
  readonly httpPort: string;
  readonly sni?: string;
  readonly hostHeader?: string;
};

/** `countersign origin …` */
export function originCommand(): Command {
  const set = clientCommand(
    'set <hostname> <address>',
    'point a hostname at an origin; the encryption mode decides the scheme',
  )
    .option('--https-port <N>', 'port for https pulls', '443')
    .option('--http-port <N>', 'port for http pulls', '80')
    .option('--sni <NAME>', 'server name for the TLS handshake (default: the hostname)')
    .option('--host-header <NAME>', "Host header (default: the visitor's)")
    .action((hostname: string, address: string, flags: SetFlags) =>
      show(
        flags,
        async (client) => {
          const zone = await client.zoneOf(hostname);
          return await client.call<Origin>(
            'PUT',
            `/zones/${zone.id}/countersign/origins/${encodeURIComponent(hostname)}`,
            {
              address,
              https_port: port(flags.httpsPort, '--https-port'),
              http_port: port(flags.httpPort, '--http-port'),
              sni: flags.sni ?? null,
              host_header: flags.hostHeader ?? null,
            },
          );
        },
        (origin) =>
          `${origin.hostname} is pulled from ${origin.address}, https port ${origin.https_port}, http port ${origin.http_port}.`,
      ),
    );
  const list = clientCommand('list', 'list the origins of a zone')
    .option('--zone <NAME>', 'the zone (default: the only one)')
    .action((flags: CommonFlags & { readonly zone?: string }) =>
      show(
        flags,
        async (client) =>
          await client.call<Origin[]>('GET', `/zones/${(await client.zone(flags.zone)).id}/countersign/origins`),
        (origins) =>
          table([
            ['HOSTNAME', 'ADDRESS', 'HTTPS', 'HTTP', 'SNI', 'HOST'],
            ...origins.map((o) => [
              o.hostname,
              o.address,
              String(o.https_port),
              String(o.http_port),
              o.sni ?? '-',
              o.host_header ?? '-',
            ]),
          ]),
      ),
    );
  return new Command('origin')
    .description('where hostnames are pulled from, and how those servers are configured')
    .addCommand(set)
    .addCommand(list)
    .addCommand(originConfigCommand());
}

function port(text: string, flag: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw new CliError(2, `${flag} must be a port from 1 to 65535, not "${text}".`);
  return value;
}
