/** Fields of the language that the edge cannot fill: a rule that names one is refused, as it would never match (spec/waf.md 1.4). */

import type { RefusedField } from './field.ts';

/** Reasons, each with the fields that it is for. */
const REASONS: readonly [reason: string, names: readonly string[]][] = [
  [
    'no bot detection runs here',
    [
      'cf.client.bot',
      'cf.verified_bot_category',
      'cf.bot_management.verified_bot',
      'cf.bot_management.score',
      'cf.bot_management.static_resource',
      'cf.bot_management.js_detection.passed',
      'cf.bot_management.detection_ids',
      'cf.bot_management.corporate_proxy',
      'cf.bot_management.signed_agent',
    ],
  ],
  [
    'the edge does not keep what it needs of the TLS ClientHello',
    [
      'cf.bot_management.ja3_hash',
      'cf.bot_management.ja4',
      'cf.tls_client_extensions_sha1',
      'cf.tls_client_extensions_sha1_le',
      'cf.tls_ciphers_sha1',
      'cf.tls_client_hello_length',
      'cf.tls_client_random',
    ],
  ],
  [
    'no attack scoring by machine learning runs here; managed rules give a score of their own',
    ['cf.waf.score', 'cf.waf.score.sqli', 'cf.waf.score.xss', 'cf.waf.score.rce', 'cf.waf.score.class'],
  ],
  [
    'there is no database of leaked credentials here',
    [
      'cf.waf.auth_detected',
      'cf.waf.credential_check.password_leaked',
      'cf.waf.credential_check.username_leaked',
      'cf.waf.credential_check.username_and_password_leaked',
      'cf.waf.credential_check.username_password_similar',
    ],
  ],
  [
    'uploads are not scanned here',
    [
      'cf.waf.content_scan.has_obj',
      'cf.waf.content_scan.has_malicious_obj',
      'cf.waf.content_scan.num_malicious_obj',
      'cf.waf.content_scan.has_failed',
      'cf.waf.content_scan.num_obj',
      'cf.waf.content_scan.obj_sizes',
      'cf.waf.content_scan.obj_types',
      'cf.waf.content_scan.obj_results',
    ],
  ],
  [
    'prompts are not analysed here',
    [
      'cf.llm.prompt.detected',
      'cf.llm.prompt.pii_detected',
      'cf.llm.prompt.pii_categories',
      'cf.llm.prompt.unsafe_topic_detected',
      'cf.llm.prompt.unsafe_topic_categories',
      'cf.llm.prompt.injection_score',
      'cf.llm.prompt.token_count',
      'cf.llm.prompt.custom_topic_categories',
    ],
  ],
  [
    'API Shield is not part of this system',
    [
      'cf.api_gateway.auth_id_present',
      'cf.api_gateway.request_violates_schema',
      'cf.api_gateway.fallthrough_detected',
      'cf.schema_validation.learned.violated',
      'cf.schema_validation.uploaded.violated',
      ...['aud', 'iat.sec', 'iss', 'jti', 'nbf.sec', 'sub'].flatMap((claim) =>
        ['', '.names', '.values'].map((list) => `http.request.jwt.claims.${claim}${list}`),
      ),
    ],
  ],
  ['hostnames have no metadata here', ['cf.hostname.metadata']],
  ['the runtime does not tell it', ['cf.edge.l4.delivery_rate', 'cf.timings.client_tcp_rtt_msec']],
  ['it is a characteristic of rate limits, not a field of expressions', ['cf.colo.id', 'cf.unique_visitor_id']],
];

export const REFUSED_LIST: readonly RefusedField[] = REASONS.flatMap(([reason, names]) =>
  names.map((name) => ({ name, reason })),
);
