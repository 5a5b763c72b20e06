/**
 * What the doctor tries at an origin, one name a door (spec/threats.md 2 and 3). All but `right*` must be
 * refused.
 */
export const DOCTOR_CHECKS = {
  right: 'the right certificate',
  right_old: 'the certificate before the rotation',
  none: 'no certificate',
  self_signed: "a stranger's self-signed certificate",
  same_subject: 'a certificate from another CA with the same subject',
  expired: 'an expired certificate',
  shared: 'the shared certificate of the installation',
  other_tenant: "another tenant's certificate of the installation",
  resumed_without: 'a session resumed from an accepted one, with no certificate offered',
  resumed_other_name: 'a session resumed under another server name',
  upper_case_name: 'no certificate, the server name in upper case',
  trailing_dot_name: 'no certificate, the server name with a trailing dot',
  other_name: 'no certificate, another server name',
  no_name: 'no certificate, no server name',
  address_as_name: 'no certificate, the address as server name',
  plain_http: 'plain HTTP on the HTTP port',
  plain_on_tls_port: 'plain HTTP on the TLS port',
} as const;

export type DoctorCheck = keyof typeof DOCTOR_CHECKS;

/** In which way a server refused, or what else came back. */
export type ProbeAnswer =
  | { readonly kind: 'response'; readonly status: number; readonly location: string | null }
  /** RFC 8446 6.2; `null` where the runtime does not name the alert. */
  | { readonly kind: 'alert_in_handshake'; readonly alert: string | null }
  | { readonly kind: 'alert_after_handshake'; readonly alert: string | null }
  | { readonly kind: 'closed_in_handshake' }
  | { readonly kind: 'closed_before_response' }
  | { readonly kind: 'connection_reset' }
  | { readonly kind: 'connection_refused' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'timeout'; readonly stage: 'connect' | 'handshake' | 'response' }
  | { readonly kind: 'malformed_response' }
  /** The server speaks no such TLS version or HTTP version: a door that does not exist. */
  | { readonly kind: 'not_offered' };

/** One attempt, and what it shows. Plain data: it is what `--json` and reports hold. */
export interface DoctorAttempt {
  readonly check: DoctorCheck;
  /** `address:port`, an IPv6 address in brackets. */
  readonly address: string;
  readonly tls: 'TLSv1.2' | 'TLSv1.3' | null;
  readonly http: 'http/1.1' | 'h2';
  /** Server name sent in the handshake; null for none. */
  readonly server_name: string | null;
  readonly host: string;
  /** Null where it could not be tried; `detail` says why. */
  readonly answer: ProbeAnswer | null;
  /** `ok`: as it must be. `open`: a door that must be closed. `broken`: the right certificate was not let in. `unknown`: proves nothing. `not_tried`: with `detail`. */
  readonly verdict: 'ok' | 'open' | 'broken' | 'unknown' | 'not_tried';
  /** One sentence. */
  readonly detail: string;
}

/** Whether an address asks for a client certificate, as it says itself at the beginning of a TLS 1.2 handshake. */
export interface CertificateRequestFact {
  readonly address: string;
  /** Null where it could not be seen: the origin speaks no TLS 1.2, say. */
  readonly asked: boolean | null;
  /** Whether the CA of the right certificate is among those that it names; null where it names none. */
  readonly names_issuer: boolean | null;
}

/** A door that is open, or what keeps the doctor from an answer, and the line of configuration that mends it. */
export interface DoctorFinding {
  readonly check: DoctorCheck;
  readonly verdict: 'open' | 'broken' | 'unknown';
  /** One sentence: what is open, at which addresses. */
  readonly text: string;
  /** One sentence with the line of configuration that closes it. */
  readonly remedy: string;
}

/** What the doctor found out about one hostname's origin. */
export interface DoctorReport {
  readonly version: 1;
  readonly hostname: string;
  /** Level whose certificate the origin must demand; null where only a certificate was named. */
  readonly level: 'global' | 'zone' | 'hostname' | null;
  /** RFC 3339, whole seconds. */
  readonly started_at: string;
  readonly duration_ms: number;
  /**
   * `closed` only where every door was tried, or could not exist, and refused, and the right certificate was let in at every address; `open` where one door is open; `unknown` for
   * all else: never closed for want of proof.
   */
  readonly verdict: 'closed' | 'open' | 'unknown';
  readonly summary: string;
  readonly findings: readonly DoctorFinding[];
  readonly certificate_requests: readonly CertificateRequestFact[];
  readonly attempts: readonly DoctorAttempt[];
}
