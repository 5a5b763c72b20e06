import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCa, makeClient, makeServer } from '../../doubles/certificates.ts';
import { seeded } from '../../doubles/random.ts';
import { connectHttp } from '../../doubles/wire.ts';
import { freePorts, nginxPaths, serverDirectory, startProcess } from '../../real/server-process.ts';
import { IdentityChecker } from './checker.ts';
import { startEchoOrigins } from './echo-origin.ts';
import { visit } from './visitor.ts';

/**
 * The control: the same visitors, origins and checker with nginx as the edge, whose client certificate is a variable
 * while its connections and TLS sessions are shared (spec/threats.md 1). A checker that finds nothing here is blind.
 */
export async function fuzzNginx(run: {
  readonly seed: number;
  readonly requests: number;
  readonly keepsConnections: boolean;
}): Promise<IdentityChecker> {
  const draw = seeded(run.seed);
  const ca = await makeCa('CA');
  const origins = await startEchoOrigins(await makeServer(ca, 'origin.test'));
  const directory = serverDirectory();
  const fingerprints: string[] = [];
  for (let i = 0; i < 4; i++) {
    const { certificate, privateKey } = await makeClient(ca, `client ${i}`);
    fingerprints.push(new X509Certificate(certificate).fingerprint256);
    writeFileSync(join(directory, `${i}.pem`), certificate + privateKey, { mode: 0o644 });
  }
  const [port] = await freePorts(1);
  writeFileSync(
    join(directory, 'nginx.conf'),
    configuration(directory, port!, origins.tls12.port, run.keepsConnections),
  );
  const nginx = await startProcess(
    ['nginx', '-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')],
    directory,
    [port!],
  );
  try {
    const checker = new IdentityChecker();
    const visitors = Array.from({ length: 4 }, async () => {
      const visitor = await connectHttp(port!);
      while (checker.requests < run.requests) {
        const who = draw(fingerprints.length);
        const path = `/keep/${draw(1_000_000)}?c=${who}`;
        const rightNow = () => fingerprints[who]!;
        if (!(await visit(visitor, checker, { host: 'www.a.test', path, kind: 'get', rightNow }))) break;
      }
      visitor.socket.destroy();
    });
    await Promise.all(visitors);
    return checker;
  } finally {
    await nginx.stop();
    origins.close();
  }
}

function configuration(directory: string, port: number, originPort: number, keepsConnections: boolean): string {
  return `daemon off; master_process off; pid ${directory}/pid; error_log stderr error;
    events {} http { access_log off; ${nginxPaths(directory)}
      upstream origin { server 127.0.0.1:${originPort}; ${keepsConnections ? 'keepalive 8;' : ''} }
      server { listen 127.0.0.1:${port}; location / {
        proxy_pass https://origin; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_ssl_protocols TLSv1.2; proxy_ssl_server_name on; proxy_ssl_name origin.test;
        proxy_ssl_certificate ${directory}/$arg_c.pem; proxy_ssl_certificate_key ${directory}/$arg_c.pem; } } }`;
}
