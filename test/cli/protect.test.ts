import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { GENERATORS, type Stage } from '../../src/origin/mod.ts';
import { type DoctorCertificates, makeDoctorCertificates, NAME } from '../doubles/doctor.ts';
import { FREE_PORTS, MAIN, type UpInfo, Workshop } from '../doubles/program.ts';
import { type ConfiguredServer, notInstalled, startConfigured } from '../real/configured-server.ts';
import { freePorts, nginxPaths, type ServerProcess, serverDirectory, startProcess } from '../real/server-process.ts';

const skip = notInstalled('nginx');
const workshop = new Workshop();
const data = workshop.path('data');
const made = workshop.path('made');
let info: UpInfo;
let certificates: DoctorCertificates;
let origin: ConfiguredServer | ServerProcess | null = null;

before(async () => {
  certificates = await makeDoctorCertificates();
  await workshop.run(['init', '--data', data, '--zone', 'a.test']);
  ({ info } = await workshop.up(['--data', data, '--workers', '1', ...FREE_PORTS]));
});
after(() => origin?.stop());

async function run(...args: string[]): Promise<{ code: number | null; text: string }> {
  const { code, stdout, stderr } = await workshop.run([...args, '--data', data]);
  return { code, text: stdout + stderr };
}

/** Points the hostname at an nginx as `origin config` writes it; null for one that asks nobody. */
async function useOrigin(stage: Stage | null, directory = made): Promise<void> {
  await origin?.stop();
  const { server, serverCa } = certificates;
  let ports: [number, number];
  if (stage === null) {
    ports = (await freePorts(2)) as [number, number];
    origin = await startAskingNobody(ports[0]);
  } else {
    const root = join(workshop.path('www'));
    mkdirSync(root);
    writeFileSync(join(root, 'index.html'), 'origin\n');
    const configured = await startConfigured(
      'nginx',
      { hostnames: [NAME], level: 'hostname', stage, content: { kind: 'files', root }, addresses: ['127.0.0.1'] },
      {
        trust: readFileSync(join(directory, 'ca.pem'), 'utf8'),
        certificate: server.certificate + serverCa.certificate,
        privateKey: server.privateKey,
      },
    );
    origin = configured;
    ports = [configured.addresses[0]!.port, configured.httpPort];
  }
  const [https, http] = ports.map(String) as [string, string];
  const set = await run('origin', 'set', NAME, '127.0.0.1', '--https-port', https, '--http-port', http);
  assert.equal(set.code, 0, set.text);
}

