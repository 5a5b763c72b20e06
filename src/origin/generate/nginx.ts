import { hostPort } from '../../core/mod.ts';
import { type Generator, LOCAL_BACKEND, type OriginDescription, type Warning } from './description.ts';
import { blocks, comment, indent, preamble } from './text.ts';

const TITLE = 'nginx';
const WARNINGS: readonly Warning[] = [
  {
    cve: 'CVE-2025-23419',
    versions: '1.11.4 to 1.26.2 and 1.27.0 to 1.27.3',
    text: 'a session of one server resumes at another that demands a certificate. Tickets and cache are off below for that reason; leave them off.',
  },
  {
    cve: 'CVE-2026-28755',
    versions: '1.27.2 to 1.28.2 and 1.29.0 to 1.29.6',
    text: 'in stream, a certificate that OCSP calls revoked is let in. Terminate TLS in http, as below, not in stream.',
  },
];

/** nginx 1.19.4 or newer, in the context of `http`. */
export const nginx: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/nginx/origin-pull-ca.pem',
    certificate: '/etc/nginx/origin.pem',
    key: '/etc/nginx/origin.key',
    log: '/var/log/nginx/origin-pull.log',
  },
  contents: ['backend', 'files'],
  defaultContent: LOCAL_BACKEND,
  warnings: WARNINGS,
  files: (description) => [{ name: 'origin-pull.conf', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { stage, trust, certificate, key, log, hostnames } = description;
  return blocks(
    comment(preamble(TITLE, description, WARNINGS)),
    `map $http_upgrade $origin_pull_connection { default upgrade; '' ''; }

log_format origin_pull '$time_iso8601 $remote_addr sni=$ssl_server_name host=$host verify=$ssl_client_verify '
                       'subject="$ssl_client_s_dn" $status "$request"';`,
    `# Whoever names another host, or none, gets no handshake. There can be one default server for an address: if another
# file has one, keep this one. nginx before 1.27.4 resumes sessions under the default server's settings.
server {
${listen(description, 'https', ' default_server')}
    ssl_reject_handshake on;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
    return 421;
}`,
    `# Plain HTTP carries no client certificate: it is refused, never served.
server {
${listen(description, 'http', ' default_server')}
    server_name ${hostnames.join(' ')};
    return 444;
}`,
    `server {
    # From 1.25.1 on "http2 on;" says the same as "http2" here, which still works.
${listen(description, 'https', '')}
    server_name ${hostnames.join(' ')};

    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    # A session is an identity: none is kept that could be taken to another name.
    ssl_session_cache off;
    ssl_session_tickets off;

    ssl_client_certificate ${trust};
    # Intermediate CAs between a client's certificate and the trust file; the edge sends none.
    ssl_verify_depth 1;
    ssl_verify_client ${stage === 'enforce' ? 'on' : 'optional'};
    # Pin: let in one subject only, written as the log shows it.
    # if ($ssl_client_s_dn != "CN=the edge") { return 403; }

    access_log ${log} origin_pull;
${indent(content(description), 4)}
}`,
  );
}

function listen({ addresses, httpsPort, httpPort }: OriginDescription, scheme: 'http' | 'https', more: string): string {
  return addresses
    .map((address) => {
      const port = scheme === 'https' ? `${hostPort(address, httpsPort)} ssl http2` : hostPort(address, httpPort);
      return `    listen ${port}${more};`;
    })
    .join('\n');
}

function content({ content, stage }: OriginDescription): string {
  const serve =
    content.kind === 'backend'
      ? `proxy_pass http://${hostPort(content.host, content.port)};`
      : 'try_files $uri $uri/ =404;';
  const observe = `
# nginx answers 400 to a certificate that it cannot verify, even if it is optional. In this stage it is passed on too.
error_page 495 = @unverified;
location @unverified {
    ${serve}
}`;
  const settings =
    content.kind === 'files'
      ? `root ${content.root};`
      : `proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $origin_pull_connection;
proxy_set_header X-Forwarded-Proto https;
# For the application. Set here always: what came under these names from outside is overwritten.
proxy_set_header X-Client-Verify $ssl_client_verify;
proxy_set_header X-Client-Subject $ssl_client_s_dn;`;
  return `${settings}
location / {
    ${serve}
}${stage === 'observe' ? observe : ''}`;
}
