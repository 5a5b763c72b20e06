import { spawnSync } from 'node:child_process';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { DoctorCheck } from '../../src/core/mod.ts';
import type { DoctorSubject } from '../../src/origin/mod.ts';
import { type DoctorCertificates, NAME, OTHER_NAME } from '../doubles/doctor.ts';
import { FORBIDDEN, type Guest, OK, startTlsOrigin } from '../doubles/doctor-origin.ts';
import { httpPort, nginxClosed, type Site, startApache, startHaproxy, startNginx } from './doctor-servers.ts';
import type { ServerName } from './server-process.ts';

/** An origin that is wrong on purpose, in one way. */
export interface WrongOrigin {
  /** What is wrong. */
  readonly fault: string;
  readonly server: ServerName | 'node';
  /** The checks that must come out `open`, and no others. */
  readonly opens: readonly DoctorCheck[];
  /** True where it cannot be built here: the server installed is mended, or the machine has no such address. */
  readonly isImpossible?: () => boolean;
  start(certificates: DoctorCertificates): Promise<RunningOrigin>;
}

/** A wrong origin that runs. */
export interface RunningOrigin {
  readonly port: number;
  readonly changes?: Partial<DoctorSubject>;
  close(): void | Promise<void>;
}

/** nginx that is right but for what `changes` adds to the server of the name, or for another mode or CA. */
function nginx(
  fault: string,
  opens: readonly DoctorCheck[],
  {
    verify = 'on',
    changes = '',
    ca = 'ca-a',
    before = '',
  }: { verify?: string; changes?: string; ca?: string; before?: string },
): WrongOrigin {
  const configure = (site: Site) => before + nginxClosed(site, verify, changes, ca);
  return { fault, server: 'nginx', opens, start: (certificates) => startNginx(certificates, 2, configure, httpPort) };
}

/** nginx with all its `server` blocks. */
function nginxWhole(
  fault: string,
  opens: readonly DoctorCheck[],
  configure: (site: Site) => string,
  changes: (site: Site) => Partial<DoctorSubject> = () => ({}),
): WrongOrigin {
  return { fault, server: 'nginx', opens, start: (certificates) => startNginx(certificates, 1, configure, changes) };
}

/** An application that checks certificates itself, and forgets some guests. */
function node(fault: string, opens: readonly DoctorCheck[], forgets: (guest: Guest) => boolean): WrongOrigin {
  const answer = (guest: Guest) => (guest.isAuthorized || forgets(guest) ? OK : FORBIDDEN);
  return { fault, server: 'node', opens, start: (certificates) => startTlsOrigin(certificates, answer) };
}

/** The server of the name, as it must be, on one address. */
function guarded({ directory, own }: Site, listen: string, name = NAME, ca = 'ca-a', changes = ''): string {
  return `server { listen ${listen} ssl; server_name ${name}; ${own} ssl_client_certificate ${directory}/${ca}.pem; ssl_verify_client on; ${changes} }`;
}

/** A server that asks nobody. */
function unguarded({ own }: Site, listen: string, name = NAME): string {
  return `server { listen ${listen} ssl; server_name ${name}; ${own} }`;
}

const denyUnless = (conditions: string) =>
  `map "$ssl_client_verify:$server_protocol:$ssl_protocol" $denied { default 1; ~^SUCCESS 0; ${conditions} 0; }\n`;

function nginxIsAtLeast(...version: readonly number[]): boolean {
  const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8', env: environment });
  const have = /nginx\/([\d.]+)/.exec(stderr)?.[1]?.split('.').map(Number) ?? [];
  const differing = version.findIndex((part, i) => part !== have[i]);
  return differing < 0 || have[differing]! > version[differing]!;
}

/** What is open where no certificate is asked for. */
const OPEN_TO_ALL: readonly DoctorCheck[] = [
  'none',
  'self_signed',
  'same_subject',
  'expired',
  'shared',
  'other_tenant',
  'upper_case_name',
  'trailing_dot_name',
  'other_name',
  'no_name',
  'address_as_name',
];

