import { type Address, parsePeer } from '../match/mod.ts';
import { type Part, readMultipart } from './multipart.ts';
import { Pairs, readArguments, readCookies } from './pairs.ts';
import type { BodyFacts, HeaderField, RequestFacts, ResponseFacts } from './request-facts.ts';

const NO_BODY: BodyFacts = { raw: '', size: 0, isTruncated: false };

/**
 * A request while rules look at it: the facts, and what was derived from them, each once. One for a request, through all phases:
 * what is derived follows the facts when they change.
 */
export class RequestView {
  readonly facts: RequestFacts;
  #uri: { readonly path: string; readonly query: string; readonly text: string } | null = null;
  #headers: Pairs | null = null;
  #cookies: Pairs | null = null;
  #arguments: Pairs | null = null;
  #rawArguments: Pairs | null = null;
  #form: Pairs | null = null;
  #parts: { readonly source: string; readonly list: readonly Part[] } | null = null;
  #responseHeaders: Pairs | null = null;
  #rawResponseHeaders: Pairs | null = null;
  #visitor: { readonly source: string; readonly address: Address | null } | null = null;

  constructor(facts: RequestFacts) {
    this.facts = facts;
  }

  /** The header fields; keys of the map are lower case. */
  get headers(): Pairs {
    const { headers } = this.facts;
    if (this.#headers?.source !== headers) this.#headers = headerPairs(headers);
    return this.#headers!;
  }

  /** The values of a header field (its name in lower case), joined by `separator`; empty where there is none. */
  header(name: string, separator: string): string {
    const values = this.headers.map.get(name);
    if (values === undefined) return '';
    return values.length === 1 ? values[0]! : values.join(separator);
  }

  get cookies(): Pairs {
    const text = this.header('cookie', '; ');
    if (this.#cookies?.source !== text) this.#cookies = readCookies(text);
    return this.#cookies!;
  }

  get arguments(): Pairs {
    const { query } = this.facts;
    if (this.#arguments?.source !== query) this.#arguments = readArguments(query);
    return this.#arguments!;
  }

  get rawArguments(): Pairs {
    const query = this.rawQuery;
    if (this.#rawArguments?.source !== query) this.#rawArguments = readArguments(query);
    return this.#rawArguments!;
  }

  /** Path and query as they are now. */
  get uri(): string {
    const { path, query } = this.facts;
    if (query === '') return path;
    if (this.#uri?.path !== path || this.#uri.query !== query) this.#uri = { path, query, text: `${path}?${query}` };
    return this.#uri.text;
  }

  get rawPath(): string {
    const { rawTarget } = this.facts;
    const mark = rawTarget.indexOf('?');
    return mark < 0 ? rawTarget : rawTarget.slice(0, mark);
  }

  get rawQuery(): string {
    const { rawTarget } = this.facts;
    const mark = rawTarget.indexOf('?');
    return mark < 0 ? '' : rawTarget.slice(mark + 1);
  }

  /** Scheme and host, before a path. */
  get origin(): string {
    return `${this.facts.scheme}://${this.facts.host}`;
  }

  /** The visitor's address; null for one that cannot be read. */
  get visitor(): Address | null {
    const { visitorAddress } = this.facts;
    if (this.#visitor?.source !== visitorAddress)
      this.#visitor = { source: visitorAddress, address: parsePeer(visitorAddress) };
    return this.#visitor!.address;
  }

  get body(): BodyFacts {
    return this.facts.body ?? NO_BODY;
  }

  /** The fields of an urlencoded body; none of another one. */
  get form(): Pairs {
    const isForm = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(this.header('content-type', ','));
    const text = isForm ? this.body.raw : '';
    if (this.#form?.source !== text) this.#form = readArguments(text);
    return this.#form!;
  }

  /** The parts of a multipart body; none of another one. */
  get parts(): readonly Part[] {
    const { raw } = this.body;
    if (this.#parts?.source !== raw)
      this.#parts = { source: raw, list: readMultipart(this.header('content-type', ','), raw) };
    return this.#parts!.list;
  }

  get response(): ResponseFacts | null {
    return this.facts.response;
  }

  get responseHeaders(): Pairs | null {
    const headers = this.facts.response?.headers;
    if (headers === undefined) return null;
    if (this.#responseHeaders?.source !== headers) this.#responseHeaders = headerPairs(headers);
    return this.#responseHeaders!;
  }

  get rawResponseHeaders(): Pairs | null {
    const headers = this.facts.response?.rawHeaders;
    if (headers === undefined) return null;
    if (this.#rawResponseHeaders?.source !== headers) this.#rawResponseHeaders = headerPairs(headers);
    return this.#rawResponseHeaders!;
  }
}

function headerPairs(fields: readonly HeaderField[]): Pairs {
  const names = fields.map(([name]) => name);
  const values = fields.map(([, value]) => value);
  return new Pairs(fields, names, values, (name) => name.toLowerCase());
}
