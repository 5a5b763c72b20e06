import { type Generator, LOCAL_BACKEND, type OriginDescription } from './description.ts';
import { blocks, comment, indent, preamble } from './text.ts';

const TITLE = 'Envoy';

/** Envoy 1.27 or newer, as a static bootstrap. */
export const envoy: Generator = {
  title: TITLE,
  paths: {
    trust: '/etc/envoy/origin-pull-ca.pem',
    certificate: '/etc/envoy/origin.pem',
    key: '/etc/envoy/origin.key',
    log: '/var/log/envoy/origin-pull.log',
  },
  contents: ['backend'],
  defaultContent: LOCAL_BACKEND,
  warnings: [],
  files: (description) => [{ name: 'envoy.yaml', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { addresses, httpsPort } = description;
  const backend = description.content.kind === 'backend' ? description.content : { host: '', port: 0 };
  return blocks(
    comment(preamble(TITLE, description, [])),
    '# Nothing listens on the plain port: HTTP carries no client certificate.',
    `static_resources:
  listeners:
    - name: origin_pull
      address: ${socket(addresses[0]!, httpsPort)}
${
  addresses.length === 1
    ? ''
    : `      additional_addresses:\n${addresses
        .slice(1)
        .map((address) => `        - address: ${socket(address, httpsPort)}\n`)
        .join('')}`
}      listener_filters:
        - name: envoy.filters.listener.tls_inspector
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
${indent(filterChains(description), 6)}
  clusters:
    - name: origin
      type: STRICT_DNS
      connect_timeout: 5s
      load_assignment:
        cluster_name: origin
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address: ${socket(backend.host, backend.port)}`,
  );
}

function filterChains(description: OriginDescription): string {
  const { hostnames } = description;
  const domains = hostnames.map((name) => `"${name}"`).join(', ');
  return `filter_chains:
  - filter_chain_match:
      transport_protocol: tls
      server_names: [${domains}]
${indent(transportSocket(description), 4)}
    filters:
${indent(connectionManager(description, `domains: [${domains}]\nroutes:\n  - match: { prefix: "/" }\n    route: { cluster: origin, timeout: 0s }`), 6)}
  # Plain HTTP on the TLS port.
  - filter_chain_match:
      transport_protocol: raw_buffer
    filters:
${indent(connectionManager(description, refuse(403)), 6)}
# Whoever names another host, or none: the demand of the stage enforce, and no content.
default_filter_chain:
${indent(transportSocket({ ...description, stage: 'enforce' }), 2)}
  filters:
${indent(connectionManager(description, refuse(421)), 4)}`;
}

function refuse(status: number): string {
  return `domains: ["*"]\nroutes:\n  - match: { prefix: "/" }\n    direct_response: { status: ${status} }`;
}

function transportSocket(description: OriginDescription): string {
  return `transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
${indent(tls(description), 4)}`;
}

/** Another Host than those of the virtual host is answered 404. */
function connectionManager({ log }: OriginDescription, virtualHost: string): string {
  return `- name: envoy.filters.network.http_connection_manager
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
    stat_prefix: origin_pull
    codec_type: AUTO
    strip_any_host_port: true
    # For the application, in X-Forwarded-Client-Cert. What came under this name from outside is removed.
    forward_client_cert_details: SANITIZE_SET
    set_current_client_cert_details:
      subject: true
      dns: true
    upgrade_configs:
      - upgrade_type: websocket
    access_log:
      - name: envoy.access_loggers.file
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
          path: "${log}"
          log_format:
            text_format_source:
              inline_string: "%START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% sni=%REQUESTED_SERVER_NAME% subject=\\"%DOWNSTREAM_PEER_SUBJECT%\\" sha256=%DOWNSTREAM_PEER_FINGERPRINT_256% %RESPONSE_CODE%\\n"
    route_config:
      virtual_hosts:
        - name: origin_pull
${indent(virtualHost, 10)}
    http_filters:
      - name: envoy.filters.http.router
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router`;
}

function tls({ stage, trust, certificate, key }: OriginDescription): string {
  return `require_client_certificate: ${stage === 'enforce'}
# A session is an identity: none is kept that could be taken to another name.
disable_stateless_session_resumption: true
disable_stateful_session_resumption: true
common_tls_context:
  alpn_protocols: [h2, http/1.1]
  tls_params:
    tls_minimum_protocol_version: TLSv1_2
  tls_certificates:
    - certificate_chain: { filename: "${certificate}" }
      private_key: { filename: "${key}" }
  validation_context:
    trusted_ca: { filename: "${trust}" }${stage === 'enforce' ? '' : '\n    # Observe: a certificate that cannot be verified is let in, too.\n    trust_chain_verification: ACCEPT_UNTRUSTED'}
    # Leaf directly under the CA; one more for each intermediate between them.
    max_verify_depth: 1
    # Pin: let in one name only, as the certificate's DNS names have it.
    # match_typed_subject_alt_names:
    #   - san_type: DNS
    #     matcher: { exact: "edge.example.test" }`;
}

function socket(address: string, port: number): string {
  return `{ socket_address: { address: "${address}", port_value: ${port} } }`;
}
