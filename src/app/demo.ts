import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  changeSettings,
  findZone,
  init,
  putAssociations,
  putOrigin,
  setZoneLevel,
  uploadCertificate,
} from '../control/mod.ts';
import { type Issuer, issueClientCa, issueClientCertificate } from '../x509/mod.ts';
import type { DemoOriginSettings } from './demo-origin.ts';
import type { Running } from './up.ts';

/** A running demo. */
export interface Demo {
  readonly zone: { readonly id: string; readonly name: string };
  /** One a level: hostname, zone, global. */
  readonly hostnames: readonly [string, string, string];
  /** `host:port` */
  readonly origin: string;
  stop(): void;
}

const ORIGIN = fileURLToPath(new URL('./demo-origin.ts', import.meta.url));
const ZONE = 'demo.localhost';
const HOSTNAMES = [`hostname.${ZONE}`, `zone.${ZONE}`, `global.${ZONE}`] as const;
// With the zone level on, no hostname of the zone is left for the global one: it gets a zone of its own.
const GLOBAL_ZONE = HOSTNAMES[2];
const CAUSE = { actor: 'demo', source: '' };

interface DemoFiles {
  readonly ca: string;
  readonly strangerCertificate: string;
  readonly strangerKey: string;
}

/** Starts an origin that demands client certificates, and makes a zone with three hostnames for it, one a level. */
export async function startDemo(running: Running, accountId: string): Promise<Demo> {
  const { plane } = running;
  const { context } = plane;
  const { zones } = await init(context, { accountId, zones: [{ name: ZONE }, { name: GLOBAL_ZONE }] });
  const [zone, globalZone] = [(await findZone(context, zones[0]!.id))!, (await findZone(context, zones[1]!.id))!];
  const files = await demoFiles(running, zone);
  const server = await plane.serverCertificates.issueFor(HOSTNAMES);
  const { child, port } = await spawnOrigin({
    ...server,
    clientCas: [files.ca, plane.installation.originPullCa],
    trust: { [HOSTNAMES[0]]: files.ca, [HOSTNAMES[1]]: files.ca, [HOSTNAMES[2]]: plane.installation.originPullCa },
  });
  const origin = { address: '127.0.0.1', https_port: port, http_port: port, sni: null, host_header: null };
  for (const [of, hostname] of [
    [zone, HOSTNAMES[0]],
    [zone, HOSTNAMES[1]],
    [globalZone, HOSTNAMES[2]],
  ] as const) {
    await changeSettings(context, CAUSE, of, [{ id: 'ssl', value: 'strict', pointer: '' }]);
    await putOrigin(context, CAUSE, of, { hostname, ...origin });
  }
  await setZoneLevel(context, CAUSE, zone, true);
  await changeSettings(context, CAUSE, globalZone, [{ id: 'tls_client_auth', value: 'on', pointer: '' }]);
  return {
    zone: { id: zone.id, name: zone.name },
    hostnames: HOSTNAMES,
    origin: `127.0.0.1:${port}`,
    stop: () => child.kill('SIGTERM'),
  };
}

