/** Fields of the request line, the URI, headers and cookies, and their raw forms (spec/waf.md 1.4). */

import { mapOf, STRINGS } from '../types.ts';
import { boolean, field, integer, pairs, string, strings } from './define.ts';
import type { Field } from './field.ts';

export const REQUEST_FIELDS: readonly Field[] = [
  string('http.cookie', (view) => view.header('cookie', '; ')),
  string('http.host', ({ facts }) => facts.host),
  string('http.referer', (view) => view.header('referer', ', ')),
  string('http.user_agent', (view) => view.header('user-agent', ', ')),
  string('http.x_forwarded_for', (view) => view.header('x-forwarded-for', ', ')),
  string('http.request.full_uri', (view) => view.origin + view.uri),
  string('http.request.method', ({ facts }) => facts.method),
  string('http.request.uri', (view) => view.uri),
  string('http.request.uri.path', ({ facts }) => facts.path),
  string('http.request.uri.path.extension', ({ facts }) => extensionOf(facts.path).toLowerCase()),
  string('http.request.uri.query', ({ facts }) => facts.query),
  ...pairs('http.request.uri.args', (view) => view.arguments),
  string('http.request.version', ({ facts }) => facts.version),
  ...pairs('http.request.headers', (view) => view.headers),
  boolean('http.request.headers.truncated', ({ facts }) => facts.areHeadersTruncated),
  field('http.request.cookies', mapOf(STRINGS), (view) => view.cookies.map),
  strings('http.request.accepted_languages', (view) => acceptedLanguages(view.header('accept-language', ',')), {
    phases: ['http_request_transform', 'http_request_late_transform', 'http_response_headers_transform'],
  }),
  integer('http.request.timestamp.sec', ({ facts }) => Math.floor(facts.time / 1000)),
  integer('http.request.timestamp.msec', ({ facts }) => Math.floor(facts.time % 1000)),
  boolean('ssl', ({ facts }) => facts.scheme === 'https'),
  string('raw.http.request.full_uri', (view) => view.origin + view.facts.rawTarget),
  string('raw.http.request.uri', ({ facts }) => facts.rawTarget),
  string('raw.http.request.uri.path', (view) => view.rawPath),
  string('raw.http.request.uri.path.extension', (view) => extensionOf(view.rawPath)),
  string('raw.http.request.uri.query', (view) => view.rawQuery),
  ...pairs('raw.http.request.uri.args', (view) => view.rawArguments),
];

/** What follows the last dot of the last segment; empty where that dot begins or ends it. */
function extensionOf(path: string): string {
  const segment = path.slice(path.lastIndexOf('/') + 1);
  const dot = segment.lastIndexOf('.');
  return dot > 0 ? segment.slice(dot + 1) : '';
}

/** Language tags by weight, without `*`. */
function acceptedLanguages(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => {
      const [tag, ...parameters] = item.split(';').map((part) => part.trim());
      const weight = parameters.find((part) => part.startsWith('q='));
      return { tag: tag!, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 };
    })
    .filter(({ tag }) => tag !== '' && tag !== '*')
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}
