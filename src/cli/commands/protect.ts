import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { DoctorReport } from '../../core/mod.ts';
import { GENERATORS, type Generator, type OriginStage, type Stage } from '../../origin/mod.ts';
import { makeDirectory, writeWhole } from '../../platform/mod.ts';
import { ask, choose } from '../ask.ts';
import { type Client, connect, type Zone } from '../client.ts';
import { type CommonFlags, clientCommand } from '../command.ts';
import { examineHostname, STAGE_TEXTS } from '../examination.ts';
import { read } from '../files.ts';
import { CliError, colour, print, printJson } from '../output.ts';
import { nextStep, type ProtectFacts, type ProtectStep } from '../protect-step.ts';
import type { Certificate } from './cert.ts';
import { issue } from './cert-issue.ts';

type Flags = CommonFlags & {
  readonly server?: string;
  readonly certificate?: string;
  readonly dir?: string;
  readonly path: string;
};

/** What the control plane says about a hostname, as far as the way needs it. */
interface Decision {
  readonly origin_scheme: string;
  readonly level: ProtectFacts['level'];
}

/** One run of the command. */
interface Run {
  readonly client: Client;
  readonly zone: Zone;
  readonly hostname: string;
  readonly flags: Flags;
  /** Where what is made for the origin goes. */
  readonly directory: string;
}

/** `countersign protect HOSTNAME`: exit code 0 when the origin is closed, 1 while something is left to do. */
export function protectCommand(): Command {
  return clientCommand(
    'protect <hostname>',
    'walk through all steps until the origin refuses everybody but the edge; run it again to go on',
  )
    .option('--server <NAME>', `what the origin runs: ${Object.keys(GENERATORS).join(', ')}`)
    .option('--certificate <issue|global|CERT,KEY>', 'what the edge presents: a new one, the shared one, or two files')
    .option('--dir <DIR>', 'where files for the origin are written (default: countersign-HOSTNAME)')
    .option('--path <PATH>', 'a path that the origin answers', '/')
    .action(async (hostname: string, flags: Flags) => {
      const client = connect(flags);
      const zone = await client.zoneOf(hostname);
      const directory = resolve(flags.dir ?? `countersign-${hostname}`);
      const { step, report } = await walk({ client, zone, hostname, flags, directory });
      if (flags.json) printJson({ hostname, step, directory, report });
      if (step !== 'done') process.exitCode = 1;
    });
}

/** Takes one step after the other, until the origin is closed or somebody has to do something there. */
async function walk(run: Run): Promise<{ readonly step: ProtectStep; readonly report: DoctorReport | null }> {
  let found: { readonly report: DoctorReport; readonly stage: OriginStage } | null = null;
  for (;;) {
    const facts = await gather(run, found);
    const step = nextStep(facts);
    if (step === 'examine') {
      say(run, `Looking at the origin of ${run.hostname} from outside …`);
      found = await examineHostname(run.client, run.hostname, { path: run.flags.path });
      say(run, `  ${STAGE_TEXTS[found.stage]}. ${found.report.summary}`);
      continue;
    }
    const isTaken = await STEPS[step](run, facts, found?.report ?? null);
    if (!isTaken) return { step, report: found?.report ?? null };
    // Whatever was done, the origin is another now.
    found = null;
  }
}

async function gather(
  { client, zone, hostname }: Run,
  found: { readonly report: DoctorReport; readonly stage: OriginStage } | null,
): Promise<ProtectFacts> {
  const url = encodeURIComponent(`https://${hostname}/`);
  const decision = await client.call<Decision>('GET', `/zones/${zone.id}/countersign/resolve?url=${url}`);
  return {
    hasOrigin: await hasOrigin(client, zone, hostname),
    originScheme: decision.origin_scheme,
    level: decision.level,
    stage: found?.stage ?? null,
    verdict: found?.report.verdict ?? null,
  };
}

