import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, nginxPaths, type ServerName, serverDirectory, startProcess } from './server-process.ts';

/** How an origin treats clients: asks for a certificate and goes on without, or refuses everybody else. */
export const MODES = ['accept', 'enforce'] as const;
export const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
export type Mode = (typeof MODES)[number];
export type Version = (typeof VERSIONS)[number];

/** Files that a server needs, PEM. */
export interface ServerFiles {
  readonly certificate: string;
  readonly privateKey: string;
  /** CAs whose clients are trusted. */
  readonly clientCas: string;
}

/** A real server on loopback: one port for each mode and TLS version. */
export interface RealServer {
  readonly port: (mode: Mode, version: Version) => number;
  stop(): Promise<void>;
}

interface Endpoint {
  readonly mode: Mode;
  readonly version: Version;
  readonly port: number;
}

/** Starts a server. It tells in `X-Client` the subject of the certificate that the client presented. */
export async function startServer(name: ServerName, files: ServerFiles): Promise<RealServer> {
  const directory = serverDirectory();
  mkdirSync(join(directory, 'www'));
  writeFileSync(join(directory, 'www', 'index.html'), 'origin\n');
  writeFileSync(join(directory, 'server.pem'), files.certificate + files.privateKey);
  writeFileSync(join(directory, 'ca.pem'), files.clientCas);
  const kinds = MODES.flatMap((mode) => VERSIONS.map((version) => ({ mode, version })));
  const ports = await freePorts(kinds.length);
  const endpoints: Endpoint[] = kinds.map((kind, i) => ({ ...kind, port: ports[i]! }));
  const command = COMMANDS[name](directory, endpoints);
  const server = await startProcess(command, directory, ports);
  return {
    port: (mode, version) => endpoints.find((endpoint) => endpoint.mode === mode && endpoint.version === version)!.port,
    stop: () => server.stop(),
  };
}

const COMMANDS: Readonly<Record<ServerName, (directory: string, endpoints: readonly Endpoint[]) => string[]>> = {
  nginx: (directory, endpoints) => {
    const servers = endpoints.map(
      ({ mode, version, port }) => `server {
        listen 127.0.0.1:${port} ssl; server_name _; root ${directory}/www; ssl_protocols ${version};
        ssl_certificate ${directory}/server.pem; ssl_certificate_key ${directory}/server.pem;
        ssl_client_certificate ${directory}/ca.pem; ssl_verify_client ${mode === 'enforce' ? 'on' : 'optional'};
        add_header X-Client $ssl_client_s_dn always; }`,
    );
    writeFileSync(
      join(directory, 'nginx.conf'),
      `daemon off; master_process off; pid ${directory}/pid; error_log stderr;
      events {} http { access_log off; ${nginxPaths(directory)} ${servers.join('\n')} }`,
    );
    return ['nginx', '-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')];
  },
  apache: (directory, endpoints) => {
    const modules = ['mpm_event', 'ssl', 'headers', 'authz_core', 'socache_shmcb'];
    const hosts = endpoints.map(
      ({ mode, version, port }) => `Listen 127.0.0.1:${port}
        <VirtualHost 127.0.0.1:${port}>
        SSLEngine on
        SSLProtocol -all +${version}
        SSLCertificateFile ${directory}/server.pem
        SSLCACertificateFile ${directory}/ca.pem
        SSLVerifyClient ${mode === 'enforce' ? 'require' : 'optional'}
        Header always set X-Client "%{SSL_CLIENT_S_DN}s"
        </VirtualHost>`,
    );
    writeFileSync(
      join(directory, 'apache.conf'),
      `${modules.map((module) => `LoadModule ${module}_module /usr/lib/apache2/modules/mod_${module}.so`).join('\n')}
      ServerRoot ${directory}
      ServerName localhost
      PidFile ${directory}/pid
      ErrorLog ${directory}/error.log
      Mutex file:${directory}
      ${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
      DocumentRoot ${directory}/www
      <Directory ${directory}/www>
      Require all granted
      </Directory>
      ${hosts.join('\n')}`,
    );
    return ['apache2', '-d', directory, '-f', join(directory, 'apache.conf'), '-D', 'FOREGROUND'];
  },
  haproxy: (directory, endpoints) => {
    const frontends = endpoints.map(
      ({ mode, version, port }) => `frontend f${port}
  bind 127.0.0.1:${port} ssl crt ${directory}/server.pem ca-file ${directory}/ca.pem verify ${mode === 'enforce' ? 'required' : 'optional'} ssl-min-ver ${version} ssl-max-ver ${version}
  http-request return status 200 content-type text/plain string origin hdr X-Client %[ssl_c_s_dn]`,
    );
    writeFileSync(
      join(directory, 'haproxy.cfg'),
      `global\n  maxconn 200\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n${frontends.join('\n')}\n`,
    );
    return ['haproxy', '-db', '-f', join(directory, 'haproxy.cfg')];
  },
};

/** What OpenSSL's client gets for a request: the stranger, or anybody with a certificate. */
export function strangerCall(
  port: number,
  hostname: string,
  certificate?: { readonly certificate: string; readonly privateKey: string },
): string {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  try {
    const identity: string[] = [];
    if (certificate !== undefined) {
      writeFileSync(join(directory, 'pair.pem'), certificate.certificate + certificate.privateKey);
      identity.push('-cert', join(directory, 'pair.pem'), '-key', join(directory, 'pair.pem'));
    }
    const call = spawnSync(
      'openssl',
      ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-servername', hostname, ...identity],
      {
        input: `GET /index.html HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`,
        encoding: 'utf8',
        timeout: 10_000,
      },
    );
    return call.stdout;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
