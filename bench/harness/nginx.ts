import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificates, HOSTNAME } from './certificates.ts';
import { type Program, reachable, start } from './processes.ts';

/** The one cipher suite of every connection, so that all proxies encrypt alike. */
export const SUITE = 'TLS_AES_128_GCM_SHA256';

/**
 * An nginx origin that demands a client certificate, one worker; `/1k` and `/10m` are that large, `/upload` takes what is
 * sent; `/who` (1 KiB) and `/1m` tell in `X-Client` the fingerprint of the client certificate.
 */
export async function startNginxOrigin(certificates: Certificates, port: number): Promise<Program> {
  // Whoever answers an upload has read it whole: only then does nginx ask the inner server.
  const inner = `unix:${certificates.directory}/inner.sock`;
  const server = `upstream inner { server ${inner}; keepalive 64; }
  server { listen ${inner}; location / { return 200 "taken"; } }
  server {
    listen 127.0.0.1:${port} ssl backlog=4096; server_name ${HOSTNAME};
    ssl_certificate ${certificates.files.origin}; ssl_certificate_key ${certificates.files.origin};
    ssl_client_certificate ${certificates.files.ca}; ssl_verify_client on; ssl_session_cache shared:o:10m;
    ssl_conf_command Ciphersuites ${SUITE}; default_type text/plain;
    location = /1k { return 200 "${'x'.repeat(1024)}"; }
    location = /10m { alias ${certificates.directory}/10m; }
    location = /upload { client_max_body_size 8m; client_body_buffer_size 2m; proxy_pass http://inner; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
    location = /who { add_header X-Client $ssl_client_fingerprint; return 200 "${'x'.repeat(1024)}"; }
    location = /1m { add_header X-Client $ssl_client_fingerprint; alias ${certificates.directory}/1m; } }`;
  writeFileSync(join(certificates.directory, '10m'), 'x'.repeat(10 * 1024 * 1024));
  writeFileSync(join(certificates.directory, '1m'), 'x'.repeat(1024 * 1024));
  return await startNginx('origin', certificates, port, server);
}

/** nginx as proxy, one worker. */
export async function startNginxProxy(certificates: Certificates, port: number, originPort: number): Promise<Program> {
  const { files } = certificates;
  const server = `proxy_buffer_size 16k; proxy_buffers 8 32k; proxy_busy_buffers_size 64k;
  upstream origin { server 127.0.0.1:${originPort}; keepalive 256; keepalive_requests 100000000; keepalive_timeout 600s; }
  server {
    listen 127.0.0.1:${port} ssl http2 backlog=4096; server_name ${HOSTNAME}; client_max_body_size 8m; proxy_request_buffering off;
    ssl_certificate ${files.server}; ssl_certificate_key ${files.server}; ssl_session_cache shared:s:16m;
    location / {
      proxy_pass https://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https;
      proxy_ssl_certificate ${files.client}; proxy_ssl_certificate_key ${files.client};
      proxy_ssl_trusted_certificate ${files.ca}; proxy_ssl_verify on; proxy_ssl_name ${HOSTNAME}; proxy_ssl_server_name on;
      proxy_ssl_protocols TLSv1.2 TLSv1.3; } }`;
  return await startNginx('nginx', certificates, port, server);
}

async function startNginx(name: string, { directory }: Certificates, port: number, http: string): Promise<Program> {
  const prefix = join(directory, name);
  mkdirSync(prefix);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`);
  writeFileSync(
    join(prefix, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root root;' : ''} daemon off; worker_processes 1; worker_rlimit_nofile 65536; pid ${prefix}/pid; error_log stderr error;
events { worker_connections 30000; }
http { ${temporary.join(' ')} access_log off; server_tokens off; keepalive_requests 100000000; keepalive_timeout 600s; tcp_nodelay on;
  ssl_protocols TLSv1.2 TLSv1.3;
  ${http} }`,
  );
  const program = start('nginx', ['-p', prefix, '-e', 'stderr', '-c', join(prefix, 'nginx.conf')]);
  await reachable(program, port);
  return program;
}
