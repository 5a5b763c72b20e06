import { type Explanation, explain, resolve, type Scheme, type SnapshotIndex } from '../core/mod.ts';
import type { FindPlace } from '../platform/mod.ts';
import { type DryRun, dryRun, type HeaderField, normalisePath } from '../waf/mod.ts';

/** A request that somebody asks about. */
export interface AskedRequest {
  readonly url: URL;
  /** As it was written. */
  readonly text: string;
  readonly method: string;
  readonly headers: readonly HeaderField[];
  readonly address: string;
  /** The port that the visitor would use; undefined for the scheme's own. */
  readonly port: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The decision about a request: what the rules do, and which client certificate its origin pull presents. Plain data. */
export interface RequestExplanation extends Explanation {
  readonly rules: DryRun;
}

/** Explains a request of a zone that is in `index`: rules first, for they may set the encryption mode. */
export async function explainRequest(
  index: SnapshotIndex,
  asked: AskedRequest,
  findPlace: FindPlace | null,
): Promise<RequestExplanation> {
  const { url, text, port } = asked;
  const scheme: Scheme = url.protocol === 'https:' ? 'https' : 'http';
  const hostname = url.hostname.replace(/\.$/, '');
  const rules = await dryRun(
    index,
    index.zoneOf(hostname)!,
    facts(asked, scheme, hostname, findPlace),
    findPlace !== null,
  );
  const resolution = resolve(index, hostname, scheme, port, rules.route?.ssl ?? null);
  return { ...explain(text, hostname, scheme, resolution), rules };
}

function facts(
  { url, method, headers, address, now }: AskedRequest,
  scheme: Scheme,
  host: string,
  findPlace: FindPlace | null,
) {
  const query = url.search.slice(1);
  return {
    method,
    scheme,
    host,
    rawTarget: url.pathname + url.search,
    path: normalisePath(url.pathname),
    query,
    version: 'HTTP/1.1' as const,
    headers: [['Host', url.host] as const, ...headers],
    areHeadersTruncated: false,
    visitorAddress: address,
    serverAddress: '',
    serverPort: scheme === 'https' ? 443 : 80,
    tls: scheme === 'https' ? { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' } : null,
    visitorCertificate: null,
    rayId: '0000000000000000',
    time: now,
    randomSeed: '0'.repeat(16),
    body: null,
    response: null,
    geo: findPlace?.(address) ?? null,
    timings: { edge: 0, originFirstByte: 0 },
  };
}
