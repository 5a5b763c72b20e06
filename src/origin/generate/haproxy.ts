import { hostPort } from '../../core/mod.ts';
import { type Generator, LOCAL_BACKEND, type OriginDescription } from './description.ts';
import { blocks, comment, preamble } from './text.ts';

const TITLE = 'HAProxy';

/** HAProxy 2.4 or newer. */
export const haproxy: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/haproxy/origin-pull-ca.pem',
    certificate: '/etc/haproxy/origin.pem',
    key: '/etc/haproxy/origin.pem.key',
    log: '127.0.0.1:514',
  },
  contents: ['backend'],
  defaultContent: LOCAL_BACKEND,
  warnings: [],
  files: (description) => [{ name: 'origin-pull.cfg', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { stage, addresses, httpsPort, httpPort, hostnames, certificate, content } = description;
  const names = hostnames.join(' ');
  const backend = content.kind === 'backend' ? hostPort(content.host, content.port) : '';
  return blocks(
    comment(preamble(TITLE, description, [])),
    comment([
      `Certificate and key: both in ${certificate}, or the key beside it in ${certificate}.key.`,
      'No other frontend may bind these addresses: HAProxy would hand it a share of the connections.',
    ]),
    `# A session is an identity: none is kept that could be taken to another name. This is for the whole process.
global
    tune.ssl.cachesize 0`,
    `frontend origin_pull_https
    mode http
    log global
    timeout client 60s
    timeout http-request 10s
    # strict-sni: whoever names no host of the certificate, or none at all, gets no handshake.
${addresses.map((address) => `    bind ${bind(address, httpsPort)} ${tls(description)}`).join('\n')}

    # A certificate may cover more names than these; and the name asked for must be the one of the handshake.
    acl origin_pull_host req.hdr(host),field(1,:),lower -m str ${names}
    acl origin_pull_sni ssl_fc_sni,lower -m str ${names}
    acl origin_pull_same req.hdr(host),field(1,:),lower,strcmp(txn.origin_pull_sni) eq 0
    http-request set-var(txn.origin_pull_sni) ssl_fc_sni,lower
    http-request deny deny_status 421 unless origin_pull_host origin_pull_sni origin_pull_same
${
  stage === 'enforce'
    ? `
    # Once more, for sessions that were resumed.
    http-request deny unless { ssl_c_used } { ssl_c_verify 0 }`
    : ''
}
    # Pin: let in one key pair's certificate only (openssl x509 -in cert.pem -outform DER | sha256sum).
    # http-request deny unless { ssl_c_der,sha2(256),hex -m str -i 0000000000000000000000000000000000000000000000000000000000000000 }

    # For the application. Set here always: what came under these names from outside is overwritten.
    http-request del-header ^x.client.(verify|subject)$ -m reg
    http-request set-header X-Client-Verify NONE
    http-request set-header X-Client-Verify SUCCESS if { ssl_c_used } { ssl_c_verify 0 }
    http-request set-header X-Client-Verify FAILED:%[ssl_c_verify] if { ssl_c_used } !{ ssl_c_verify 0 }
    http-request set-header X-Client-Subject %{+Q}[ssl_c_s_dn] if { ssl_c_used }
    http-request set-header X-Forwarded-Proto https
    http-request set-var(txn.origin_pull_verify) req.hdr(X-Client-Verify)
    log-format "%ci sni=%[ssl_fc_sni] verify=%[var(txn.origin_pull_verify)] subject=%{+Q}[ssl_c_s_dn] %ST %{+Q}r"
    default_backend origin_pull`,
    `# Plain HTTP carries no client certificate: it is refused, never served.
frontend origin_pull_http
    mode http
    timeout client 10s
${addresses.map((address) => `    bind ${bind(address, httpPort)}`).join('\n')}
    http-request deny deny_status 403`,
    `backend origin_pull
    mode http
    timeout connect 5s
    timeout server 60s
    timeout tunnel 1h
    server origin ${backend}`,
  );
}

function bind(address: string, port: number): string {
  // HAProxy takes what stands before the last colon for the address, without brackets.
  return address.includes(':') ? `${address}:${port} v6only` : `${address}:${port}`;
}

function tls({ stage, certificate, trust }: OriginDescription): string {
  const verify = stage === 'enforce' ? 'verify required' : 'verify optional ca-ignore-err all crt-ignore-err all';
  return `ssl crt ${certificate} strict-sni alpn h2,http/1.1 ssl-min-ver TLSv1.2 no-tls-tickets ca-file ${trust} ${verify}`;
}
