import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificates, HOSTNAME } from './certificates.ts';
import { type Program, reachable, start } from './processes.ts';

/** HAProxy as proxy, one thread. */
export async function startHaproxy(certificates: Certificates, port: number, originPort: number): Promise<Program> {
  const { directory, files } = certificates;
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 9000
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  http-reuse always
frontend visitors
  bind 127.0.0.1:${port} ssl crt ${files.server} alpn h2,http/1.1
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto https
  default_backend origin
backend origin
  server o 127.0.0.1:${originPort} ssl crt ${files.client} ca-file ${files.ca} verify required sni str(${HOSTNAME}) verifyhost ${HOSTNAME} pool-max-conn 256
`,
  );
  const program = start('haproxy', ['-db', '-f', file]);
  await reachable(program, port);
  return program;
}
