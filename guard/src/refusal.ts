/** Why a request was refused: HTTP status and one sentence for whoever sent it. It names nothing that is trusted here. */
export const REFUSALS = {
  no_tls: [403, 'This origin answers over TLS only, to its edge.'],
  no_certificate: [403, 'This origin answers its edge only: no client certificate was presented.'],
  certificate_malformed: [403, 'The client certificate could not be read.'],
  certificate_untrusted: [403, 'The client certificate does not lead to a CA that is trusted for this host.'],
  certificate_expired: [403, 'The client certificate, or a CA above it, has expired.'],
  certificate_not_yet_valid: [403, 'The client certificate, or a CA above it, is not valid yet.'],
  certificate_usage: [403, 'The client certificate is not meant for TLS clients.'],
  certificate_unsupported: [
    403,
    'The client certificate, or a CA above it, carries a constraint that is not supported.',
  ],
  certificate_weak: [403, 'The client certificate, or a CA above it, has a weak key or signature.'],
  certificate_revoked: [403, 'The client certificate, or a CA above it, has been revoked.'],
  revocation_unknown: [403, 'No revocation list speaks about the client certificate.'],
  revocation_outdated: [403, 'The revocation list for the client certificate is out of date.'],
  certificate_not_pinned: [403, 'The client certificate is not one of those expected for this host.'],
  host_missing: [400, 'The request names no host.'],
  host_duplicate: [400, 'The request names its host twice.'],
  host_malformed: [400, 'The host that the request names is not a hostname.'],
  host_mismatch: [421, 'The request names another host than its connection or its target.'],
  server_name_missing: [421, 'The TLS connection names no host (SNI).'],
  host_unknown: [421, 'This origin does not answer for that host.'],
  client_cert_header_missing: [403, 'The proxy passed no client certificate on.'],
  client_cert_header_duplicate: [400, 'The request carries a Client-Cert header more than once.'],
  client_cert_header_malformed: [400, 'The Client-Cert header is malformed.'],
  client_cert_header_from_stranger: [403, 'Only the proxy in front of this origin may send Client-Cert.'],
  runtime_cannot_show_certificate: [
    500,
    'This server cannot see client certificates. On Bun, make it with guard.createServer() instead of node:https or Bun.serve.',
  ],
  guard_failed: [500, 'The client certificate could not be checked.'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

/** Stable name of a reason. */
export type RefusalCode = keyof typeof REFUSALS;
