import { hostPort } from '../../core/mod.ts';
import { type Generator, LOCAL_BACKEND, type OriginDescription, type Warning } from './description.ts';
import { blocks, comment, dualStack, preamble } from './text.ts';

const TITLE = 'Traefik';
const WARNINGS: readonly Warning[] = [
  {
    cve: 'CVE-2026-32305',
    versions: 'to 2.11.40 and to 3.6.10',
    text: 'a ClientHello in several records is served under the default TLS options. Those demand the certificate too, below; leave it so.',
  },
  {
    cve: 'CVE-2026-53622',
    versions: 'to 3.7.2',
    text: 'over HTTP/3 a wildcard or a name in mixed case is served under the default TLS options. HTTP/3 is off below; leave it so.',
  },
];

/** Traefik 3.4 or newer, with the file provider. */
export const traefik: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/traefik/origin-pull-ca.pem',
    certificate: '/etc/traefik/origin.pem',
    key: '/etc/traefik/origin.key',
    log: '/var/log/traefik/origin-pull.log',
  },
  contents: ['backend'],
  defaultContent: LOCAL_BACKEND,
  warnings: WARNINGS,
  files: (description) => [
    { name: 'traefik.yml', text: install(description) },
    { name: 'origin-pull.yml', text: routing(description) },
  ],
};

function install(description: OriginDescription): string {
  const { httpsPort, httpPort, trust, log } = description;
  const addresses = dualStack(description.addresses);
  const names = addresses.map((_, i) => (i === 0 ? '' : `-${i + 1}`));
  const directory = trust.replace(/[^/]*$/, '');
  return blocks(
    comment(preamble(TITLE, description, WARNINGS)),
    '# The install configuration. Read at the start only.',
    `entryPoints:
${names.map((name, i) => `  origin-pull${name}:\n    address: "${hostPort(addresses[i]!, httpsPort)}"`).join('\n')}
  # Plain HTTP carries no client certificate: the router "plain" refuses it.
${names.map((name, i) => `  plain${name}:\n    address: "${hostPort(addresses[i]!, httpPort)}"`).join('\n')}`,
    `providers:
  file:
    filename: "${directory}origin-pull.yml"
    watch: true`,
    `accessLog:
  filePath: "${log}"
  format: json
  fields:
    headers:
      names:
        X-Forwarded-Tls-Client-Cert-Info: keep`,
  );
}

function routing(description: OriginDescription): string {
  const { certificate, key, hostnames, content } = description;
  const addresses = dualStack(description.addresses);
  const names = (entryPoint: string) => addresses.map((_, i) => (i === 0 ? entryPoint : `${entryPoint}-${i + 1}`));
  const backend = content.kind === 'backend' ? hostPort(content.host, content.port) : '';
  return blocks(
    '# The routing configuration: what is changed here is in use at once.',
    `tls:
  certificates:
    - certFile: "${certificate}"
      keyFile: "${key}"
  options:
    # For every name that no router knows, and for none: the same demand. sniStrict: no handshake without a known name.
    default:
${options({ ...description, stage: 'enforce' })}
    origin-pull:
${options(description)}`,
    `http:
  routers:
    origin-pull:
      rule: "${hostnames.map((name) => `Host(\`${name}\`)`).join(' || ')}"
      entryPoints: [${names('origin-pull').join(', ')}]
      service: origin
      middlewares: [origin-pull]
      tls:
        options: origin-pull
    # All that comes without TLS, on the TLS port too: 403.
    plain:
      rule: "PathPrefix(\`/\`)"
      priority: 1
      entryPoints: [${[...names('plain'), ...names('origin-pull')].join(', ')}]
      service: noop@internal
      middlewares: [nobody]
  middlewares:
    nobody:
      ipAllowList:
        sourceRange: ["255.255.255.255/32"]
    # Tells the application the certificate, in X-Forwarded-Tls-Client-Cert and -Info. Traefik itself removes both where
    # they come from outside.
    origin-pull:
      passTLSClientCert:
        pem: true
        info:
          subject:
            commonName: true
          issuer:
            commonName: true
  services:
    origin:
      loadBalancer:
        servers:
          - url: "http://${backend}"`,
  );
}

function options({ stage, trust }: OriginDescription): string {
  const auth =
    stage === 'enforce'
      ? `      clientAuth:
        clientAuthType: RequireAndVerifyClientCert
        caFiles: ["${trust}"]`
      : `      clientAuth:
        # Asks, and verifies nothing: compare what the log says with what the edge presents.
        clientAuthType: RequestClientCert`;
  return `      minVersion: VersionTLS12
      sniStrict: true
      # A session is an identity: none is kept that could be taken to another name.
      disableSessionTickets: true
${auth}`;
}
