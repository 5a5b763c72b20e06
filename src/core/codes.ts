/** One kind of error toward API clients. `section` is where it comes from; `own` where the references are silent. */
export interface ApiCode {
  readonly code: number;
  readonly status: number;
  readonly message: string;
  readonly section: string;
}

const AOP = 'origin-pulls 1.7';
const GATEWAY = 'api 3.1';
const SERVICE = 'api 3.2';
const RULESETS = 'origin-pulls 7.3';

/** Every error that the API answers (spec/origin-pulls.md 1.7, spec/api.md 3). Numbers marked `own` are unverified. */
export const API_CODES = {
  certificate_id_required: { code: 1404, status: 400, message: 'Certificate ID required.', section: AOP },
  certificate_exists: {
    code: 1406,
    status: 400,
    message: 'This certificate already exists for this zone.',
    section: AOP,
  },
  certificate_already_deleted: { code: 1407, status: 400, message: 'Certificate is already deleted.', section: AOP },
  certificate_unparseable: { code: 1408, status: 400, message: 'Unable to parse certificate.', section: AOP },
  certificate_not_leaf: { code: 1412, status: 400, message: 'Only leaf certificate is allowed.', section: AOP },
  certificate_pending_deletion: {
    code: 1414,
    status: 400,
    message: 'Certificate is already deleted or pending deletion.',
    section: AOP,
  },
  certificate_id_invalid: {
    code: 1415,
    status: 400,
    message: 'Certificate ID in request is either invalid or the certificate has been deleted',
    section: AOP,
  },
  certificate_id_malformed: { code: 1415, status: 400, message: 'Invalid Certificate ID', section: AOP },
  certificate_in_use: { code: 1433, status: 400, message: 'Certificate is in use.', section: AOP },
  private_key_unparseable: {
    code: 1440,
    status: 400,
    message: 'Unable to parse private key: it must be one PEM block in PKCS#8, PKCS#1 or SEC1 form.',
    section: 'own',
  },
  private_key_encrypted: {
    code: 1441,
    status: 400,
    message: 'The private key is encrypted. Upload it without a passphrase.',
    section: 'own',
  },
  private_key_mismatch: {
    code: 1442,
    status: 400,
    message: 'The private key does not belong to the certificate.',
    section: 'own',
  },
  private_key_unsupported: {
    code: 1443,
    status: 400,
    message: 'Only RSA keys of 2048 to 8192 bits and ECDSA keys on P-256, P-384 or P-521 are supported.',
    section: 'own',
  },
  certificate_chain: {
    code: 1444,
    status: 400,
    message: 'Only one certificate is allowed: upload the leaf without its chain.',
    section: 'own',
  },
  certificate_chain_broken: {
    code: 1449,
    status: 400,
    message: 'The certificates are not a chain: put the leaf first and each issuer after what it issued.',
    section: 'own',
  },
  certificate_not_for_zone: {
    code: 1451,
    status: 400,
    message: 'The certificate names no hostname of this zone in its subjectAltName.',
    section: 'own',
  },
  certificate_expires_too_soon: {
    code: 1206,
    status: 400,
    message: 'This certificate has expired: upload one that is valid.',
    section: SERVICE,
  },
  certificate_quota: {
    code: 1445,
    status: 400,
    message: 'The quota of certificates of this zone is used up. Delete one first.',
    section: 'own',
  },
  association_quota: {
    code: 1446,
    status: 400,
    message: 'The quota of hostnames of this certificate is used up.',
    section: 'own',
  },
  hostname_invalid: { code: 1447, status: 400, message: 'The hostname is not valid.', section: 'own' },
  hostname_outside_zone: {
    code: 1448,
    status: 400,
    message: 'The hostname does not belong to this zone.',
    section: 'own',
  },
  hostname_certificate_not_found: { code: 1551, status: 404, message: 'Hostname certificate not found.', section: AOP },
  zone_certificate_not_found: { code: 1552, status: 404, message: 'Zone certificate not found.', section: AOP },
  custom_certificate_not_found: { code: 1562, status: 404, message: 'Custom certificate not found.', section: 'own' },
  association_not_found: { code: 1553, status: 404, message: 'The setting for this hostname not found.', section: AOP },

  body_not_json: { code: 6007, status: 400, message: 'Malformed JSON in request body', section: GATEWAY },
  body_too_large: { code: 6008, status: 413, message: 'Request body is too large.', section: 'own' },
  field_invalid: { code: 1004, status: 400, message: 'Validation failed.', section: SERVICE },
  request_malformed: { code: 6009, status: 400, message: 'This is not a well-formed HTTP request.', section: 'own' },
  headers_too_large: {
    code: 6010,
    status: 431,
    message: 'The URL and headers of the request are too large.',
    section: 'own',
  },
  headers_invalid: { code: 6003, status: 400, message: 'Invalid request headers', section: GATEWAY },
  credentials_missing: {
    code: 9106,
    status: 400,
    message: 'Missing X-Auth-Key, X-Auth-Email or Authorization headers',
    section: GATEWAY,
  },
  authentication: { code: 10000, status: 403, message: 'Authentication error', section: GATEWAY },
  unknown_key_or_email: { code: 9103, status: 403, message: 'Unknown X-Auth-Key or X-Auth-Email', section: GATEWAY },
  unauthorized: { code: 9109, status: 403, message: 'Unauthorized to access requested resource', section: GATEWAY },
  no_route: {
    code: 7003,
    status: 404,
    message: 'Could not route to this path, perhaps your object identifier is invalid?',
    section: GATEWAY,
  },
  method_not_allowed: { code: 10405, status: 405, message: 'Method not allowed', section: GATEWAY },
  internal: { code: 10500, status: 500, message: 'Internal error', section: 'own' },
  store_unavailable: {
    code: 10503,
    status: 503,
    message: 'The database is not available. Nothing was changed; try again.',
    section: 'own',
  },

  zone_invalid: { code: 1002, status: 400, message: 'Invalid domain', section: SERVICE },
  zone_exists: { code: 1061, status: 400, message: 'This zone already exists.', section: SERVICE },
  zone_subdomain: {
    code: 1116,
    status: 400,
    message: 'This domain lies below a zone of another account.',
    section: SERVICE,
  },
  zone_not_found: { code: 7003, status: 404, message: 'No zone with this identifier.', section: GATEWAY },
  setting_unknown: { code: 1006, status: 400, message: 'Unrecognized zone setting name', section: 'origin-pulls 1.7' },
  setting_invalid: { code: 1007, status: 400, message: 'Invalid value for zone setting', section: 'origin-pulls 1.7' },
  origin_not_examinable: {
    code: 1563,
    status: 400,
    message: 'The origin of this hostname cannot be examined.',
    section: 'own',
  },
  examination_not_found: {
    code: 1564,
    status: 404,
    message: 'The origin of this hostname was not examined yet, and is not due to be.',
    section: 'own',
  },
  origin_not_found: { code: 1561, status: 404, message: 'No origin is set for this hostname.', section: 'own' },

  record_exists: { code: 81057, status: 400, message: 'The record already exists.', section: SERVICE },
  record_identical: { code: 81058, status: 400, message: 'An identical record already exists.', section: SERVICE },
  record_cname_conflict: {
    code: 81053,
    status: 400,
    message: 'An A, AAAA, or CNAME record with that host already exists.',
    section: SERVICE,
  },
  record_not_found: { code: 81044, status: 404, message: 'Record does not exist.', section: SERVICE },

  ruleset_not_found: { code: 10001, status: 404, message: 'There is no ruleset with this id here.', section: RULESETS },
  entrypoint_not_found: {
    code: 10003,
    status: 404,
    message: 'This phase has no entry point ruleset yet: PUT one.',
    section: RULESETS,
  },
  ruleset_version_not_found: {
    code: 10004,
    status: 404,
    message: 'This version of the ruleset is not kept.',
    section: 'own',
  },
  rule_not_found: {
    code: 10005,
    status: 404,
    message: 'There is no rule with this id in the ruleset.',
    section: 'own',
  },
  rule_invalid: { code: 20120, status: 400, message: 'This cannot be honoured.', section: 'own' },
  expression_invalid: { code: 20127, status: 400, message: 'This is not an expression.', section: 'own' },
  ruleset_in_use: {
    code: 20130,
    status: 400,
    message: 'This ruleset is executed or skipped by a rule.',
    section: 'own',
  },
  entrypoint_exists: {
    code: 20131,
    status: 400,
    message: 'This phase has an entry point ruleset already: change that one.',
    section: 'own',
  },
  ruleset_version_in_use: {
    code: 20132,
    status: 400,
    message: 'This is the version in use: only older ones can be deleted.',
    section: 'own',
  },
  ruleset_quota: { code: 20133, status: 400, message: 'The quota of rulesets or rules is used up.', section: 'own' },
  phase_unavailable: {
    code: 50002,
    status: 400,
    message: 'This phase is not available.',
    section: RULESETS,
  },
  list_not_found: {
    code: 10010,
    status: 404,
    message: 'There is no list with this id in the account.',
    section: 'own',
  },
  list_item_not_found: {
    code: 10011,
    status: 404,
    message: 'There is no item with this id in the list.',
    section: 'own',
  },
  list_operation_not_found: {
    code: 10012,
    status: 404,
    message: 'There is no operation with this id.',
    section: 'own',
  },
  list_exists: { code: 20140, status: 400, message: 'There is a list of this name already.', section: 'own' },
  list_in_use: { code: 20141, status: 400, message: 'This list is used by a rule.', section: 'own' },
  list_quota: { code: 20142, status: 400, message: 'The quota of lists or of their items is used up.', section: 'own' },
  firewall_rule_not_found: { code: 10020, status: 404, message: 'There is no rule with this id here.', section: 'own' },
  firewall_rule_exists: { code: 10009, status: 400, message: 'There is such a rule already.', section: 'own' },
  firewall_rule_quota: {
    code: 20151,
    status: 400,
    message: 'The quota of rules of this kind is used up.',
    section: 'own',
  },
} as const satisfies Record<string, ApiCode>;

