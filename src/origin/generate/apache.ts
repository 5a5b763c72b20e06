import { hostPort } from '../../core/mod.ts';
import { type Generator, LOCAL_BACKEND, type OriginDescription, type Warning } from './description.ts';
import { blocks, comment, indent, preamble } from './text.ts';

const TITLE = 'Apache httpd';
const WARNINGS: readonly Warning[] = [
  {
    cve: 'CVE-2025-23048',
    versions: '2.4.35 to 2.4.63',
    text: 'a TLS 1.3 session of one virtual host resumes at another that trusts another CA. Update to 2.4.64 or newer.',
  },
];

/** Apache httpd 2.4.35 or newer with mod_ssl and mod_headers, read before all other virtual hosts. */
export const apache: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/apache2/origin-pull-ca.pem',
    certificate: '/etc/apache2/origin.pem',
    key: '/etc/apache2/origin.key',
    log: '/var/log/apache2/origin-pull.log',
  },
  contents: ['backend', 'files'],
  defaultContent: LOCAL_BACKEND,
  warnings: WARNINGS,
  files: (description) => [{ name: 'origin-pull.conf', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { stage, httpsPort, httpPort, hostnames, log } = description;
  const [first, ...others] = hostnames;
  return blocks(
    comment(preamble(TITLE, description, WARNINGS)),
    comment([
      `Needs mod_ssl and mod_headers${description.content.kind === 'backend' ? ', mod_proxy, mod_proxy_http' : ''}; mod_http2 if it is there.`,
      `Needs "Listen ${httpsPort}" and "Listen ${httpPort}" (Debian: ports.conf), for IPv4 and IPv6 alike, and a name that sorts before`,
      'every other site, as 000-origin-pull.conf: the first virtual host of an address answers for all unknown names.',
      'A virtual host for one address, as <VirtualHost 192.0.2.1:443>, would go before these: there must be none.',
    ]),
    `# Without a server name, or with another one than the request's, nobody gets in.
SSLStrictSNIVHostCheck on
<IfDirective SSLVHostSNIPolicy>
    SSLVHostSNIPolicy strict
</IfDirective>`,
    `# Unknown names: refused in the handshake without a certificate, and with 403 with one.
<VirtualHost *:${httpsPort}>
    ServerName unknown.invalid
${indent(tls(description), 4)}
    SSLVerifyClient require
    <Location "/">
        Require all denied
    </Location>
</VirtualHost>`,
    `# Plain HTTP carries no client certificate: it is refused, never served.
<VirtualHost *:${httpPort}>
    ServerName unknown.invalid
    ServerAlias ${hostnames.join(' ')}
    <Location "/">
        Require all denied
    </Location>
</VirtualHost>`,
    `<VirtualHost *:${httpsPort}>
    ServerName ${first}${others.length === 0 ? '' : `\n    ServerAlias ${others.join(' ')}`}
    Protocols h2 http/1.1
${indent(tls(description), 4)}
${
  stage === 'enforce'
    ? '    SSLVerifyClient require'
    : `    # "optional" would refuse a certificate of an unknown CA in the handshake. This lets it in and reports GENEROUS or
    # FAILED; only one whose dates are wrong is refused even now.
    SSLVerifyClient optional_no_ca`
}
    # Pin: let in one subject only, written as the log shows it.
    # <Location "/">
    #     Require expr "%{SSL_CLIENT_S_DN} == 'CN=the edge'"
    # </Location>

    CustomLog ${log} "%t %a sni=%{SSL_TLS_SNI}x host=%{Host}i verify=%{SSL_CLIENT_VERIFY}x subject=\\"%{SSL_CLIENT_S_DN}x\\" %>s \\"%r\\""
${indent(content(description), 4)}
</VirtualHost>`,
  );
}

function tls({ certificate, key, trust }: OriginDescription): string {
  return `SSLEngine on
SSLProtocol -all +TLSv1.2 +TLSv1.3
SSLCertificateFile ${certificate}
SSLCertificateKeyFile ${key}
# A session is an identity. With no SSLSessionCache in another file (Debian: mods-available/ssl.conf) none is kept at all.
SSLSessionTickets off
SSLCACertificateFile ${trust}
# A leaf directly under the CA; one more for each intermediate between them.
SSLVerifyDepth 1`;
}

function content({ content }: OriginDescription): string {
  if (content.kind === 'files')
    return `DocumentRoot ${content.root}
<Directory ${content.root}>
    Require all granted
</Directory>`;
  const backend = `http://${hostPort(content.host, content.port)}/`;
  return `ProxyPreserveHost On
ProxyPass "/" "${backend}" upgrade=websocket
RequestHeader set X-Forwarded-Proto https
# For the application. Set here always: what came under these names from outside is overwritten.
RequestHeader set X-Client-Verify "%{SSL_CLIENT_VERIFY}s"
RequestHeader set X-Client-Subject "%{SSL_CLIENT_S_DN}s"`;
}