function startAskingNobody(port: number): Promise<ServerProcess> {
  const directory = serverDirectory();
  mkdirSync(join(directory, 'www'));
  writeFileSync(join(directory, 'www', 'index.html'), 'origin\n');
  writeFileSync(join(directory, 'server.pem'), certificates.server.certificate + certificates.server.privateKey);
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr; events {}
    http { access_log off; root ${directory}/www; ${nginxPaths(directory)}
    server { listen 127.0.0.1:${port} ssl; ssl_certificate ${directory}/server.pem; ssl_certificate_key ${directory}/server.pem; } }`,
  );
  return startProcess(['nginx', '-p', directory, '-e', 'stderr', '-c', file], directory, [port]);
}

async function setMode(value: string): Promise<void> {
  const headers = { Authorization: `Bearer ${readFileSync(info.tokenFile, 'utf8').trim()}` };
  const { result } = (await (await fetch(`${info.api}/zones`, { headers })).json()) as { result: [{ id: string }] };
  const url = `${info.api}/zones/${result[0].id}/settings/ssl`;
  await fetch(url, { method: 'PATCH', headers, body: JSON.stringify({ value }) });
}

const protect = (...more: string[]) =>
  run('protect', NAME, '--dir', made, '--path', '/index.html', '--server', 'nginx', ...more);

test('each run of protect says what is next, until the origin is closed', { skip }, async () => {
  const nothing = await protect();
  assert.equal(nothing.code, 1);
  assert.match(nothing.text, /countersign origin set www\.a\.test ADDRESS/);

  await useOrigin(null);
  await setMode('flexible');
  assert.match((await protect()).text, /Set the encryption mode of a\.test/);
  await setMode('full');
  const withoutChoice = await protect();
  assert.match(withoutChoice.text, /--certificate issue/);

  const asking = await protect('--certificate', 'issue');
  assert.equal(asking.code, 1, asking.text);
  assert.match(asking.text, /it asks nobody for a certificate/);
  assert.match(asking.text, new RegExp(`Copy ${join(made, 'ca.pem')} to /etc/nginx/origin-pull-ca.pem`));
  assert.match(readFileSync(join(made, 'observe-origin-pull.conf'), 'utf8'), /ssl_verify_client optional;/);
  assert.equal(statSync(join(made, 'key.pem')).mode & 0o777, 0o600);
  assert.doesNotMatch(asking.text, /PRIVATE KEY/);

  // Interrupted, and called again: what was made is taken as it is.
  await run('level', 'void', 'hostname', NAME);
  const again = await protect('--certificate', 'issue');
  assert.equal(again.code, 1);
  assert.match(again.text, /it asks nobody for a certificate/);

  const unproven = await run('level', 'set', 'global', 'off', '--when-proven', '--limit', '0');
  assert.equal(unproven.code, 1, unproven.text);
  assert.match(unproven.text, /Not proven for www\.a\.test/);

  await useOrigin('observe');
  const proven = await run('level', 'set', 'global', 'off', '--when-proven', '--json');
  assert.equal(proven.code, 0, proven.text);
  assert.match(proven.text, /"safe":true,"hostnames":\[\{"hostname":"www.a.test","stage":"observes"\}\]/);
  const observing = await protect();
  assert.equal(observing.code, 1);
  assert.match(observing.text, /trusts its CA, and lets everybody in for now: enforcing is safe/);
  assert.ok(existsSync(join(made, 'enforce-origin-pull.conf')));

  await useOrigin('enforce');
  const closed = await protect();
  assert.equal(closed.code, 0, closed.text);
  assert.match(closed.text, /Closed\. The origin of www\.a\.test lets in nobody but the edge\./);
});

const withoutTerminal = spawnSync('script', ['--version']).status !== 0 && 'script is missing';

test('at a terminal it asks, waits for what is done at the origin, and goes on', {
  skip: skip || withoutTerminal,
}, async () => {
  await useOrigin(null);
  const other = workshop.path('other');
  const words = [process.execPath, MAIN, 'protect', NAME, '--dir', other, '--path', '/index.html', '--data', data];
  await run('level', 'void', 'hostname', NAME);
  const terminal = workshop.exec('script', ['-qfec', words.join(' '), '/dev/null'], { env: { COLUMNS: '200' } });
  const answer = async (question: string, text: string) => {
    await terminal.until(({ stdout }) => stdout.includes(question));
    terminal.stdout = '';
    terminal.child.stdin!.write(text);
  };
  await answer('What shall the edge present to the origin?', '1\r');
  await answer('What does the origin run?', 'no number\r');
  await answer('What does the origin run?', `${Object.keys(GENERATORS).indexOf('nginx') + 1}\r`);
  await terminal.until(({ stdout }) => stdout.includes('Press Enter when that is done'));
  await useOrigin('enforce', other);
  terminal.child.stdin!.write('\r');
  const { code, stdout } = await terminal.finished;
  assert.equal(code, 0, stdout);
  assert.match(stdout, /The origin of www\.a\.test lets in nobody but the edge/);
});

test('doctor HOSTNAME proves it through the control plane, and verify reads its report', { skip }, async () => {
  const report = workshop.path('report');
  const { code, text } = await run('doctor', NAME, '--path', '/index.html', '--report', report);
  assert.equal(code, 0, text);
  assert.match(text, /the shared certificate of the installation .* ok/);
  const verified = await run('doctor', 'verify', report);
  assert.equal(verified.code, 0, verified.text);
  assert.match(verified.text, /^Signed by countersign control plane at .*\nwww\.a\.test, examined at .*: closed\./);
  const events = await run('events', '--source', 'doctor');
  assert.match(events.text, /^\S+ {2}origin_open {2}www\.a\.test {2}doctor {2}Open: .*$/m);
  assert.match(events.text, /^\S+ {2}origin_closed {2}www\.a\.test {2}doctor {2}Closed: .*\n$/m);
  const scheduled = await run('doctor', NAME, '--every', '1h');
  assert.equal(scheduled.code, 0, scheduled.text);
  const wrong = await run('doctor', NAME, '--every', 'often');
  assert.deepEqual([wrong.code, wrong.text], [2, '--every takes a time, as 15m, 1h or 1d, or off, not "often".\n']);
  const mixed = await run('doctor', NAME, '--sni', NAME);
  assert.equal(mixed.code, 2);
});

test('explain and status say whether what is presented is enforced', { skip }, async () => {
  const before = await run('explain', `https://${NAME}/`);
  assert.match(before.text, /Not tried: /);
  const { hostname, port } = new URL(`https://${info.edge.https}`);
  const { status } = await visit(hostname, Number(port));
  assert.equal(status, 200);
  let { text } = await run('explain', `https://${NAME}/`);
  for (let i = 0; i < 50 && text.includes('Not tried: '); i++) ({ text } = await run('explain', `https://${NAME}/`));
  assert.match(text, /Presented and enforced: the origin refused a connection without a certificate\. \(\d{4}-/);
  assert.match((await run('status')).text, /origins +1 refuse who presents no certificate, 0 let in/);
  const { origin: base } = new URL(info.api);
  const metrics = await (await fetch(`${base}/metrics`)).text();
  assert.match(metrics, /^countersign_origin_addresses\{proof="enforced"\} 1$/m);
  assert.match(metrics, /^countersign_doctor_origins\{verdict="closed"\} 1$/m);
});

/** One request of a visitor. */
function visit(host: string, port: number): Promise<{ status: number | undefined }> {
  const options = { host, port, servername: NAME, headers: { Host: NAME }, path: '/index.html', agent: false } as const;
  const ca = readFileSync(info.rootCaFile);
  return new Promise((resolve, reject) => {
    https.get({ ...options, ca }, (response) => resolve({ status: response.resume().statusCode })).on('error', reject);
  });
}