/** What a successful answer warns of in its `messages` (spec/api.md section 8, "Envelope"). Numbers are our own. */
export const API_WARNINGS = {
  certificate_expired: {
    code: 1490,
    message: 'This certificate has expired. It is presented all the same; an origin that verifies it will refuse it.',
  },
  certificate_not_yet_valid: {
    code: 1491,
    message: 'This certificate is not valid yet: an origin that verifies it will refuse it until then.',
  },
  certificate_not_for_clients: {
    code: 1492,
    message:
      'The extended key usage of this certificate lacks clientAuth: most origins refuse it as a client certificate.',
  },
} as const;

/** A key of `API_WARNINGS`. */
export type ApiWarningName = keyof typeof API_WARNINGS;

/** A key of `API_CODES`. */
export type ApiCodeName = keyof typeof API_CODES;

/** Details of an `ApiError` beyond its catalogue entry. */
export interface ApiErrorDetail {
  /** Replaces the catalogue's message; must say the same thing more exactly. */
  readonly message?: string;
  /** JSON pointer (RFC 6901) to the member of the request's body that is wrong. */
  readonly pointer?: string;
  /** Further codes, the API's `error_chain`. */
  readonly chain?: readonly { readonly code: number; readonly message: string }[];
}

/** An error that an API client gets to see. Everything else that is thrown becomes `internal`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ApiCodeName;
  readonly code: number;
  readonly status: number;
  readonly pointer: string | undefined;
  readonly chain: readonly { readonly code: number; readonly message: string }[];

  constructor(kind: ApiCodeName, detail: ApiErrorDetail = {}) {
    const entry: ApiCode = API_CODES[kind];
    super(detail.message ?? entry.message);
    this.kind = kind;
    this.code = entry.code;
    this.status = entry.status;
    this.pointer = detail.pointer;
    this.chain = detail.chain ?? [];
  }
}