/** The demo's own CA and a stranger's certificate; where they are not there yet, the certificates are uploaded too. */
async function demoFiles(
  { plane }: Running,
  zone: NonNullable<Awaited<ReturnType<typeof findZone>>>,
): Promise<DemoFiles> {
  const directory = join(plane.directory.path, 'demo');
  const paths = {
    ca: join(directory, 'client-ca.pem'),
    strangerCertificate: join(directory, 'stranger.pem'),
    strangerKey: join(directory, 'stranger.key'),
  };
  if (!existsSync(paths.strangerKey)) {
    const { context, deployment, installation } = plane;
    const options = { now: context.clock.now(), randomBytes: context.random.bytes, installationId: installation.id };
    const leaf = (ca: Issuer, name: string) => issueClientCertificate(ca, name, options);
    const ca = await issueClientCa('Demo team CA', options);
    const ofZone = await leaf(ca, 'zone certificate of the demo team');
    const ofHostname = await leaf(ca, `certificate for ${HOSTNAMES[0]}`);
    const stranger = await leaf(await issueClientCa('Stranger CA', options), 'stranger');
    await uploadCertificate(context, deployment, CAUSE, zone, 'zone', ofZone);
    const { row } = await uploadCertificate(context, deployment, CAUSE, zone, 'hostname', ofHostname);
    await putAssociations(context, deployment, CAUSE, zone, [
      { hostname: HOSTNAMES[0], certId: row.id, enabled: true },
    ]);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(paths.ca, ca.certificate);
    writeFileSync(paths.strangerCertificate, stranger.certificate);
    writeFileSync(paths.strangerKey, stranger.privateKey, { mode: 0o600 });
  }
  return {
    ca: readFileSync(paths.ca, 'utf8'),
    strangerCertificate: readFileSync(paths.strangerCertificate, 'utf8'),
    strangerKey: readFileSync(paths.strangerKey, 'utf8'),
  };
}

function spawnOrigin(settings: DemoOriginSettings): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [ORIGIN], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify(settings)}\n`);
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the demo origin ended with ${code}`)));
    child.stdout.once('data', (data: Buffer) => resolve({ child, port: Number(String(data)) }));
  });
}

/** One line of the demo's table. */
export interface DemoCheck {
  readonly request: string;
  readonly expected: string;
  readonly got: string;
  readonly ok: boolean;
}

/** Shows that each hostname answers through the edge with the right certificate, and that direct calls are refused. */
export async function runDemoChecks(running: Running, demo: Demo): Promise<DemoCheck[]> {
  const { directory, installation } = running.plane;
  const files = {
    cert: readFileSync(join(directory.path, 'demo', 'stranger.pem'), 'utf8'),
    key: readFileSync(join(directory.path, 'demo', 'stranger.key'), 'utf8'),
  };
  const subjects = [
    `certificate for ${demo.hostnames[0]}`,
    'zone certificate of the demo team',
    'origin-pull.countersign',
  ];
  const checks: DemoCheck[] = [];
  for (const [i, hostname] of demo.hostnames.entries()) {
    const got = await get(running.edge.https, hostname, { ca: installation.root });
    const expected = `CN=${subjects[i]}`;
    checks.push({ request: `edge    ${hostname}`, expected: `200, ${expected}`, got, ok: got === `200, ${expected}` });
  }
  const [hostname] = demo.hostnames;
  for (const [who, identity] of [
    ['without a certificate', {}],
    ["with a stranger's", files],
  ] as const) {
    const got = await get(demo.origin, hostname, { ca: installation.root, ...identity });
    checks.push({ request: `direct  ${hostname} ${who}`, expected: 'refused', got, ok: got.startsWith('refused') });
  }
  return checks;
}

function get(address: string, hostname: string, tls: { ca: string; cert?: string; key?: string }): Promise<string> {
  const at = address.lastIndexOf(':');
  return new Promise((resolve) => {
    const call = request(
      {
        host: address.slice(0, at),
        port: Number(address.slice(at + 1)),
        servername: hostname,
        headers: { Host: hostname },
        agent: false,
        timeout: 5_000,
        ...tls,
      },
      (response) => {
        let text = '';
        response.on('data', (data) => {
          text += data;
        });
        response.on('end', () => resolve(`${response.statusCode}, ${subjectOf(text)}`));
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer in 5 s')));
    call.on('error', (error: NodeJS.ErrnoException) => resolve(`refused (${error.code ?? error.message})`));
    call.end();
  });
}

function subjectOf(text: string): string {
  try {
    return (
      (JSON.parse(text) as { client_certificate?: { subject?: string } }).client_certificate?.subject ??
      'no certificate'
    );
  } catch {
    return 'no certificate';
  }
}
