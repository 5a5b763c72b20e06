import { Buffer } from 'node:buffer';
import { detached } from '../detached.ts';
import { writeString } from './hpack-writer.ts';
import { STATIC_LENGTH, STATIC_NAMES } from './static-table.ts';

/**
 * How fields of a name are sent (RFC 7541 section 6.2): `index` adds them to the peer's table; `plain` does not, for
 * values that hardly come twice; `never` asks every hop to do likewise, for secrets (section 7.1.3).
 */
export type Indexing = 'index' | 'plain' | 'never';

/** What is known of a field name, whatever the connection. */
export interface IndexedName {
  readonly name: string;
  readonly indexing: Indexing;
  /** The name's first entry in the static table, and how many it has there; 0 where there is none. */
  readonly staticIndex: number;
  readonly staticCount: number;
  /** The name as a string literal (section 5.2). */
  readonly literal: Buffer;
  /** The value that was last sent plain, and its literal once it was sent twice in a row (`Date`, for a second). */
  lastValue: string;
  lastLiteral: Buffer | null;
}

const NEVER = new Set(['authorization', 'cookie', 'proxy-authorization', 'set-cookie']);
const PLAIN = new Set(
  [
    ':path age cf-connecting-ip cf-ray content-length content-range date etag expires if-modified-since if-none-match',
    'last-modified location range request-id server-timing traceparent x-amz-id-2 x-amz-request-id x-forwarded-for',
    'x-request-id x-response-time x-runtime x-trace-id',
  ].flatMap((names) => names.split(' ')),
);

const MAX_NAMES = 2048;
const MAX_KEPT_LENGTH = 256;
const seen = new Map<string, IndexedName>();

/** Looks a lower-case name up. Keeps what it has seen, never more than 2,048 names. */
export function indexedName(name: string): IndexedName {
  return seen.get(name) ?? add(name);
}

function add(name: string): IndexedName {
  const buffer = Buffer.alloc(name.length + 8);
  const staticIndex = Math.max(0, STATIC_NAMES.indexOf(name, 1));
  const indexed: IndexedName = {
    name: detached(name),
    indexing: NEVER.has(name) ? 'never' : PLAIN.has(name) ? 'plain' : 'index',
    staticIndex,
    staticCount: staticIndex === 0 ? 0 : STATIC_NAMES.lastIndexOf(name, STATIC_LENGTH) - staticIndex + 1,
    literal: Buffer.from(buffer.subarray(0, writeString(name, buffer, 0))),
    lastValue: '',
    lastLiteral: null,
  };
  if (seen.size < MAX_NAMES && name.length <= MAX_KEPT_LENGTH) seen.set(indexed.name, indexed);
  return indexed;
}
