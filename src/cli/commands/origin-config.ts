import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseHostPort } from '../../config/mod.ts';
import { canonicalHostname, LEVELS, type Level } from '../../core/mod.ts';
import {
  type ConfigurationFile,
  type Content,
  GENERATORS,
  type Generator,
  type OriginDescription,
  readTrust,
  STAGES,
  type Stage,
  TrustError,
  type TrustFacts,
  type Warning,
} from '../../origin/mod.ts';
import { systemClock } from '../../platform/mod.ts';
import { apiUrl, type ClientFlags } from '../client.ts';
import { clientCommand } from '../command.ts';
import { CliError, print, printJson } from '../output.ts';

type Flags = ClientFlags & {
  readonly hostname?: readonly string[];
  readonly level: string;
  readonly stage: string;
  readonly trust?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly backend?: string;
  readonly root?: string;
  readonly log?: string;
  readonly listen: readonly string[];
  readonly httpsPort: string;
  readonly httpPort: string;
  readonly json?: boolean;
};

/** Subject of an installation's shared CA (spec/origin-pulls.md 1.12). */
const SHARED_CA = /^CN=origin-pull\.[0-9a-f]{8}\.countersign$/;

/** What `--json` prints. */
interface Result {
  readonly server: string;
  readonly description: OriginDescription;
  readonly files: readonly ConfigurationFile[];
  readonly warnings: readonly Warning[];
  readonly notes: readonly string[];
}

/** `countersign origin config SERVER` */
export function originConfigCommand(): Command {
  return clientCommand('config <server>', `configuration of an origin: ${Object.keys(GENERATORS).join(', ')}`)
    .option('--hostname <NAME...>', 'what the origin answers for')
    .option('--level <LEVEL>', `where the edge's certificate comes from: ${LEVELS.join(', ')}`, 'zone')
    .option('--stage <STAGE>', 'observe (ask, report, let in) or enforce (refuse everybody else)', 'observe')
    .option('--trust <FILE>', 'CAs that the origin trusts, PEM; a path on the origin')
    .option('--certificate <FILE>', "the origin's own certificate with its chain, PEM; a path on the origin")
    .option('--key <FILE>', 'its private key; a path on the origin')
    .option(
      '--backend <HOST:PORT>',
      'where the server passes requests on to (default: 127.0.0.1:8080; in Kubernetes, the Service)',
    )
    .option('--root <DIR>', 'serve these files instead')
    .option('--log <FILE>', 'where the server writes what it was shown')
    .option('--listen <ADDRESS...>', 'addresses to listen on', ['0.0.0.0', '::'])
    .option('--https-port <N>', 'port for https', '443')
    .option('--http-port <N>', 'port for http, which is refused', '80')
    .action(async (server: string, flags: Flags) => {
      const result = await generate(server, flags);
      if (flags.json) return printJson(result);
      process.stderr.write(result.notes.map((note) => `${note}\n`).join(''));
      print(inOne(result.files));
    });
}

async function generate(server: string, flags: Flags): Promise<Result> {
  const generator = Object.hasOwn(GENERATORS, server) ? GENERATORS[server]! : null;
  if (generator === null)
    throw new CliError(2, `"${server}" is not a server that this knows: ${Object.keys(GENERATORS).join(', ')}.`);
  const partial = describe(generator, flags);
  const trust = flags.trust === undefined ? await sharedCa(flags, partial) : ownCa(flags.trust, partial.level);
  const description = { ...partial, trust: path(flags.trust ?? generator.paths.trust, '--trust') };
  return {
    server,
    description,
    files: generator.files(description),
    warnings: generator.warnings,
    notes: trust,
  };
}

function describe(generator: Generator, flags: Flags): OriginDescription {
  const { paths } = generator;
  return {
    hostnames: hostnames(flags.hostname ?? []),
    level: oneOf(LEVELS, flags.level, '--level') satisfies Level,
    stage: oneOf(STAGES, flags.stage, '--stage') satisfies Stage,
    trust: paths.trust,
    certificate: path(flags.certificate ?? paths.certificate, '--certificate'),
    key: path(flags.key ?? paths.key, '--key'),
    content: content(generator, flags),
    addresses: flags.listen.map(address),
    httpsPort: port(flags.httpsPort, '--https-port'),
    httpPort: port(flags.httpPort, '--http-port'),
    log: path(flags.log ?? paths.log, '--log'),
  };
}

