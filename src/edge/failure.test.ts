import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConnectionPhase, classifyFailure, handshakeOutcome } from './failure.ts';

const error = (code: string) => ({ code, message: code });

// spec/origin-pulls.md 3.2, with the codes that Node and Bun use.
const ROWS: readonly [phase: ConnectionPhase, code: string | null, failure: ReturnType<typeof classifyFailure>][] = [
  ['connecting', 'ECONNREFUSED', 'connection_refused'],
  ['connecting', 'ETIMEDOUT', 'connect_timeout'],
  ['connecting', 'EHOSTUNREACH', 'unreachable'],
  ['connecting', 'ENETUNREACH', 'unreachable'],
  ['connecting', 'ENOTFOUND', 'unresolvable'],
  ['connecting', 'EAI_AGAIN', 'unresolvable'],
  ['connecting', 'ECONNRESET', 'tls_handshake'],
  ['connecting', 'ERR_SSL_WRONG_VERSION_NUMBER', 'tls_handshake'],
  ['handshake', 'ECONNRESET', 'tls_handshake'],
  ['handshake', null, 'tls_handshake'],
  ['handshake', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'tls_handshake'],
  ['handshake', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'tls_handshake'],
  ['handshake', 'ERR_TLS_CERT_ALTNAME_INVALID', 'invalid_certificate'],
  ['handshake', 'SELF_SIGNED_CERT_IN_CHAIN', 'invalid_certificate'],
  ['handshake', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'invalid_certificate'],
  ['handshake', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'invalid_certificate'],
  ['handshake', 'CERT_HAS_EXPIRED', 'invalid_certificate'],
  ['established', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'client_certificate_refused'],
  ['established', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'client_certificate_refused'],
  ['established', 'ECONNRESET', 'empty_response'],
  ['established', null, 'empty_response'],
];
for (const [phase, code, failure] of ROWS) {
  test(`${phase}, ${code ?? 'a plain close'}: ${failure}`, () => {
    assert.equal(classifyFailure(phase, code === null ? null : error(code)), failure);
  });
}

// What the counters say of a handshake, from the failure that the table above names.
const OUTCOMES: readonly [phase: ConnectionPhase, code: string | null, outcome: ReturnType<typeof handshakeOutcome>][] =
  [
    ['connecting', 'ECONNREFUSED', null],
    ['connecting', 'ENOTFOUND', null],
    ['connecting', 'ECONNRESET', 'reset'],
    ['handshake', null, 'reset'],
    ['handshake', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'reset'],
    ['handshake', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'client_cert_refused'],
    ['handshake', 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'client_cert_refused'],
    ['handshake', 'ERR_TLS_CERT_ALTNAME_INVALID', 'name'],
    ['handshake', 'CERT_HAS_EXPIRED', 'expired'],
    ['handshake', 'SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
    ['established', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'client_cert_refused'],
    ['established', 'ECONNRESET', 'ok'],
  ];
for (const [phase, code, outcome] of OUTCOMES) {
  test(`${phase}, ${code ?? 'a plain close'}, is counted as ${outcome ?? 'no handshake'}`, () => {
    const cause = code === null ? null : error(code);
    assert.equal(handshakeOutcome(phase, classifyFailure(phase, cause), false, cause), outcome);
  });
}

test('an origin that says nothing in the handshake is counted as a timeout', () => {
  assert.equal(handshakeOutcome('handshake', 'tls_handshake', true, null), 'timeout');
});
