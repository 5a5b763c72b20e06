import type { DoctorCheck, DoctorFinding } from '../../core/mod.ts';

const OTHERS = '"countersign origin config SERVER" writes it for other servers';
const DEFAULT_SERVER = `Give nginx a default server that refuses: "listen 443 ssl default_server; ssl_reject_handshake on;" (${OTHERS}).`;
const TRUST = (wrong: string) =>
  `Let nginx verify against the right CA alone: "ssl_client_certificate /path/ca.pem; ssl_verify_client on;", ${wrong} (${OTHERS}).`;

const OPEN: Readonly<Record<DoctorCheck, string>> = {
  right: '',
  right_old: '',
  none: `Let nginx demand a certificate: "ssl_verify_client on;" in every server block and on every address that answers for the name (${OTHERS}).`,
  self_signed: TRUST('never "optional_no_ca"'),
  same_subject: TRUST('and compare no names without it'),
  expired: TRUST('and let the server, not the application, check the dates'),
  shared: TRUST('not the shared origin-pull CA, which vouches for every account of the installation'),
  other_tenant: TRUST('and not the CA of others'),
  resumed_without: `Check the certificate on resumed connections too, or give out no sessions: "ssl_session_tickets off; ssl_session_cache off;" (${OTHERS}).`,
  resumed_other_name: `Keep the sessions of each name apart: nginx 1.27.4, 1.26.3 or newer, or "ssl_session_tickets off; ssl_session_cache off;" in every server block (${OTHERS}).`,
  upper_case_name: DEFAULT_SERVER,
  trailing_dot_name: DEFAULT_SERVER,
  other_name: DEFAULT_SERVER,
  no_name: DEFAULT_SERVER,
  address_as_name: DEFAULT_SERVER,
  plain_http: `Let nginx send everybody to https: "listen 80 default_server; return 301 https://$host$request_uri;", or close the port (${OTHERS}).`,
  plain_on_tls_port: `Let the port speak TLS only: "listen 443 ssl;" with every "listen" of it (${OTHERS}).`,
};

/** What to change, with the line of configuration where one mends it. */
export function remedyOf(check: DoctorCheck, verdict: DoctorFinding['verdict']): string {
  if (verdict === 'open') return OPEN[check];
  if (verdict === 'broken')
    return `Add the CA of this certificate to the file in "ssl_client_certificate", and to those of every address (${OTHERS}).`;
  if (check === 'resumed_without' || check === 'resumed_other_name')
    return 'Close what is open first, name the certificate that the edge presents, and ask again.';
  if (check === 'plain_http')
    return 'Let the port refuse connections rather than drop them, or let it redirect to https, and ask again.';
  return 'Find out why (the origin may be down, slow, or limit requests), or name the certificate that the edge presents, and ask again.';
}
