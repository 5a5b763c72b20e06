import { Failed, hasOddBytes, readFieldLines } from './field-lines.ts';
import { FieldNames } from './field-name.ts';

// RFC 9110 section 6.5.1: framing, routing, authentication and request modifiers mean nothing in a trailer.
const FORBIDDEN =
  'host content-length transfer-encoding connection keep-alive proxy-connection upgrade te trailer expect max-forwards ' +
  'range authorization proxy-authorization set-cookie cookie content-encoding content-type content-range ' +
  'cf-connecting-ip x-forwarded-for x-forwarded-proto x-real-ip true-client-ip client-cert client-cert-chain cf-ray cf-visitor cdn-loop';
const TRAILER_FIELDS = new FieldNames(new Map(FORBIDDEN.split(' ').map((name) => [name, 'drop'])));

/** Serialised trailer fields that may go on, or null where they are malformed (RFC 9110 section 6.5). */
export function passTrailers(trailers: string): string | null {
  if (trailers === '') return '';
  const text = trailers.slice(0, -2);
  if (hasOddBytes(text)) return null;
  const fields = readFieldLines(text, 0, TRAILER_FIELDS, () => undefined, null);
  return fields instanceof Failed ? null : fields;
}
