import type { Generator, OriginDescription, Warning } from './description.ts';
import { blocks, dualStack, preamble } from './text.ts';

const TITLE = 'Apache Tomcat';
const WARNINGS: readonly Warning[] = [
  {
    cve: 'CVE-2025-66614',
    versions: '9.0.0 to 9.0.112, 10.1.0 to 10.1.49, 11.0.0 to 11.0.14',
    text: 'the name of the handshake and the Host header may differ, so that one host is served under the demands of another. All hosts below demand the same.',
  },
];

/** Tomcat 9 or newer with JSSE: a whole server.xml. */
export const tomcat: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/tomcat/origin-pull-ca.pem',
    certificate: '/etc/tomcat/origin.pem',
    key: '/etc/tomcat/origin.key',
    log: '/var/log/tomcat',
  },
  contents: ['files'],
  defaultContent: { kind: 'files', root: '/var/lib/tomcat/webapps/ROOT' },
  warnings: WARNINGS,
  files: (description) => [{ name: 'server.xml', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { hostnames, stage, trust, addresses, content, log } = description;
  const root = content.kind === 'files' ? content.root : '';
  const store = trust.replace(/(\.pem)?$/, '.p12');
  const [first, ...others] = hostnames;
  return blocks(
    `<?xml version="1.0" encoding="UTF-8"?>\n${note([...preamble(TITLE, description, WARNINGS), '', 'XML has no two hyphens in a comment: read "- -" as one word of two.'])}`,
    note([
      'Java reads trusted CAs from a key store. Make it of the trust file, once a CA, each under a name of its own:',
      `  keytool -importcert -noprompt -alias ca1 -file ${trust} -keystore ${store} -storetype PKCS12 -storepass changeit`,
      'The password keeps nothing secret here: certificates of CAs are public.',
    ]),
    `<Server port="-1">
  <Service name="Catalina">
    <!-- No connector for plain HTTP, which carries no client certificate. -->
${dualStack(addresses)
  .map((address) => connector(description, address, store))
  .join('\n')}
    <Engine name="Catalina" defaultHost="unknown.invalid">
      <!-- Unknown names. -->
      <Host name="unknown.invalid" appBase="nothing" autoDeploy="false" deployOnStartup="false">
        <Valve className="org.apache.catalina.valves.RemoteAddrValve" deny=".*" denyStatus="421"/>
      </Host>
      <Host name="${first}" appBase="nothing" autoDeploy="false" deployOnStartup="false">
${others.map((name) => `        <Alias>${name}</Alias>\n`).join('')}        <Context path="" docBase="${root}"/>
        <!-- The application sees the certificate in jakarta.servlet.request.X509Certificate (Tomcat 9: javax). -->
        <Valve className="org.apache.catalina.valves.AccessLogValve" directory="${log}" prefix="origin-pull" suffix=".log"
               pattern="%t %a host=%v certificate=%{jakarta.servlet.request.X509Certificate}r %s &quot;%r&quot;"/>
      </Host>
    </Engine>
  </Service>
</Server>`,
    stage === 'enforce'
      ? null
      : note([
          'Java refuses a certificate of an unknown CA in the handshake even where it is optional: in this stage, whoever shows none',
          'gets in, and whoever shows a wrong one does not.',
        ]),
  );
}

function connector(description: OriginDescription, address: string, store: string): string {
  const { hostnames, httpsPort } = description;
  const hosts = ['_default_', ...hostnames].map((name) => sslHost(description, name, store)).join('\n');
  return `    <Connector protocol="org.apache.coyote.http11.Http11NioProtocol" address="${address}" port="${httpsPort}"
               SSLEnabled="true" scheme="https" secure="true">
      <UpgradeProtocol className="org.apache.coyote.http2.Http2Protocol"/>
${hosts}
    </Connector>`;
}

function sslHost({ stage, certificate, key }: OriginDescription, name: string, store: string): string {
  const demand = stage === 'enforce' || name === '_default_' ? 'required' : 'optional';
  return `      <!-- ${name === '_default_' ? 'Unknown names, or none: the demand of the stage enforce.' : 'A session is an identity: it is kept for one second.'} -->
      <SSLHostConfig hostName="${name}" protocols="TLSv1.2+TLSv1.3" certificateVerification="${demand}"
                     certificateVerificationDepth="1" sessionCacheSize="1" sessionTimeout="1"
                     truststoreFile="${store}" truststoreType="PKCS12" truststorePassword="changeit">
        <Certificate certificateFile="${certificate}" certificateKeyFile="${key}"/>
      </SSLHostConfig>`;
}

/** An XML comment: no two hyphens may stand together in it. */
function note(lines: readonly string[]): string {
  return `<!--\n${lines.map((line) => `  ${line.replaceAll('--', '- -')}`.trimEnd()).join('\n')}\n-->`;
}