async function hasOrigin(client: Client, zone: Zone, hostname: string): Promise<boolean> {
  const origins = await client.call<{ readonly hostname: string }[]>('GET', `/zones/${zone.id}/countersign/origins`);
  const records = await client.call<{ readonly name: string; readonly proxied: boolean }[]>(
    'GET',
    `/zones/${zone.id}/dns_records?per_page=5000`,
  );
  const names = new Set([
    ...origins.map((one) => one.hostname),
    ...records.filter(({ proxied }) => proxied).map(({ name }) => name),
  ]);
  return names.has(hostname) || names.has(`*${hostname.slice(hostname.indexOf('.'))}`);
}

/** Takes a step. False where somebody else has to: what he is to do has been said. */
type TakeStep = (run: Run, facts: ProtectFacts, report: DoctorReport | null) => Promise<boolean>;

const STEPS: Readonly<Record<Exclude<ProtectStep, 'examine'>, TakeStep>> = {
  set_origin: async (run) => {
    const address = await ask(`Where is the origin of ${run.hostname}? Address or name: `);
    if (address === null || address === '')
      return later(run, `Say where the origin is: countersign origin set ${run.hostname} ADDRESS`);
    await run.client.call('PUT', `/zones/${run.zone.id}/countersign/origins/${encodeURIComponent(run.hostname)}`, {
      address,
    });
    return true;
  },
  set_mode: async (run) => {
    const modes = ['strict', 'full'] as const;
    const choice = await choose(
      `${run.zone.name} pulls over plain http, which carries no certificate. Pull over TLS?`,
      ["strict: and verify the origin's certificate", 'full: whatever certificate the origin has', 'not now'],
    );
    const value = choice === null ? undefined : modes[choice];
    if (value === undefined)
      return later(run, `Set the encryption mode of ${run.zone.name} (setting ssl) to strict or full.`);
    await run.client.call('PATCH', `/zones/${run.zone.id}/settings/ssl`, { value });
    return true;
  },
  present,
  reach: (run, _, report) => waitFor(run, [report?.summary ?? 'The origin could not be judged.']),
  observe: (run, facts) => configure(run, 'observe', facts),
  enforce: (run, facts) => configure(run, 'enforce', facts),
  close_doors: (run, _, report) =>
    waitFor(run, [
      'The origin enforces, but not everywhere:',
      ...(report?.findings ?? []).flatMap(({ text, remedy }) => [`  ${text}`, `    ${remedy}`]),
    ]),
  done: async (run) => {
    if (!run.flags.json) {
      print(`${colour('green', 'Closed.')} The origin of ${run.hostname} lets in nobody but the edge.`);
      print(`Keep it so: countersign doctor ${run.hostname} --every 1h`);
    }
    return false;
  },
};

async function present(run: Run): Promise<boolean> {
  const { client, zone, hostname, directory } = run;
  const given = run.flags.certificate ?? (await chooseCertificate());
  if (given === null)
    return later(
      run,
      'Choose what the edge presents: --certificate issue, --certificate global or --certificate CERT,KEY',
    );
  if (given === 'global') {
    await client.call('PATCH', `/zones/${zone.id}/settings/tls_client_auth`, { value: 'on' });
    say(run, `The edge presents the shared certificate to all origins of ${zone.name}.`);
    return true;
  }
  const [certificateFile, keyFile] = given === 'issue' ? await issued(hostname, directory) : given.split(',');
  if (certificateFile === undefined || keyFile === undefined)
    throw new CliError(2, '--certificate takes issue, global, or two files as CERT,KEY.');
  const base = `/zones/${zone.id}/origin_tls_client_auth/hostnames`;
  const certificate = read(certificateFile);
  const stored = await client.call<Certificate[]>('GET', `${base}/certificates`);
  const { id } =
    stored.find((one) => one.certificate.trim() === certificate.trim()) ??
    (await client.call<Certificate>('POST', `${base}/certificates`, { certificate, private_key: read(keyFile) }));
  await client.call('PUT', base, { config: [{ hostname, cert_id: id, enabled: true }] });
  say(run, `The edge presents ${certificateFile} to the origin of ${hostname} (hostname level).`);
  return true;
}

