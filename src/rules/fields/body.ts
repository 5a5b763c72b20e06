/** Fields of the request's body (spec/waf.md 1.4). */

import { sniffMime } from '../mime.ts';
import type { Part } from '../multipart.ts';
import { Pairs } from '../pairs.ts';
import { arrayOf, mapOf, STRINGS } from '../types.ts';
import { boolean, field, integer, pairs, string, strings } from './define.ts';
import type { Field } from './field.ts';

const BODY = { need: 'body' } as const;

export const BODY_FIELDS: readonly Field[] = [
  string('http.request.body.raw', (view) => view.body.raw, BODY),
  integer('http.request.body.size', (view) => view.body.size, BODY),
  boolean('http.request.body.truncated', (view) => view.body.isTruncated, BODY),
  string('http.request.body.mime', (view) => sniffMime(view.body.raw), BODY),
  ...pairs('http.request.body.form', (view) => view.form, BODY),
  field('http.request.body.multipart', mapOf(STRINGS), (view) => valuesByName(view.parts), BODY),
  strings('http.request.body.multipart.values', (view) => view.parts.map(({ value }) => value), BODY),
  ofParts('names', ({ names }) => names),
  ofParts('content_types', ({ contentTypes }) => contentTypes),
  ofParts('content_dispositions', ({ contentDispositions }) => contentDispositions),
  ofParts('content_transfer_encodings', ({ transferEncodings }) => transferEncodings),
  ofParts('filenames', ({ fileNames }) => fileNames),
];

/** One list for each part. */
function ofParts(name: string, read: (part: Part) => readonly string[]): Field {
  return field(`http.request.body.multipart.${name}`, arrayOf(STRINGS), (view) => view.parts.map(read), BODY);
}

function valuesByName(parts: readonly Part[]): ReadonlyMap<string, readonly string[]> {
  const named = parts.flatMap(({ names, value }) => names.map((name) => [name, value] as const));
  return new Pairs(
    parts,
    named.map(([name]) => name),
    named.map(([, value]) => value),
  ).map;
}
