import { isIP } from 'node:net';
import { hostname as machineName, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import type { Command } from 'commander';
import { reportKey } from '../../app/mod.ts';
import { parseHostPort } from '../../config/mod.ts';
import type { Examination } from '../../control/mod.ts';
import { canonicalHostname, type DoctorReport } from '../../core/mod.ts';
import {
  ATTEMPT_TIMEOUT,
  type DoctorSubject,
  type Endpoint,
  examine,
  type Pair,
  paceOf,
  type SignedReport,
  signReport,
  writeSigned,
} from '../../origin/mod.ts';
import { systemClock, systemRandom, systemResolve, writeWhole } from '../../platform/mod.ts';
import { type Client, connect } from '../client.ts';
import { type CommonFlags, clientCommand } from '../command.ts';
import { describeReport, VERDICT_CODES } from '../doctor-output.ts';
import { examineHostname } from '../examination.ts';
import { dataPath, read } from '../files.ts';
import { CliError, print, printJson } from '../output.ts';
import { doctorVerifyCommand } from './doctor-verify.ts';

type DoctorFlags = CommonFlags & {
  readonly origin?: string;
  readonly sni?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly previousCert?: string;
  readonly previousKey?: string;
  readonly alsoSni?: readonly string[];
  readonly httpPort?: string;
  readonly host?: string;
  readonly path?: string;
  readonly report?: string;
  readonly every?: string;
};

/** `countersign doctor` */
export function doctorCommand(): Command {
  return clientCommand(
    'doctor [hostname]',
    'prove that an origin refuses everybody but the edge; exit 0 closed, 1 open, 3 could not tell',
  )
    .option('--origin <HOST:PORT>', 'any origin, without a control plane; every address of a name is examined')
    .option('--sni <NAME>', 'server name that the edge asks for')
    .option('--cert <FILE>', 'certificate that the edge presents (PEM); without it nothing can be proven closed')
    .option('--key <FILE>', 'its private key (PEM)')
    .option('--previous-cert <FILE>', 'during a rotation: the certificate before, which must be let in too')
    .option('--previous-key <FILE>', 'its private key')
    .option('--also-sni <NAME...>', 'further server names that the origin may answer to')
    .option('--http-port <N>', 'port of plain HTTP, which must be closed or only redirect (default: 80)')
    .option('--host <NAME>', 'Host header (default: the server name)')
    .option('--path <PATH>', 'what is asked for (default: /)')
    .option('--report <FILE>', 'write a report that is signed with the key in the data directory')
    .option('--every <TIME>', 'with HOSTNAME: let the control plane examine it again, as 15m, 1h, 1d, or off')
    .action(async (hostname: string | undefined, flags: DoctorFlags) => {
      if (hostname === undefined) return await examineDirectly(flags);
      const wrong = ONLY_WITHOUT_HOSTNAME.find((name) => flags[name] !== undefined);
      if (wrong !== undefined)
        throw new CliError(2, `--${flagOf(wrong)} goes with --origin: of ${hostname} the control plane knows it.`);
      return await examineKnown(hostname, flags);
    })
    .addCommand(doctorVerifyCommand());
}

/** What the control plane knows by itself. */
const ONLY_WITHOUT_HOSTNAME = [
  'origin',
  'sni',
  'cert',
  'key',
  'previousCert',
  'previousKey',
  'httpPort',
  'host',
] as const;

/** As the command line has it. */
function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Goes to an origin from here. */
async function examineDirectly(flags: DoctorFlags): Promise<void> {
  if (flags.every !== undefined) throw new CliError(2, '--every goes with a HOSTNAME: the control plane examines it.');
  const subject = await subjectOf(flags);
  const by = `${userInfo().username}@${machineName()}`;
  const report = await examineShown(subject);
  conclude(report, flags, () => signReport(report, reportKey(dataPath(flags.data)), by, systemClock.now()));
}

/** Lets the control plane go to the origin of a hostname of its own. */
async function examineKnown(hostname: string, flags: DoctorFlags): Promise<void> {
  const client = connect(flags);
  const otherNames = (flags.alsoSni ?? []).map((name) => nameOf(name, '--also-sni'));
  if (flags.every !== undefined) return await schedule(client, hostname, otherNames, flags);
  if (process.stderr.isTTY) process.stderr.write(`Examining the origin of ${hostname} …\n`);
  const { report, signed } = await examineHostname(client, hostname, {
    ...(flags.path === undefined ? {} : { path: flags.path }),
    ...(otherNames.length === 0 ? {} : { other_names: otherNames }),
  });
  conclude(report, flags, () => signed);
}

async function schedule(
  client: Client,
  hostname: string,
  otherNames: readonly string[],
  { every, path = '/', json }: DoctorFlags,
): Promise<void> {
  const interval = every === 'off' ? null : secondsOf(every!);
  const zone = await client.zoneOf(hostname);
  const set = await client.call<Examination>(
    'PUT',
    `/zones/${zone.id}/countersign/doctor/${encodeURIComponent(hostname)}`,
    { path, other_names: otherNames, interval },
  );
  if (json) printJson(set);
  else
    print(
      interval === null
        ? `The origin of ${hostname} is not examined by itself any more.`
        : `The origin of ${hostname} is examined every ${every}. What changes is an event, a metric and a line in the log.`,
    );
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function secondsOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw new CliError(2, `--every takes a time, as 15m, 1h or 1d, or off, not "${text}".`);
  return Number(count) * UNITS[unit]!;
}

/** Prints a report, writes it where that is asked for, and sets the exit code. Throws `CliError`. */
function conclude(
  report: DoctorReport,
  { report: file, json }: Pick<DoctorFlags, 'report' | 'json'>,
  sign: () => SignedReport,
): void {
  if (file !== undefined) {
    const signed = sign();
    try {
      writeWhole(file, writeSigned(signed), 0o644);
    } catch (error) {
      throw new CliError(3, `${file} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
    }
  }
  if (json) printJson(report);
  else print(describeReport(report));
  process.exitCode = VERDICT_CODES[report.verdict];
}

/** Examines, and tells on a terminal how far it has come. */
async function examineShown(subject: DoctorSubject): Promise<DoctorReport> {
  const { isTTY } = process.stderr;
  const report = await examine(subject, {
    clock: systemClock,
    randomBytes: systemRandom.bytes,
    delay,
    attemptTimeout: ATTEMPT_TIMEOUT,
    pace: paceOf(subject.endpoints),
    onProgress: (made, most) => {
      if (isTTY) process.stderr.write(`\rattempt ${made} of ${most} at most `);
    },
  });
  if (isTTY) process.stderr.write('\r\x1b[K');
  return report;
}

async function subjectOf(flags: DoctorFlags): Promise<DoctorSubject> {
  if (flags.origin === undefined || flags.sni === undefined)
    throw new CliError(
      2,
      'Name a HOSTNAME of the control plane; or any origin with --origin HOST:PORT, and the server name that the edge asks for with --sni NAME.',
    );
  const serverName = nameOf(flags.sni, '--sni');
  const { path = '/', httpPort = '80' } = flags;
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new CliError(2, '--path must begin with a slash and hold no spaces.');
  return {
    hostname: flags.host === undefined ? serverName : nameOf(flags.host, '--host'),
    serverName,
    level: null,
    endpoints: await endpointsOf(flags.origin),
    httpPort: portOf(httpPort),
    path,
    otherNames: (flags.alsoSni ?? []).map((name) => nameOf(name, '--also-sni')),
    right: pairOf(flags.cert, flags.key, '--cert', '--key'),
    previous: pairOf(flags.previousCert, flags.previousKey, '--previous-cert', '--previous-key'),
    shared: null,
    otherTenant: null,
    expired: null,
  };
}

async function endpointsOf(origin: string): Promise<Endpoint[]> {
  const at = parseHostPort(origin);
  if (at === null || at.port === 0) throw new CliError(2, `--origin must be HOST:PORT, not "${origin}".`);
  const { host, port } = at;
  if (isIP(host) > 0) return [{ address: host, port }];
  const found = await systemResolve(nameOf(host, '--origin')).catch(() => []);
  if (found.length === 0) throw new CliError(3, `${host} has no address: check the name, or name an address.`);
  return [...new Set(found.map(({ address }) => address))].map((address) => ({ address, port }));
}

function nameOf(text: string, flag: string): string {
  const name = canonicalHostname(text);
  if (name === null) throw new CliError(2, `${flag}: "${text}" is not a hostname.`);
  return name;
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new CliError(2, `--http-port must be a port from 1 to 65535, not "${text}".`);
  return port;
}

function pairOf(
  certificateFile: string | undefined,
  keyFile: string | undefined,
  certificateFlag: string,
  keyFlag: string,
): Pair | null {
  if (certificateFile === undefined && keyFile === undefined) return null;
  if (certificateFile === undefined || keyFile === undefined)
    throw new CliError(2, `${certificateFlag} and ${keyFlag} go together.`);
  const pair = { certificate: read(certificateFile), privateKey: read(keyFile) };
  try {
    createSecureContext({ cert: pair.certificate, key: pair.privateKey });
  } catch {
    throw new CliError(2, `${certificateFile} and ${keyFile} are not a certificate and its private key in PEM.`);
  }
  return pair;
}
