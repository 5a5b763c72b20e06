/** One kind of failure toward an origin and what the visitor gets to see (spec/origin-pulls.md 3.2). */
export interface OriginFailure {
  readonly status: number;
  /** Title of the error page. */
  readonly title: string;
  /** What to look at, for whoever runs the origin. */
  readonly advice: string;
  readonly section: string;
}

const STATUSES = 'origin-pulls 3.2';

/** Every way an origin pull fails, named where it happens and mapped to the visitor's status here alone. */
export const ORIGIN_FAILURES = {
  empty_response: {
    status: 520,
    title: 'Web server returns an unknown error',
    advice: 'The origin closed the connection before it sent a response.',
    section: STATUSES,
  },
  malformed_response: {
    status: 520,
    title: 'Web server returns an unknown error',
    advice: 'The origin sent something that is not an HTTP response.',
    section: STATUSES,
  },
  response_headers_too_large: {
    status: 520,
    title: 'Web server returns an unknown error',
    advice: 'The response headers of the origin exceed 128 KB.',
    section: STATUSES,
  },
  client_certificate_refused: {
    status: 520,
    title: 'Web server returns an unknown error',
    advice:
      'The origin ended the TLS connection after the handshake: it does not accept the client certificate presented, or wants one and got none.',
    section: STATUSES,
  },
  connection_refused: {
    status: 521,
    title: 'Web server is down',
    advice: 'Nothing accepts connections at the origin address and port.',
    section: STATUSES,
  },
  connect_timeout: {
    status: 522,
    title: 'Connection timed out',
    advice: 'The origin did not answer the TCP connection attempt in time.',
    section: STATUSES,
  },
  unreachable: {
    status: 523,
    title: 'Origin is unreachable',
    advice: 'There is no route to the origin address.',
    section: STATUSES,
  },
  read_timeout: {
    status: 524,
    title: 'A timeout occurred',
    advice: 'The origin accepted the request but did not send a response in time.',
    section: STATUSES,
  },
  write_timeout: {
    status: 524,
    title: 'A timeout occurred',
    advice: 'The origin stopped reading the request.',
    section: STATUSES,
  },
  tls_handshake: {
    status: 525,
    title: 'SSL handshake failed',
    advice:
      'The TLS handshake with the origin failed. An origin on TLS 1.2 that refuses the client certificate looks like this too.',
    section: STATUSES,
  },
  invalid_certificate: {
    status: 526,
    title: 'Invalid SSL certificate',
    advice: 'The certificate of the origin does not validate, and the encryption mode demands it.',
    section: STATUSES,
  },
  http2_required: {
    status: 520,
    title: 'Web server returns an unknown error',
    advice: 'The origin does not offer HTTP/2 over TLS, which gRPC needs.',
    section: 'own',
  },
  unresolvable: {
    status: 530,
    title: 'Origin DNS error',
    advice: 'The hostname of the origin does not resolve (error 1016).',
    section: STATUSES,
  },
  own_address: {
    status: 403,
    title: 'Error 1000',
    advice: 'The origin of this hostname is this edge itself: DNS points to a prohibited address (error 1000).',
    section: 'origin-pulls 4.3',
  },
  no_origin: {
    status: 530,
    title: 'Origin DNS error',
    advice: 'No origin and no proxied DNS record is set for this hostname (error 1016).',
    section: STATUSES,
  },
  identity_unavailable: {
    status: 525,
    title: 'SSL handshake failed',
    advice: 'The client certificate for this origin cannot be used at the moment, and no other may stand in for it.',
    section: 'own',
  },
} as const satisfies Record<string, OriginFailure>;

/** A key of `ORIGIN_FAILURES`. */
export type OriginFailureName = keyof typeof ORIGIN_FAILURES;
