import type { OriginFailureName } from '../core/mod.ts';
import type { HandshakeOutcome } from '../observe/mod.ts';
import { OWN_ADDRESS } from './own-addresses.ts';

/** How far a connection to an origin had come when it failed. */
export type ConnectionPhase = 'connecting' | 'handshake' | 'established';

interface SocketError {
  readonly code?: string | undefined;
  readonly message: string;
}

const VERIFY_CODES =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|CERT_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED|ERROR_IN_CERT_|CRL_)/;

/** True for a TLS alert that the peer sent. OpenSSL and BoringSSL spell them differently; both say ALERT. */
function isTlsAlert(error: SocketError): boolean {
  return /^ERR_SSL_.*ALERT/.test(error.code ?? '');
}

/** Whether a good certificate bears another name. */
export function isOfAnotherName(error: SocketError | null): boolean {
  return error?.code === 'ERR_TLS_CERT_ALTNAME_INVALID' || error?.code === 'HOSTNAME_MISMATCH';
}

/** Names the failure of a connection to an origin before the first byte of a response (spec/origin-pulls.md 3.2). */
export function classifyFailure(phase: ConnectionPhase, error: SocketError | null): OriginFailureName {
  if (phase === 'established') {
    // TLS 1.3: the client's handshake is done before the origin has looked at its certificate.
    return error !== null && isTlsAlert(error) ? 'client_certificate_refused' : 'empty_response';
  }
  if (error?.code !== undefined && VERIFY_CODES.test(error.code)) return 'invalid_certificate';
  // Not every runtime tells when TCP stands: what only TLS can say belongs to the handshake whatever the phase.
  if (phase === 'handshake' || error?.code === 'ECONNRESET' || error?.code?.startsWith('ERR_SSL_'))
    return 'tls_handshake';
  switch (error?.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
    case 'DNS_ENOTFOUND':
      return 'unresolvable';
    case OWN_ADDRESS:
      return 'own_address';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
    case 'EACCES':
      return 'unreachable';
    case 'ETIMEDOUT':
      return 'connect_timeout';
    default:
      return 'connection_refused';
  }
}

/**
 * How the TLS handshake of a connection went, for the counters; `failure` is null where the origin answered. Null where
 * there was none: TCP did not stand.
 */
export function handshakeOutcome(
  phase: ConnectionPhase,
  failure: OriginFailureName | null,
  isTimedOut: boolean,
  error: SocketError | null,
): HandshakeOutcome | null {
  if (phase === 'established') return failure === 'client_certificate_refused' ? 'client_cert_refused' : 'ok';
  if (failure === 'invalid_certificate') {
    if (isOfAnotherName(error)) return 'name';
    return /EXPIRED|NOT_YET_VALID/.test(error?.code ?? '') ? 'expired' : 'untrusted';
  }
  if (failure !== 'tls_handshake') return null;
  if (isTimedOut) return 'timeout';
  // TLS 1.2 refuses within the handshake; an alert that names no certificate may have any other cause.
  const refusesCertificate =
    error !== null && isTlsAlert(error) && /CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED/.test(error.code!);
  return refusesCertificate ? 'client_cert_refused' : 'reset';
}
