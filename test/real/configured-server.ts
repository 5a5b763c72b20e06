import { spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENERATORS, type OriginDescription } from '../../src/origin/mod.ts';
import { environment, freePorts, nginxPaths, serverDirectory, startProcess } from './server-process.ts';

/** Servers that are started with exactly the text that is generated for them. */
export const CONFIGURED = ['nginx', 'apache', 'haproxy', 'caddy', 'lighttpd', 'traefik', 'envoy'] as const;
/** Those of them that serve files, and one that serves nothing else. */
export const SERVING_FILES = ['nginx', 'apache', 'caddy', 'lighttpd', 'tomcat'] as const;
export type ConfiguredName = (typeof CONFIGURED)[number] | (typeof SERVING_FILES)[number];

/** Where Debian's package has it. */
const TOMCAT = '/usr/share/tomcat10';

const PROBES: Readonly<Record<ConfiguredName, readonly string[]>> = {
  nginx: ['nginx', '-v'],
  apache: ['apache2', '-v'],
  haproxy: ['haproxy', '-v'],
  caddy: ['caddy', 'version'],
  lighttpd: ['lighttpd', '-V'],
  traefik: ['traefik', 'version'],
  envoy: ['envoy', '--version'],
  tomcat: ['java', '-version'],
};

/** Why a server cannot be started here; false where it can. */
export function notInstalled(name: ConfiguredName): string | false {
  const [program, ...args] = PROBES[name];
  if (spawnSync(program!, args, { env: environment }).status !== 0) return `${name} is not installed`;
  if (name === 'tomcat') return existsSync(TOMCAT) ? false : 'tomcat10 is not installed';
  return name === 'lighttpd' && !existsSync('/usr/lib/lighttpd/mod_openssl.so')
    ? 'lighttpd-mod-openssl is not installed'
    : false;
}

/** PEM texts that a description's paths stand for. */
export interface ConfiguredFiles {
  readonly trust: string;
  readonly certificate: string;
  readonly privateKey: string;
}

/** Another name on the same server, as its operator may have it: it demands a certificate of another CA, or none. */
export interface Neighbour {
  readonly hostname: string;
  /** PEM of the CAs that it trusts; null where it asks for no certificate. */
  readonly trust: string | null;
}

/** A server that runs with a generated configuration. */
export interface ConfiguredServer {
  /** Where it serves https, for each address of the description. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** What a test chooses of a description. Paths and ports are chosen here. */
export type Chosen = Pick<OriginDescription, 'hostnames' | 'level' | 'stage' | 'content' | 'addresses'>;

/**
 * Starts a server with the text generated for a description, and with what its package's own main file would hold.
 * `edit` is what a person changes in the text.
 */
export async function startConfigured(
  name: ConfiguredName,
  chosen: Chosen,
  files: ConfiguredFiles,
  neighbours: readonly Neighbour[] = [],
  edit: (text: string) => string = (text) => text,
): Promise<ConfiguredServer> {
  const directory = serverDirectory();
  const path = (file: string) => join(directory, file);
  const [httpsPort, httpPort] = (await freePorts(2)) as [number, number];
  const description: OriginDescription = {
    ...chosen,
    trust: path('ca.pem'),
    certificate: path('server.pem'),
    key: path('server.key'),
    log: path('origin-pull.log'),
    httpsPort,
    httpPort,
  };
  writeFileSync(description.trust, files.trust);
  // HAProxy and lighttpd take certificate and key from one file.
  writeFileSync(description.certificate, files.certificate + files.privateKey, { mode: 0o644 });
  writeFileSync(description.key, files.privateKey, { mode: 0o644 });
  for (const file of GENERATORS[name]!.files(description)) writeFileSync(path(file.name), edit(file.text));
  const command = COMMANDS[name](
    directory,
    description,
    neighbours.map((one) => withFile(directory, one)),
  );
  const ports = name === 'envoy' || name === 'tomcat' ? [httpsPort] : [httpsPort, httpPort];
  const server = await startProcess(command, directory, ports);
  return {
    addresses: description.addresses.map((host) => ({ host, port: httpsPort })),
    httpPort,
    stop: () => server.stop(),
  };
}

interface NeighbourFile {
  readonly hostname: string;
  readonly trust: string | null;
}

function withFile(directory: string, { hostname, trust }: Neighbour): NeighbourFile {
  if (trust === null) return { hostname, trust: null };
  const file = join(directory, `${hostname}.ca.pem`);
  writeFileSync(file, trust);
  return { hostname, trust: file };
}

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address);

type Command = (directory: string, description: OriginDescription, neighbours: readonly NeighbourFile[]) => string[];