/** Looks at a trust file where it can be read here, and says what is worth knowing. */
function ownCa(file: string, level: Level): string[] {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [`${file} was not checked (${code} here): it must be there on the origin before the server reads this.`];
  }
  const { anchors, notes } = check(pem, file);
  const shared = level === 'global' ? [] : anchors.filter(({ subject }) => SHARED_CA.test(subject));
  return [
    ...notes,
    ...shared.map(
      ({ subject }) =>
        `${file} trusts ${subject}, which is shared by all accounts of an installation: at level ${level} the origin should trust your own CA only.`,
    ),
  ];
}

/** The installation's shared CA, and how the origin gets it. */
async function sharedCa(flags: Flags, { level, trust }: OriginDescription): Promise<string[]> {
  if (level !== 'global')
    throw new CliError(
      2,
      `At level ${level} the origin trusts your own CA: name it with --trust FILE ("countersign cert issue" makes one and writes ca.pem).`,
    );
  const url = `${new URL(apiUrl(flags)).origin}/ssl/static/authenticated_origin_pull_ca.pem`;
  let pem: string;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(String(response.status));
    pem = await response.text();
  } catch {
    throw new CliError(
      3,
      `No shared CA at ${url}: start the control plane with "countersign up", name another with --api, or name the file with --trust.`,
    );
  }
  return [...check(pem, url).notes, `Save the shared CA on the origin: curl -fsS -o ${trust} ${url}`];
}

function check(pem: string, from: string): TrustFacts {
  try {
    return readTrust(pem, systemClock.now());
  } catch (error) {
    if (error instanceof TrustError) throw new CliError(2, `${from} cannot be trusted: ${error.message}.`);
    throw error;
  }
}

/** Several files in one text, each under a line with its name. */
function inOne(files: readonly ConfigurationFile[]): string {
  if (files.length === 1) return files[0]!.text.trimEnd();
  return files
    .map(({ name, text }) => `==> ${name} <==\n${text}`)
    .join('\n')
    .trimEnd();
}

function hostnames(names: readonly string[]): string[] {
  if (names.length === 0) throw new CliError(2, 'Name what the origin answers for with --hostname NAME.');
  return names.map((name) => {
    const canonical = canonicalHostname(name);
    if (canonical === null) throw new CliError(2, `"${name}" is not a hostname.`);
    return canonical;
  });
}

function content({ contents, defaultContent, title }: Generator, { backend, root }: Flags): Content {
  if (backend !== undefined && root !== undefined) throw new CliError(2, 'Give --backend or --root, not both.');
  const refuse = (flag: string) => new CliError(2, `${title} takes no ${flag}: leave it out.`);
  if (root !== undefined) {
    if (!contents.includes('files')) throw refuse('--root');
    return { kind: 'files', root: path(root, '--root') };
  }
  if (backend === undefined) return defaultContent;
  if (!contents.includes('backend')) throw refuse('--backend');
  const parsed = parseHostPort(backend);
  if (parsed === null || !/^[\w.:-]+$/.test(parsed.host))
    throw new CliError(2, `--backend must be HOST:PORT, not "${backend}".`);
  return { kind: 'backend', ...parsed };
}

/** A path that no server's configuration language takes for anything else. */
function path(text: string, flag: string): string {
  if (!/^[\w./:\\@+,~-]+$/.test(text))
    throw new CliError(2, `${flag} must be a path of letters, digits and ./:\\@+,~-_, not "${text}".`);
  return text;
}

function address(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (!/^[0-9.]+$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(bare))
    throw new CliError(2, `--listen must be an IPv4 or IPv6 address, not "${text}".`);
  return bare;
}

function oneOf<T extends string>(choices: readonly T[], text: string, flag: string): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new CliError(2, `${flag} must be ${choices.join(' or ')}, not "${text}".`);
  return found;
}

function port(text: string, flag: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65535)
    throw new CliError(2, `${flag} must be a port from 1 to 65535, not "${text}".`);
  return value;
}