/** For each check at least one, with a real server where one goes wrong in that way by itself. */
export const WRONG_ORIGINS: readonly WrongOrigin[] = [
  nginx('verification is optional', ['none', 'upper_case_name', 'trailing_dot_name'], {
    verify: 'optional',
  }),
  nginx('HTTP/2 is not guarded', ['none'], {
    verify: 'optional',
    before: denyUnless('~HTTP/2'),
    changes: 'if ($denied) { return 403; }',
  }),
  nginx('TLS 1.2 is not guarded', ['none', 'upper_case_name', 'trailing_dot_name'], {
    verify: 'optional',
    before: denyUnless('~TLSv1.2$'),
    changes: 'if ($denied) { return 403; }',
  }),
  nginx(
    'visitors without a certificate are redirected, not refused',
    ['none', 'upper_case_name', 'trailing_dot_name'],
    {
      verify: 'optional',
      changes: 'if ($ssl_client_verify != SUCCESS) { return 302 https://login.a.test/; }',
    },
  ),
  node(
    'a certificate that signs itself will do',
    ['self_signed'],
    ({ error }) => error === 'DEPTH_ZERO_SELF_SIGNED_CERT',
  ),
  nginx('names are compared, signatures are not checked', ['same_subject'], {
    verify: 'optional_no_ca',
    changes: 'if ($ssl_client_s_dn != "CN=edge of a") { return 403; }',
  }),
  {
    fault: 'any certificate will do',
    server: 'apache',
    opens: ['self_signed', 'same_subject', 'shared', 'other_tenant'],
    start: (certificates) =>
      startApache(
        certificates,
        1,
        ({ directory, ports, own }) => `Listen 127.0.0.1:${ports[0]}
        SSLStrictSNIVHostCheck on
        <VirtualHost 127.0.0.1:${ports[0]}>
        ServerName ${NAME}\n${own}
        SSLCACertificateFile ${directory}/ca-a.pem
        SSLVerifyClient optional_no_ca
        <If "%{SSL_CLIENT_M_SERIAL} == ''">
        Require all denied
        </If>
        </VirtualHost>`,
      ),
  },
  {
    fault: 'expired certificates are let in',
    server: 'haproxy',
    opens: ['expired'],
    start: (certificates) =>
      startHaproxy(
        certificates,
        1,
        ({ directory, ports, own }) =>
          `bind 127.0.0.1:${ports[0]} ${own} ca-file ${directory}/ca-a.pem verify required crt-ignore-err 10`,
      ),
  },
  nginx('the shared CA is trusted besides', ['shared'], { ca: 'ca-a-shared' }),
  nginx("another tenant's CA is trusted besides", ['other_tenant'], { ca: 'ca-a-b' }),
  node('certificates are checked in full handshakes only', ['resumed_without', 'resumed_other_name'], ({ socket }) =>
    socket.isSessionReused(),
  ),
  {
    ...nginxWhole(
      'two names with a CA each share their sessions (CVE-2025-23419)',
      ['other_tenant', 'resumed_other_name'],
      (site) =>
        `ssl_session_cache shared:both:1m; ssl_session_tickets on;
        ${guarded(site, `127.0.0.1:${site.ports[0]}`, OTHER_NAME, 'ca-b')} ${guarded(site, `127.0.0.1:${site.ports[0]}`)}`,
    ),
    isImpossible: () => nginxIsAtLeast(1, 26, 3),
  },
  node(
    'a name in upper case is unknown',
    ['upper_case_name'],
    ({ error, serverName }) => error === '' && /[A-Z]/.test(serverName),
  ),
  node(
    'a name with a trailing dot is unknown',
    ['trailing_dot_name'],
    ({ error, serverName }) => error === '' && serverName.endsWith('.'),
  ),
  nginxWhole('another server block asks nobody', ['other_name'], (site) => {
    const listen = `127.0.0.1:${site.ports[0]}`;
    return `server { listen ${listen} ssl default_server; ssl_reject_handshake on; } ${guarded(site, listen)} ${unguarded(site, listen, OTHER_NAME)}`;
  }),
  nginxWhole('the default server asks nobody', ['other_name', 'no_name', 'address_as_name'], (site) => {
    const listen = `127.0.0.1:${site.ports[0]}`;
    return `${unguarded(site, `${listen} default_server`, '_')} ${guarded(site, listen)}`;
  }),
  node(
    'whoever names nobody is let in',
    ['no_name'],
    ({ socket, error, serverName }) => error === '' && serverName === '' && !socket.isSessionReused(),
  ),
  node(
    'whoever names an address is let in',
    ['address_as_name'],
    ({ error, serverName }) => error === '' && isIP(serverName) > 0,
  ),
  {
    fault: 'the port of plain HTTP serves the site',
    server: 'nginx',
    opens: ['plain_http'],
    start: (certificates) =>
      startNginx(
        certificates,
        2,
        (site) => `${guarded(site, `127.0.0.1:${site.ports[0]}`)} server { listen 127.0.0.1:${site.ports[1]}; }`,
        httpPort,
      ),
  },
  nginxWhole('plain HTTP on the TLS port is served', ['plain_on_tls_port'], (site) =>
    guarded(site, `127.0.0.1:${site.ports[0]}`, NAME, 'ca-a', 'error_page 497 =200 /index.html;'),
  ),
  {
    ...nginxWhole(
      'IPv6 is not guarded',
      OPEN_TO_ALL,
      (site) => `${guarded(site, `127.0.0.1:${site.ports[0]}`)} ${unguarded(site, `[::1]:${site.ports[0]}`)}`,
      ({ ports }) => ({ endpoints: ['127.0.0.1', '::1'].map((address) => ({ address, port: ports[0]! })) }),
    ),
    isImpossible: () =>
      !Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1')),
  },
  nginxWhole(
    'the second of two addresses is not guarded',
    OPEN_TO_ALL,
    (site) => `${guarded(site, `127.0.0.1:${site.ports[0]}`)} ${unguarded(site, `127.0.0.2:${site.ports[0]}`)}`,
    ({ ports }) => ({ endpoints: ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, port: ports[0]! })) }),
  ),
];