const COMMANDS: Readonly<Record<ConfiguredName, Command>> = {
  nginx: (directory, { httpsPort, certificate, key }, neighbours) => {
    const others = neighbours.map(
      ({ hostname, trust }) => `server { listen 127.0.0.1:${httpsPort} ssl; server_name ${hostname};
        ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_session_cache shared:neighbours:1m;
        ${trust === null ? '' : `ssl_client_certificate ${trust}; ssl_verify_client on;`}
        return 200 'neighbour'; }`,
    );
    writeFileSync(
      join(directory, 'nginx.conf'),
      `daemon off; master_process off; pid ${directory}/pid; error_log stderr;
      events {} http { access_log off; ${nginxPaths(directory)} include ${directory}/origin-pull.conf; ${others.join('\n')} }`,
    );
    return ['nginx', '-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')];
  },
  apache: (directory, { httpsPort, httpPort, certificate, key, addresses }, neighbours) => {
    const modules = ['mpm_event', 'ssl', 'headers', 'authz_core', 'socache_shmcb', 'http2', 'proxy', 'proxy_http'];
    const others = neighbours.map(
      ({ hostname, trust }) => `<VirtualHost *:${httpsPort}>
        ServerName ${hostname}
        SSLEngine on
        SSLCertificateFile ${certificate}
        SSLCertificateKeyFile ${key}
        ${trust === null ? '' : `SSLCACertificateFile ${trust}\nSSLVerifyClient require`}
        ErrorDocument 404 neighbour
        DocumentRoot ${directory}/nothing
        <Location "/">
        Require all granted
        </Location>
        </VirtualHost>`,
    );
    // As ports.conf has it: without an address, for IPv4 and IPv6.
    const listen = addresses.includes('::') ? [''] : addresses.map((address) => `${bracketed(address)}:`);
    writeFileSync(
      join(directory, 'apache.conf'),
      `${modules.map((module) => `LoadModule ${module}_module /usr/lib/apache2/modules/mod_${module}.so`).join('\n')}
      ServerRoot ${directory}
      ServerName localhost
      PidFile ${directory}/pid
      ErrorLog ${directory}/error.log
      Mutex file:${directory}
      ${neighbours.length > 0 ? `SSLSessionCache shmcb:${directory}/sessions` : ''}
      ${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
      ${listen.map((address) => `Listen ${address}${httpsPort} https\nListen ${address}${httpPort}`).join('\n')}
      Include ${directory}/origin-pull.conf
      ${others.join('\n')}`,
    );
    return ['apache2', '-d', directory, '-f', join(directory, 'apache.conf'), '-D', 'FOREGROUND'];
  },
  haproxy: (directory, { certificate }, neighbours) => {
    writeFileSync(
      join(directory, 'neighbours.cfg'),
      neighbours
        .map(
          ({ hostname, trust }) => `frontend ${hostname}
  mode http
  timeout client 5s
  bind unix@${directory}/${hostname}.sock ssl crt ${certificate} ${trust === null ? '' : `ca-file ${trust} verify required`}
  http-request return status 200 content-type text/plain string neighbour\n`,
        )
        .join(''),
    );
    return ['haproxy', '-db', '-f', join(directory, 'origin-pull.cfg'), '-f', join(directory, 'neighbours.cfg')];
  },
  caddy: (directory, { certificate, key }, neighbours) => {
    const sites = neighbours.map(
      ({ hostname, trust }) => `https://${hostname} {
  tls ${certificate} ${key} {
    ${trust === null ? '' : `client_auth {\n mode require_and_verify\n trusted_ca_cert_file ${trust}\n }`}
  }
  respond neighbour
}`,
    );
    const main = join(directory, 'Caddyfile');
    if (sites.length > 0) appendFileSync(main, `${sites.join('\n')}\n`);
    return ['env', `XDG_DATA_HOME=${directory}`, `XDG_CONFIG_HOME=${directory}`, `HOME=${directory}`].concat([
      'caddy',
      'run',
      '--config',
      main,
      '--adapter',
      'caddyfile',
    ]);
  },
  lighttpd: (directory, { httpPort, addresses }, neighbours) => {
    const others = neighbours.map(({ hostname, trust }) =>
      trust === null ? '' : `$HTTP["host"] == "${hostname}" { ssl.verifyclient.ca-file = "${trust}" }\n`,
    );
    const plain = addresses.slice(1).map((address) => `$SERVER["socket"] == "[${address}]:${httpPort}" { }`);
    writeFileSync(
      join(directory, 'lighttpd.conf'),
      `server.bind = "${addresses[0]}"\nserver.port = ${httpPort}\nserver.document-root = "${directory}"
${plain.join('\n')}\ninclude "${directory}/origin-pull.conf"\n${others.join('')}`,
    );
    return ['lighttpd', '-D', '-f', join(directory, 'lighttpd.conf')];
  },
  traefik: (directory) => ['traefik', '--configFile', join(directory, 'traefik.yml')],
  envoy: (directory) => [
    'envoy',
    '--use-dynamic-base-id',
    '--log-level',
    'warning',
    '-c',
    join(directory, 'envoy.yaml'),
  ],
  tomcat: (directory, { trust }) => {
    mkdirSync(join(directory, 'conf'));
    mkdirSync(join(directory, 'nothing'));
    renameSync(join(directory, 'server.xml'), join(directory, 'conf', 'server.xml'));
    copyFileSync('/etc/tomcat10/web.xml', join(directory, 'conf', 'web.xml'));
    // The command that the text itself gives.
    const store = trust.replace('.pem', '.p12');
    const { status, stderr } = spawnSync(
      'keytool',
      `-importcert -noprompt -alias ca1 -file ${trust} -keystore ${store} -storetype PKCS12 -storepass changeit`.split(
        ' ',
      ),
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(stderr);
    return [
      'java',
      `-Dcatalina.home=${TOMCAT}`,
      `-Dcatalina.base=${directory}`,
      `-Djava.io.tmpdir=${directory}`,
    ].concat([
      '-cp',
      `${TOMCAT}/bin/bootstrap.jar:${TOMCAT}/bin/tomcat-juli.jar`,
      'org.apache.catalina.startup.Bootstrap',
      'start',
    ]);
  },
};
