import { Failed, readFieldLines } from './field-lines.ts';
import { FieldNames, REQUEST_FIELDS } from './field-name.ts';
import { headText } from './head-text.ts';

// RFC 9110 section 6.5.1: framing, routing, authentication and request modifiers mean nothing in a trailer. Nor may one
// say what the edge alone says in a header: some origins merge the two.
const FORBIDDEN =
  'trailer max-forwards range authorization set-cookie cookie content-encoding content-type content-range';
const TRAILER_FIELDS = new FieldNames(
  new Map([...REQUEST_FIELDS.names, ...FORBIDDEN.split(' ')].map((name) => [name, 'drop'])),
);

/** Serialised trailer fields that may go on, or null where they are malformed (RFC 9110 section 6.5). */
export function passTrailers(trailers: string): string | null {
  if (trailers === '') return '';
  const fields = readFieldLines(headText(trailers.slice(0, -2)), 0, TRAILER_FIELDS, () => undefined, null);
  return fields instanceof Failed ? null : fields;
}
