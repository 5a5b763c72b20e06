import { closeSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IssuedCertificate } from '../../../src/x509/mod.ts';
import { freePorts, nginxPaths, type ServerName, serverDirectory, startProcess } from '../../real/server-process.ts';

/** A request as an origin counted it. */
export interface Counted {
  /** Tells the connections of one server apart; may come again after a connection is gone. */
  readonly connection: string;
  /** The request's number on its connection, where the server counts. */
  readonly nth: number | null;
  readonly status: number;
  /** Its `CF-Ray`; null where the server found none, or did not come to the fields. */
  readonly ray: string | null;
  /** The request line as the server writes it down. */
  readonly line: string;
}

/** A real origin that logs every request it counts, over plain http (as lenient as it can be) and over TLS (strict). */
export interface CountingServer {
  readonly name: ServerName;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** What was logged since the last call. */
  read(): readonly Counted[];
  stop(): Promise<void>;
}

/**
 * Starts one. It answers every path; those that begin with `/no` with an error. `X-Ray` tells the `CF-Ray` of the
 * request that is answered.
 */
export async function startCountingServer(name: ServerName, certificate: IssuedCertificate): Promise<CountingServer> {
  const directory = serverDirectory();
  mkdirSync(join(directory, 'www'));
  writeFileSync(join(directory, 'www', 'index.html'), 'origin\n');
  writeFileSync(join(directory, 'server.pem'), certificate.certificate + certificate.privateKey);
  const logFile = join(directory, 'access.log');
  // HAProxy writes to stdout, and drops what a pipe does not take at once: it gets the file itself.
  const stdout = openSync(logFile, 'a');
  const [http, https] = (await freePorts(2)) as [number, number];
  const command = COMMANDS[name](directory, http, https);
  const server = await startProcess(command, directory, [http, https], stdout);
  closeSync(stdout);
  const log = openSync(logFile, 'r');
  let rest = '';
  return {
    name,
    httpPort: http,
    httpsPort: https,
    read: () => {
      const lines = (rest + readOn(log)).split('\n');
      rest = lines.pop()!;
      return lines.filter((line) => !CONNECTION_ERROR.test(line)).map(counted);
    },
    stop: () => {
      closeSync(log);
      return server.stop();
    },
  };
}

/** HAProxy's line for a connection without a request: its visitor went away in the middle of the handshake. */
const CONNECTION_ERROR = /^[\d.]+:\d+ \[[^\]]+\] \w+\/\d+: /;

function counted(text: string): Counted {
  const parts = /^([\d:]+) (\d+|-) (\d+) (\S+) (.*)$/.exec(text);
  if (parts === null) throw new Error(`an access log holds ${JSON.stringify(text)}`);
  const [, connection, nth, status, ray, line] = parts;
  return {
    connection: connection!,
    nth: nth === '-' ? null : Number(nth),
    status: Number(status),
    ray: ray === '-' ? null : ray!,
    line: line!,
  };
}

/** What a file holds beyond the part that was read. */
function readOn(file: number): string {
  const chunk = Buffer.alloc(64 * 1024);
  let text = '';
  for (let got = readSync(file, chunk); got > 0; got = readSync(file, chunk)) text += chunk.toString('latin1', 0, got);
  return text;
}

const COMMANDS: Readonly<Record<ServerName, (directory: string, http: number, https: number) => string[]>> = {
  nginx: (directory, http, https) => {
    const answers = `add_header X-Ray $http_cf_ray always;
      location / { return 200 "ray=$http_cf_ray\\n"; }
      location /no { return 404; }
      location /file { alias ${directory}/www/index.html; }`;
    writeFileSync(
      join(directory, 'nginx.conf'),
      `daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
      events { worker_connections 1024; } http { ${nginxPaths(directory)}
      log_format counted '$connection $connection_requests $status $http_cf_ray $request';
      access_log ${directory}/access.log counted; keepalive_requests 50; client_max_body_size 200k;
      server { listen 127.0.0.1:${http}; ignore_invalid_headers off; underscores_in_headers on; merge_slashes off; ${answers} }
      server { listen 127.0.0.1:${https} ssl; ssl_certificate ${directory}/server.pem; ssl_certificate_key ${directory}/server.pem;
        ${answers} } }`,
    );
    return ['nginx', '-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')];
  },
  apache: (directory, http, https) => {
    const modules = ['mpm_event', 'ssl', 'headers', 'authz_core', 'alias', 'socache_shmcb'];
    writeFileSync(
      join(directory, 'apache.conf'),
      `${modules.map((module) => `LoadModule ${module}_module /usr/lib/apache2/modules/mod_${module}.so`).join('\n')}
      ServerRoot ${directory}
      ServerName localhost
      PidFile ${directory}/pid
      ErrorLog ${directory}/error.log
      LogLevel crit
      LogFormat "%{local}p:%{remote}p %k %>s %{CF-Ray}i %r" counted
      CustomLog ${directory}/access.log counted
      Mutex file:${directory}
      ${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
      KeepAlive On
      MaxKeepAliveRequests 50
      KeepAliveTimeout 30
      LimitRequestFieldSize 200000
      LimitRequestLine 20000
      DocumentRoot ${directory}/www
      AliasMatch ^/(ok|file) ${directory}/www/index.html
      <Directory ${directory}/www>
      Require all granted
      </Directory>
      Header always set X-Ray "expr=%{HTTP:CF-Ray}"
      Listen 127.0.0.1:${http}
      Listen 127.0.0.1:${https}
      <VirtualHost 127.0.0.1:${http}>
      HttpProtocolOptions Unsafe LenientMethods Allow0.9
      </VirtualHost>
      <VirtualHost 127.0.0.1:${https}>
      SSLEngine on
      SSLCertificateFile ${directory}/server.pem
      </VirtualHost>`,
    );
    return ['apache2', '-d', directory, '-f', join(directory, 'apache.conf'), '-D', 'FOREGROUND'];
  },
  haproxy: (directory, http, https) => {
    const frontend = (name: string, bind: string, option: string) => `frontend ${name}
  bind 127.0.0.1:${bind}
  ${option}
  http-request set-var(txn.ray) req.hdr(CF-Ray)
  http-request return status 404 hdr X-Ray %[var(txn.ray)] if { path_beg /no }
  http-request return status 200 content-type text/plain lf-string "ray=%[var(txn.ray)]\\n" hdr X-Ray %[var(txn.ray)]`;
    writeFileSync(
      join(directory, 'haproxy.cfg'),
      `global
  maxconn 1000
  # Two threads that log at the same time may lose a line.
  nbthread 1
  log stdout format raw local0
defaults
  mode http
  log global
  option dontlognull
  log-format "%fp:%cp - %ST %[var(txn.ray)] %r"
  timeout connect 5s
  timeout client 30s
  timeout server 30s
${frontend('lenient', String(http), 'option accept-invalid-http-request')}
${frontend('strict', `${https} ssl crt ${directory}/server.pem`, '')}
`,
    );
    return ['haproxy', '-db', '-f', join(directory, 'haproxy.cfg')];
  },
};