async function chooseCertificate(): Promise<string | null> {
  const choice = await choose('What shall the edge present to the origin?', [
    'a new certificate of a private CA of yours (made here, only for this hostname)',
    'the shared certificate of this installation (proves only "from this installation")',
    'a certificate that you have',
  ]);
  if (choice === null) return null;
  if (choice === 0) return 'issue';
  if (choice === 1) return 'global';
  return `${await ask('File of the certificate (PEM): ')},${await ask('File of its private key (PEM): ')}`;
}

/** A certificate made here; one that an interrupted run made is taken. */
async function issued(hostname: string, directory: string): Promise<[string, string]> {
  const files: [string, string] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  if (!files.every((file) => existsSync(file))) await issue(hostname.slice(0, 64), { out: directory });
  return files;
}

/** Writes the configuration of a stage, and says what to do with it. */
async function configure(run: Run, stage: Stage, facts: ProtectFacts): Promise<boolean> {
  const { hostname, directory } = run;
  const names = Object.keys(GENERATORS);
  const choice = run.flags.server ?? names[(await choose('What does the origin run?', names)) ?? -1];
  if (choice === undefined) return later(run, 'Say what the origin runs, with --server NAME.');
  if (!Object.hasOwn(GENERATORS, choice)) throw new CliError(2, `--server must be one of ${names.join(', ')}.`);
  const generator = GENERATORS[choice]!;
  const { level } = facts;
  makeDirectory(directory, 0o700);
  const files = generator.files({
    hostnames: [hostname],
    level: level === 'none' ? 'global' : level,
    stage,
    ...generator.paths,
    content: generator.defaultContent,
    addresses: ['0.0.0.0', '::'],
    httpsPort: 443,
    httpPort: 80,
  });
  const paths = files.map(({ name, text }) => {
    const path = join(directory, `${stage}-${name.replaceAll('/', '-')}`);
    writeWhole(path, text, 0o644);
    return path;
  });
  return await waitFor(run, [
    stage === 'observe'
      ? 'Let the origin ask for the certificate, and let everybody in for now:'
      : facts.stage === 'unclear'
        ? "Look into the origin's log first: does every request of the edge show the right certificate? Then let it refuse everybody else:"
        : 'The origin asks for the certificate and trusts it. Let it refuse everybody else:',
    `  1. ${trustStep(run, generator, level)}`,
    `  2. Put ${paths.join(', ')} in place (paths and ports as they are there), and reload ${generator.title}.`,
  ]);
}

function trustStep({ directory }: Run, { paths }: Generator, level: ProtectFacts['level']): string {
  const ca = join(directory, 'ca.pem');
  if (level === 'global')
    return `Put the shared CA at ${paths.trust} on the origin: ca/origin-pull.pem of the data directory, and /ssl/static/authenticated_origin_pull_ca.pem of the API.`;
  return existsSync(ca)
    ? `Copy ${ca} to ${paths.trust} on the origin.`
    : `Put the CA of the certificate that is presented at ${paths.trust} on the origin.`;
}

/** Says what is to be done at the origin, and waits for it where somebody sits at the terminal. */
async function waitFor(run: Run, lines: readonly string[]): Promise<boolean> {
  for (const line of lines) say(run, line);
  const answer = await ask('Press Enter when that is done, or Ctrl-C to go on later with the same command. ');
  return answer === null ? later(run, 'Then run the same command again.') : true;
}

async function later(run: Run, text: string): Promise<false> {
  say(run, text);
  return false;
}

/** Text for a person: on stdout, or on stderr where stdout has the JSON. */
function say({ flags }: Run, text: string): void {
  if (flags.json) process.stderr.write(`${text}\n`);
  else print(text);
}
