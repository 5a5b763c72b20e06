import { hostPort } from '../../core/mod.ts';
import { type Generator, LOCAL_BACKEND, type OriginDescription, type Warning } from './description.ts';
import { blocks, comment, dualStack, indent, preamble } from './text.ts';

const TITLE = 'Caddy';
const WARNINGS: readonly Warning[] = [
  {
    cve: 'CVE-2026-27586',
    versions: 'before 2.11.1',
    text: 'with a trust file that is missing or cannot be read the system roots are trusted. Look at the file before each reload, and prove afterwards.',
  },
];

/** Caddy 2.6 or newer. `trusted_ca_cert_file` is what both 2.6 and 2.8+ read; `trust_pool` came with 2.8. */
export const caddy: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/caddy/origin-pull-ca.pem',
    certificate: '/etc/caddy/origin.pem',
    key: '/etc/caddy/origin.key',
    log: '/var/log/caddy/origin-pull.log',
  },
  contents: ['backend', 'files'],
  defaultContent: LOCAL_BACKEND,
  warnings: WARNINGS,
  files: (description) => [{ name: 'Caddyfile', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { addresses, httpsPort, httpPort, hostnames, log } = description;
  return blocks(
    comment(preamble(TITLE, description, WARNINGS)),
    `{
    http_port ${httpPort}
    https_port ${httpsPort}
    default_bind ${dualStack(addresses)
      .map((address) => (address.includes(':') ? `[${address}]` : address))
      .join(' ')}
    # No redirects on the plain port: it has nothing to say.
    auto_https disable_redirects
    servers {
        # The name asked for must be the one of the handshake.
        strict_sni_host on
    }
}`,
    `${hostnames.map((name) => `https://${name}`).join(', ')} {
${indent(tls(description), 4)}
    # Pin: let in one certificate only (its SHA-256, lower-case hexadecimal).
    # @other not vars {http.request.tls.client.fingerprint} 0000000000000000000000000000000000000000000000000000000000000000
    # abort @other
    log {
        output file ${log}
    }
${indent(content(description), 4)}
}`,
    `# Unknown names, or none: the same demand, and no answer.
https:// {
${indent(tls({ ...description, stage: 'enforce' }), 4)}
    abort
}`,
    `# Plain HTTP carries no client certificate: it is refused, never served.
http:// {
    abort
}`,
  );
}

function tls({ certificate, key, trust, stage }: OriginDescription): string {
  const auth =
    stage === 'enforce'
      ? `mode require_and_verify
        # From 2.8 on: trust_pool file ${trust}
        trusted_ca_cert_file ${trust}`
      : `# Asks, and verifies nothing: compare issuer and fingerprint in the log with what the edge presents.
        mode request`;
  return `tls ${certificate} ${key} {
    protocols tls1.2 tls1.3
    client_auth {
        ${auth}
    }
}`;
}

function content({ content }: OriginDescription): string {
  if (content.kind === 'files') return `root * ${content.root}\nfile_server`;
  return `reverse_proxy ${hostPort(content.host, content.port)} {
    # For the application. Set here always: what came under these names from outside is overwritten.
    # Where none was shown, they hold the braces as they stand here.
    header_up X-Client-Subject {http.request.tls.client.subject}
    header_up X-Client-Issuer {http.request.tls.client.issuer}
    header_up X-Client-Fingerprint {http.request.tls.client.fingerprint}
}`;
}
