import { Command } from 'commander';
import type { Client } from '../client.ts';
import { type CommonFlags, clientCommand, show } from '../command.ts';
import { read } from '../files.ts';
import { CliError, table } from '../output.ts';
import { issueCommand } from './cert-issue.ts';
import { rotate } from './cert-rotate.ts';

type CertFlags = CommonFlags & { readonly zone?: string; readonly level: string };

/** An uploaded certificate as the API shows it. */
export interface Certificate {
  readonly id: string;
  readonly status: string;
  readonly issuer: string;
  readonly expires_on: string;
  readonly certificate: string;
}

/** A certificate and the store that holds it. */
type Listed = Certificate & { readonly level: 'zone' | 'hostname' };

/** `countersign cert …` */
export function certCommand(): Command {
  const common = (usage: string, description: string) =>
    clientCommand(usage, description)
      .option('--zone <NAME>', 'the zone (default: the only one)')
      .option('--level <zone|hostname>', 'the store', 'zone');
  const upload = common(
    'upload <certificate-file> <key-file>',
    'upload a client certificate with its private key (PEM)',
  ).action((certificateFile: string, keyFile: string, flags: CertFlags) =>
    show(
      flags,
      async (client) =>
        await client.call<Certificate>('POST', await storePath(client, flags), {
          certificate: read(certificateFile),
          private_key: read(keyFile),
        }),
      ({ id, status }) => `Uploaded as ${id}: ${status}.`,
    ),
  );
  const list = clientCommand('list', 'list the uploaded certificates of a zone')
    .option('--zone <NAME>', 'the zone (default: the only one)')
    .action((flags: CommonFlags & { readonly zone?: string }) =>
      show(flags, (client) => listAll(client, flags.zone), describe),
    );
  const showOne = common('show <id>', 'show one certificate, also a deleted one').action(
    (id: string, flags: CertFlags) =>
      show(
        flags,
        async (client) =>
          await client.call<Certificate>('GET', `${await storePath(client, flags)}/${encodeURIComponent(id)}`),
        (one) =>
          `${one.id}: ${one.status}, expires ${one.expires_on}, issued by ${one.issuer}\n${one.certificate.trimEnd()}`,
      ),
  );
  const remove = common('delete <id>', 'delete a certificate').action((id: string, flags: CertFlags) =>
    show(
      flags,
      async (client) =>
        await client.call<Certificate>('DELETE', `${await storePath(client, flags)}/${encodeURIComponent(id)}`),
      (one) => `${one.id}: ${one.status}.`,
    ),
  );
  const rotation = common(
    'rotate <old-id> <certificate-file> <key-file>',
    'upload a certificate, and when it is deployed let it take the place of another, which is deleted',
  ).action((oldId: string, certificateFile: string, keyFile: string, flags: CertFlags) =>
    show(
      flags,
      async (client) =>
        await rotate(client, await storePath(client, flags), oldId, {
          certificate: read(certificateFile),
          private_key: read(keyFile),
        }),
      ({ id, replaced, hostnames }) => [`${id} took the place of ${replaced}.`, ...hostnames].join('\n  '),
    ),
  );
  return new Command('cert')
    .description('client certificates')
    .addCommand(issueCommand())
    .addCommand(rotation)
    .addCommand(upload)
    .addCommand(list)
    .addCommand(showOne)
    .addCommand(remove);
}

async function storePath(client: Client, { zone, level }: CertFlags): Promise<string> {
  if (level !== 'zone' && level !== 'hostname')
    throw new CliError(2, `--level must be zone or hostname, not "${level}".`);
  const { id } = await client.zone(zone);
  return `/zones/${id}/origin_tls_client_auth${level === 'zone' ? '' : '/hostnames/certificates'}`;
}

async function listAll(client: Client, zone: string | undefined): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (const level of ['hostname', 'zone'] as const) {
    const path = await storePath(client, { ...(zone === undefined ? {} : { zone }), level });
    listed.push(...(await client.call<Certificate[]>('GET', path)).map((one) => ({ ...one, level })));
  }
  return listed;
}

function describe(certificates: readonly Listed[]): string {
  return table([
    ['ID', 'LEVEL', 'STATUS', 'EXPIRES', 'ISSUER'],
    ...certificates.map(({ id, level, status, expires_on, issuer }) => [id, level, status, expires_on, issuer]),
  ]);
}
