// Does it stay well for long? Mixed load at a moderate rate while identities change all the time: no request may fail, and memory
// must stay flat.
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Certificates, ECHO_HOSTNAME, makeCertificates } from './harness/certificates.ts';
import { type EchoOrigin, fingerprintText, startEchoOrigin } from './harness/echo-origin.ts';
import { ExpectedIdentity } from './harness/expected-identity.ts';
import { startNginxOrigin } from './harness/nginx.ts';
import { cpuMicroseconds, freePorts, residentMiB } from './harness/processes.ts';
import { type Product, type Runtime, startProduct } from './harness/product.ts';
import { Rotation } from './harness/rotation.ts';
import { table } from './harness/statistics.ts';
import { KINDS, Tally } from './harness/tally.ts';
import { MEBIBYTE, startVisitors } from './harness/visitors.ts';

/** How long a soak takes. */
export interface SoakOptions {
  readonly runtimes: readonly Runtime[];
  /** Of each runtime. */
  readonly seconds: number;
}

/** What a soak shows: its tables, and whether all went well. */
export interface SoakReport {
  readonly text: string;
  readonly isGood: boolean;
}

/** Resident memory of the processes in MiB, at one time. */
type Sample = readonly number[];

const WORKERS = 2;
const CHANGE_EVERY = 4_000;
const SAMPLE_EVERY = 2_000;
const REPORT_EVERY = 60_000;
/** Memory is flat where no process's mean of the last quarter is more than this above its mean of the second quarter. */
const FLAT = 0.15;

/** Soaks each runtime in turn, with two workers. */
export async function soak({ runtimes, seconds }: SoakOptions): Promise<SoakReport> {
  const reports: SoakReport[] = [];
  for (const runtime of runtimes) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-soak-'));
    const certificates = await makeCertificates(directory);
    const [originPort] = (await freePorts(1)) as [number];
    const nginx = await startNginxOrigin(certificates, originPort);
    const echo = await startEchoOrigin(certificates, MEBIBYTE);
    const product = await startProduct(runtime, certificates, originPort, { workers: WORKERS });
    try {
      reports.push(await soakOne(runtime, certificates, product, echo, seconds));
    } finally {
      await Promise.all([product.stop(), nginx.stop()]);
      echo.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return { text: reports.map(({ text }) => text).join('\n\n'), isGood: reports.every(({ isGood }) => isGood) };
}

async function soakOne(
  runtime: Runtime,
  certificates: Certificates,
  product: Product,
  echo: EchoOrigin,
  seconds: number,
): Promise<SoakReport> {
  await product.call('PUT', `/zones/${product.zoneId}/countersign/origins/${ECHO_HOSTNAME}`, {
    address: '127.0.0.1',
    https_port: echo.port,
  });
  const say = (text: string) => process.stderr.write(`${runtime.name} ${text}\n`);
  const tally = new Tally(say);
  const first = new X509Certificate(certificates.client.certificate);
  const expected = new ExpectedIdentity(fingerprintText(first.fingerprint));
  const rotation = await Rotation.begin(product, certificates, expected);
  const startedAt = performance.now();
  const cpuBefore = cpuMicroseconds(product.pid);
  const isOver = () => performance.now() - startedAt >= seconds * 1000;
  const pids = [...product.workers, product.pid];
  const samples: Sample[] = [];
  const minute = () => {
    const took = Math.round((performance.now() - startedAt) / 1000);
    const requests = KINDS.map((kind) => `${kind} ${tally.requests[kind]}`).join(', ');
    const [rss, sockets] = [pids.map((pid) => residentMiB(pid).toFixed(0)), product.workers.map(openSockets)];
    say(
      `${took} s: ${requests}; ${tally.failed} failed, ${tally.retries} sent again; ` +
        `RSS MiB ${rss.slice(0, -1).join(' + ')}, control ${rss.at(-1)}; connections ${sockets.join(' + ')}`,
    );
  };
  const again = async (period: number, work: () => unknown) => {
    while (!isOver()) {
      await wait(Math.min(period, Math.max(0, startedAt + seconds * 1000 - performance.now())));
      await work();
    }
  };
  await Promise.all([
    startVisitors({
      port: product.httpsPort,
      ca: readFileSync(product.rootCaFile, 'utf8'),
      tally,
      expected,
      isOver,
    }),
    again(CHANGE_EVERY, () => tally.count('change', () => rotation.next())),
    again(SAMPLE_EVERY, () => samples.push(pids.map((pid) => residentMiB(pid)))),
    again(REPORT_EVERY, minute),
  ]);
  const cpu = (cpuMicroseconds(product.pid) - cpuBefore) / 1e6 / seconds;
  return report(runtime, tally, samples, { seconds, cpu });
}

function report(
  { name }: Runtime,
  { requests, failures, failed, retries }: Tally,
  samples: readonly Sample[],
  { seconds, cpu }: { readonly seconds: number; readonly cpu: number },
): SoakReport {
  const quarter = (number: number) =>
    samples.slice(Math.floor((samples.length * (number - 1)) / 4), Math.floor((samples.length * number) / 4));
  const mean = (of: readonly Sample[], process: number) => of.reduce((sum, at) => sum + at[process]!, 0) / of.length;
  const memory = [...Array.from({ length: WORKERS }, (_, i) => `worker ${i + 1}`), 'control'].map((label, process) => {
    const means = [1, 2, 3, 4].map((number) => mean(quarter(number), process));
    const growth = means[3]! / means[1]! - 1;
    return { label, means, growth };
  });
  const isFlat = memory.every(({ growth }) => growth <= FLAT);
  const isUsed = KINDS.every((kind) => requests[kind] > 0);
  const text = [
    table([
      [`${name}, ${seconds} s`, 'requests', 'a second', 'failed'],
      ...KINDS.map((kind) => [
        kind,
        requests[kind].toLocaleString('en'),
        (requests[kind] / seconds).toFixed(0),
        String(failures[kind]),
      ]),
    ]),
    table([
      ['RSS MiB, mean', '1/4', '2/4', '3/4', '4/4', '4/4 to 2/4'],
      ...memory.map(({ label, means, growth }) => [
        label,
        ...means.map((mib) => mib.toFixed(0)),
        `${growth < 0 ? '' : '+'}${(growth * 100).toFixed(1)} %`,
      ]),
    ]),
    `${retries} requests sent again after an idle close; ${cpu.toFixed(2)} CPUs used by the product`,
    `${failed === 0 ? 'no request failed' : `${failed} requests failed`}; memory is ${isFlat ? '' : 'not '}flat (at most +${FLAT * 100} %)`,
  ].join('\n\n');
  return { text, isGood: failed === 0 && isFlat && isUsed };
}

/** Sockets that a process has open: of visitors, of origins, and a few of its own. */
function openSockets(pid: number): number {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).filter((fd) => linkOf(join(directory, fd)).startsWith('socket:')).length;
}

/** Where a link leads; the empty text where it is gone meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
