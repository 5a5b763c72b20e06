/**
 * One security event: what a rule did to a request, or, of source `doctor`, what became known of an origin. Names as in Logpush's `firewall_events` where one exists; our own below the
 * blank line. Plain data.
 */
export interface SecurityEvent {
  readonly Action: string;
  readonly ClientIP: string;
  readonly ClientRequestHost: string;
  readonly ClientRequestMethod: string;
  readonly ClientRequestPath: string;
  /** With the values of what looks like a secret taken out. */
  readonly ClientRequestQuery: string;
  readonly ClientRequestProtocol: string;
  readonly ClientRequestScheme: string;
  readonly ClientRequestUserAgent: string;
  /** RFC 3339. */
  readonly Datetime: string;
  readonly Description: string;
  /** 0 where the visitor got no answer. */
  readonly EdgeResponseStatus: number;
  readonly OriginResponseStatus: number;
  /** Position among the request's events, from 0. */
  readonly MatchIndex: number;
  readonly RayID: string;
  readonly Ref: string;
  readonly RuleID: string;
  readonly Source: string;

  readonly ZoneID: string;
  readonly RulesetID: string;
}

/** What waits to be told, and how many more there were than could wait. */
export interface SecurityEvents {
  readonly events: readonly SecurityEvent[];
  readonly dropped: number;
}
