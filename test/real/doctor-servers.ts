import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoctorSubject } from '../../src/origin/mod.ts';
import { type DoctorCertificates, NAME } from '../doubles/doctor.ts';
import { freePorts, nginxPaths, type ServerName, serverDirectory, startProcess } from './server-process.ts';

/** A real server whose configuration a test writes itself. */
export interface DoctorServer {
  /** What is examined there. */
  readonly changes: Partial<DoctorSubject>;
  readonly port: number;
  close(): Promise<void>;
}

/** Files of the server, by their absolute paths, and its ports; the first one speaks TLS. */
export interface Site {
  readonly directory: string;
  readonly ports: readonly number[];
  /** Directives for the server's own certificate. */
  readonly own: string;
}

/** Trust stores that configurations name: `ca-a.pem`, `ca-b.pem`, `ca-a-shared.pem`, `ca-a-b.pem`. */
function writeFiles(directory: string, { server, ca, otherCa, sharedCa }: DoctorCertificates): void {
  mkdirSync(join(directory, 'www'));
  for (const [name, text] of [
    ['www/index.html', 'origin\n'],
    ['server.pem', server.certificate + server.privateKey],
    ['ca-a.pem', ca.certificate],
    ['ca-b.pem', otherCa.certificate],
    ['ca-a-shared.pem', ca.certificate + sharedCa.certificate],
    ['ca-a-b.pem', ca.certificate + otherCa.certificate],
  ] as const)
    writeFileSync(join(directory, name), text);
}

type Start = (
  certificates: DoctorCertificates,
  portCount: number,
  configure: (site: Site) => string,
  changes?: (site: Site) => Partial<DoctorSubject>,
) => Promise<DoctorServer>;

const starter =
  (own: (directory: string) => string, command: (site: Site, text: string) => string[]): Start =>
  async (certificates, portCount, configure, changes = () => ({})) => {
    const directory = serverDirectory();
    writeFiles(directory, certificates);
    const ports = await freePorts(portCount);
    const site = { directory, ports, own: own(directory) };
    const server = await startProcess(command(site, configure(site)), directory, ports);
    return { changes: changes(site), port: ports[0]!, close: () => server.stop() };
  };

/** nginx with the `server` blocks given; every block serves the same files. */
export const startNginx = starter(
  (directory) => `ssl_certificate ${directory}/server.pem; ssl_certificate_key ${directory}/server.pem;`,
  ({ directory }, text) => {
    const file = join(directory, 'nginx.conf');
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${directory}/pid; error_log stderr; events {}
      http { access_log off; root ${directory}/www; ${text.includes('ssl_session_tickets') ? '' : 'ssl_session_tickets off;'} ssl_protocols TLSv1.2 TLSv1.3; ${nginxPaths(directory)} ${text} }`,
    );
    return ['nginx', '-p', directory, '-e', 'stderr', '-c', file];
  },
);

/** Apache httpd with the directives given. */
export const startApache = starter(
  (directory) => `SSLEngine on\nSSLCertificateFile ${directory}/server.pem`,
  ({ directory }, text) => {
    const file = join(directory, 'apache.conf');
    const modules = ['mpm_event', 'ssl', 'authz_core', 'socache_shmcb'];
    writeFileSync(
      file,
      `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
      ServerRoot ${directory}\nServerName localhost\nPidFile ${directory}/pid\nErrorLog ${directory}/error.log\nMutex file:${directory}
      ${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
      DocumentRoot ${directory}/www\n${text}`,
    );
    return ['apache2', '-d', directory, '-f', file, '-D', 'FOREGROUND'];
  },
);

/** HAProxy with the `bind` lines given; it answers itself. */
export const startHaproxy = starter(
  (directory) => `ssl crt ${directory}/server.pem`,
  ({ directory }, text) => {
    const file = join(directory, 'haproxy.cfg');
    writeFileSync(
      file,
      `global\n  maxconn 200\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s
frontend origin\n  ${text}\n  http-request return status 200 content-type text/plain string origin\n`,
    );
    return ['haproxy', '-db', '-f', file];
  },
);

/** Configurations that close every door, and what they become when they only observe. */
export const CLOSED: Readonly<
  Record<ServerName, (certificates: DoctorCertificates, isEnforced: boolean) => Promise<DoctorServer>>
> = {
  nginx: (certificates, isEnforced) =>
    startNginx(certificates, 2, (site) => nginxClosed(site, isEnforced ? 'on' : 'optional'), httpPort),
  apache: (certificates, isEnforced) =>
    startApache(
      certificates,
      1,
      ({ directory, ports, own }) => `Listen 127.0.0.1:${ports[0]}
      SSLStrictSNIVHostCheck on
      <VirtualHost 127.0.0.1:${ports[0]}>
      ServerName ${NAME}\n${own}
      SSLCACertificateFile ${directory}/ca-a.pem
      SSLVerifyClient ${isEnforced ? 'require' : 'optional'}
      </VirtualHost>`,
    ),
  haproxy: (certificates, isEnforced) =>
    startHaproxy(
      certificates,
      1,
      ({ directory, ports, own }) =>
        `bind 127.0.0.1:${ports[0]} ${own} ca-file ${directory}/ca-a.pem verify ${isEnforced ? 'required' : 'optional'} alpn h2,http/1.1`,
    ),
};

/** The port of plain HTTP is the site's second one. */
export function httpPort({ ports }: Site): Partial<DoctorSubject> {
  return { httpPort: ports[1]! };
}

/** nginx as it must be, with `changes` to the one server that answers for the name. */
export function nginxClosed({ directory, ports, own }: Site, verify: string, changes = '', ca = 'ca-a'): string {
  return `server { listen 127.0.0.1:${ports[0]} ssl default_server; ssl_reject_handshake on; }
    server { listen 127.0.0.1:${ports[1]} default_server; return 301 https://$host$request_uri; }
    server { listen 127.0.0.1:${ports[0]} ssl http2; server_name ${NAME}; ${own}
      ssl_client_certificate ${directory}/${ca}.pem; ssl_verify_client ${verify}; ${changes} }`;
}
