/**
 * `client_certificates.expires_at` in milliseconds: in microseconds the end of the year 9999, which RFC 5280 gives to
 * certificates without a well-defined end, is no safe integer any more, and the row could not be read back.
 */
export const expiryInMilliseconds: readonly string[] = [
  'update client_certificates set expires_at = expires_at / 1000',
];
