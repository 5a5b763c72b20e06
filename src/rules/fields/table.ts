import { BODY_FIELDS } from './body.ts';
import { CONNECTION_FIELDS } from './connection.ts';
import type { Field, RefusedField } from './field.ts';
import { GEO_FIELDS } from './geo.ts';
import { REFUSED_LIST } from './refused.ts';
import { REQUEST_FIELDS } from './request.ts';
import { RESPONSE_FIELDS } from './response.ts';
import { VISITOR_CERTIFICATE_FIELDS } from './visitor-certificate.ts';

/** All fields that the edge fills (spec/waf.md 1.4). */
export const FIELDS: ReadonlyMap<string, Field> = new Map(
  [
    ...REQUEST_FIELDS,
    ...BODY_FIELDS,
    ...CONNECTION_FIELDS,
    ...VISITOR_CERTIFICATE_FIELDS,
    ...GEO_FIELDS,
    ...RESPONSE_FIELDS,
  ].map((one) => [one.name, one]),
);

/** Fields of the language that are refused, with the reason. */
export const REFUSED_FIELDS: ReadonlyMap<string, RefusedField> = new Map(REFUSED_LIST.map((one) => [one.name, one]));
