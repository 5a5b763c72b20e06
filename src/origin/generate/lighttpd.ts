import { hostPort } from '../../core/mod.ts';
import { type Generator, LOCAL_BACKEND, type OriginDescription } from './description.ts';
import { blocks, comment, indent, namesPattern, preamble } from './text.ts';

const TITLE = 'lighttpd';

/** lighttpd 1.4.60 or newer with mod_openssl. */
export const lighttpd: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/lighttpd/origin-pull-ca.pem',
    certificate: '/etc/lighttpd/origin.pem',
    key: '/etc/lighttpd/origin.key',
    log: '/var/log/lighttpd/origin-pull.log',
  },
  contents: ['backend', 'files'],
  defaultContent: LOCAL_BACKEND,
  warnings: [],
  files: (description) => [{ name: 'origin-pull.conf', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { addresses, httpsPort, hostnames, log } = description;
  const names = `^${namesPattern(hostnames)}(?::[0-9]+)?$`;
  return blocks(
    comment(preamble(TITLE, description, [])),
    `server.modules += ( "mod_openssl", "mod_access", "mod_accesslog", "mod_setenv"${description.content.kind === 'backend' ? ', "mod_proxy"' : ''} )`,
    `# What lighttpd asks for is one for all names of a socket, those that nobody knows included.
${addresses.map((address) => socket(description, `${hostPort(address, httpsPort)}`)).join('\n')}`,
    `# Plain HTTP carries no client certificate: it is refused, never served. And so are unknown names.
$HTTP["scheme"] == "http" {
    url.access-deny = ( "" )
} else $HTTP["host"] !~ "${names}" {
    url.access-deny = ( "" )
} else {
    # NONE, SUCCESS or FAILED:reason. lighttpd cannot tell a backend behind mod_proxy; FastCGI and CGI get SSL_CLIENT_VERIFY.
    accesslog.filename = "${log}"
    accesslog.format = "%t %a host=%V verify=%{SSL_CLIENT_VERIFY}e subject=\\"%{SSL_CLIENT_S_DN}e\\" %s \\"%r\\""
    # Nobody outside says it either.
    setenv.set-request-header = ( "X-Client-Verify" => "", "X-Client-Subject" => "" )
${indent(content(description), 4)}
}`,
  );
}

function socket({ stage, certificate, key, trust }: OriginDescription, address: string): string {
  return `$SERVER["socket"] == "${address}" {
    ssl.engine = "enable"
    # With the chain: to a leaf alone lighttpd looks for issuers in the client CAs, and ends every handshake if there are none.
    ssl.pemfile = "${certificate}"
    ssl.privkey = "${key}"
    # A session is an identity: no ticket is given that could be taken to another name.
    ssl.openssl.ssl-conf-cmd = ( "MinProtocol" => "TLSv1.2", "Options" => "-SessionTicket" )
    ssl.verifyclient.ca-file = "${trust}"
    ssl.verifyclient.activate = "enable"
    ssl.verifyclient.enforce = "${stage === 'enforce' ? 'enable' : 'disable'}"
    ssl.verifyclient.depth = 1
}`;
}

function content({ content }: OriginDescription): string {
  if (content.kind === 'files') return `server.document-root = "${content.root}"`;
  return `proxy.server = ( "" => (( "host" => "${content.host}", "port" => ${content.port} )) )
proxy.header = ( "upgrade" => "enable" )`;
}
