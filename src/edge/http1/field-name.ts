import { detached } from '../detached.ts';
import type { HeadText } from './head-text.ts';
import { standsInBytes } from './stands.ts';

/**
 * What the codec does with a field of this name. `pass` goes on as it came, `drop` never does; the others have a
 * member of their own in the parsed head, and some of them go on as they came besides.
 */
export type FieldRole =
  | 'pass'
  | 'drop'
  | 'host'
  | 'content-length'
  | 'transfer-encoding'
  | 'connection'
  | 'upgrade'
  | 'expect'
  | 'accept'
  | 'accept-encoding'
  | 'content-type'
  | 'x-forwarded-for'
  | 'cf-connecting-ip'
  | 'cdn-loop'
  | 'traceparent'
  | 'priority'
  | 'content-encoding'
  | 'date';

/** A field name that was seen and found valid. */
export interface FieldName {
  /** As it came. */
  readonly name: string;
  readonly lower: string;
  readonly role: FieldRole;
  /** It goes on as it came. */
  readonly passes: boolean;
}

const PASSING: ReadonlySet<FieldRole> = new Set(['pass', 'accept', 'content-type', 'traceparent', 'priority', 'date']);

/** RFC 9110 section 5.6.2. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const MAX_NAMES = 2048;
/** Places for names by their hash: a power of two. */
const PLACES = 1024;

/**
 * The names of one direction, looked up by the exact bytes that came. The table keeps what it has seen, so that a
 * usual header costs one look-up and no lower-casing; it never grows beyond 2,048 names, whoever sends what.
 */
export class FieldNames {
  readonly #roles: ReadonlyMap<string, FieldRole>;
  readonly #seen = new Map<string, FieldName>();
  readonly #byHash: (FieldName | undefined)[] = new Array(PLACES).fill(undefined);

  constructor(roles: ReadonlyMap<string, FieldRole>) {
    this.#roles = roles;
  }

  /** The names that have a role, in lower case. */
  get names(): readonly string[] {
    return [...this.#roles.keys()];
  }

  /** The name's entry, or null where it is not a token (RFC 9110 section 5.1). */
  get(name: string): FieldName | null {
    return this.#seen.get(name) ?? this.#add(name);
  }

  /**
   * The entry of the token that stands in a head from `start` to `end`. `hash` tells names apart that are not the same; it may be
   * any function of them. One of the usual names makes nothing.
   */
  find({ text, bytes, base }: HeadText, start: number, end: number, hash: number): FieldName {
    const place = hash & (PLACES - 1);
    const known = this.#byHash[place];
    if (known !== undefined && standsInBytes(known.name, bytes, base + start, base + end)) return known;
    const found = this.get(text.slice(start, end))!;
    this.#byHash[place] = found;
    return found;
  }

  #add(name: string): FieldName | null {
    if (!TOKEN.test(name)) return null;
    const own = detached(name);
    const lower = own.toLowerCase();
    const role = this.#roleOf(lower);
    const entry = { name: own, lower, role, passes: PASSING.has(role) };
    if (this.#seen.size < MAX_NAMES) this.#seen.set(own, entry);
    return entry;
  }

  #roleOf(lower: string): FieldRole {
    if (!lower.includes('_')) return this.#roles.get(lower) ?? 'pass';
    // CGI-like origins read `_` as `-`: a spelling that could be taken for a field of ours goes no further.
    return this.#roles.has(lower.replaceAll('_', '-')) ? 'drop' : 'pass';
  }
}

const roles = (...groups: [FieldRole, string][]): ReadonlyMap<string, FieldRole> =>
  new Map(groups.flatMap(([role, names]) => names.split(' ').map((name): [string, FieldRole] => [name, role])));

/** Names in requests. Dropped: hop-by-hop fields, and what the edge alone may say to an origin (origin-pulls 4.1, RFC 9440). */
export const REQUEST_FIELDS = new FieldNames(
  roles(
    ['host', 'host'],
    ['content-length', 'content-length'],
    ['transfer-encoding', 'transfer-encoding'],
    ['connection', 'connection'],
    ['upgrade', 'upgrade'],
    ['expect', 'expect'],
    ['accept', 'accept'],
    ['accept-encoding', 'accept-encoding'],
    ['content-type', 'content-type'],
    ['x-forwarded-for', 'x-forwarded-for'],
    ['cf-connecting-ip', 'cf-connecting-ip'],
    ['cdn-loop', 'cdn-loop'],
    ['traceparent', 'traceparent'],
    ['priority', 'priority'],
    ['drop', 'keep-alive proxy-connection proxy-authorization proxy-authenticate te http2-settings'],
    ['drop', 'x-forwarded-proto x-real-ip cf-visitor cf-ray cf-ipcountry cf-connecting-ipv6 cf-pseudo-ipv4'],
    ['drop', 'true-client-ip cf-worker cf-ew-via cf-connecting-o2o client-cert client-cert-chain'],
    ['drop', 'cf-client-cert-der-base64 cf-client-cert-sha256 cf-cert-presented cf-cert-verified cf-cert-revoked'],
  ),
);

/** Names in responses. Dropped: hop-by-hop fields, and what origin-pulls 4.1 removes or sets anew. */
export const RESPONSE_FIELDS = new FieldNames(
  roles(
    ['content-length', 'content-length'],
    ['transfer-encoding', 'transfer-encoding'],
    ['connection', 'connection'],
    ['upgrade', 'upgrade'],
    ['content-encoding', 'content-encoding'],
    ['date', 'date'],
    ['drop', 'keep-alive proxy-connection proxy-authenticate te server cf-ray cf-cache-status alt-svc'],
    ['drop', 'x-accel-buffering x-accel-charset x-accel-limit-rate x-accel-redirect'],
  ),
);
