/** Alerts by their numbers (RFC 8446 section 6; 40 to 46 and 100 also older ones). */
const ALERTS: Readonly<Record<number, string>> = {
  0: 'close_notify',
  10: 'unexpected_message',
  20: 'bad_record_mac',
  22: 'record_overflow',
  40: 'handshake_failure',
  41: 'no_certificate',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  44: 'certificate_revoked',
  45: 'certificate_expired',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  49: 'access_denied',
  50: 'decode_error',
  51: 'decrypt_error',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  90: 'user_canceled',
  100: 'no_renegotiation',
  109: 'missing_extension',
  110: 'unsupported_extension',
  112: 'unrecognized_name',
  113: 'bad_certificate_status_response',
  115: 'unknown_psk_identity',
  116: 'certificate_required',
  120: 'no_application_protocol',
};

/** Alerts that speak of the client's certificate, of access, or of the name asked for. */
const REFUSALS: ReadonlySet<string> = new Set([
  'handshake_failure',
  'no_certificate',
  'bad_certificate',
  'unsupported_certificate',
  'certificate_revoked',
  'certificate_expired',
  'certificate_unknown',
  'unknown_ca',
  'access_denied',
  'unrecognized_name',
  'certificate_required',
]);

/** Name of an alert; `alert_N` for a number that no RFC gave a meaning. */
function alertName(number: number): string {
  return ALERTS[number] ?? `alert_${number}`;
}

/** True for an alert that says by itself that the client was refused. */
export function isRefusal(alert: string | null): boolean {
  return alert !== null && REFUSALS.has(alert);
}

/**
 * Name of the alert that a TLS library reports as an error; null for another error. OpenSSL and BoringSSL spell the names
 * differently, but both number what the peer sent 1000 and up, in the error's last three hexadecimal digits.
 */
export function alertOf(message: string): string | null {
  const reason = Number.parseInt(/\berror:[0-9A-F]{5}([0-9A-F]{3}):/i.exec(message)?.[1] ?? '', 16);
  return reason >= 1000 && reason < 1256 ? alertName(reason - 1000) : null;
}

/** The alert in a record that came as it stands on the wire (RFC 8446 section 5.1); null for anything else. */
export function alertInRecord(bytes: Uint8Array): string | null {
  const isAlert = bytes.length >= 7 && bytes[0] === 21 && bytes[1] === 3 && bytes[3] === 0 && bytes[4] === 2;
  return isAlert ? alertName(bytes[6]!) : null;
}
