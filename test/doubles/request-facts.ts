import type { RequestFacts } from '../../src/rules/mod.ts';

/** A request for tests of rules: `GET https://www.example.com/` from 192.0.2.1, and what `facts` say otherwise. */
export function requestFacts(facts: Partial<RequestFacts> = {}): RequestFacts {
  const path = facts.path ?? '/';
  const query = facts.query ?? '';
  return {
    method: 'GET',
    scheme: 'https',
    host: 'www.example.com',
    rawTarget: query === '' ? path : `${path}?${query}`,
    path,
    query,
    version: 'HTTP/1.1',
    headers: [['Host', 'www.example.com']],
    areHeadersTruncated: false,
    visitorAddress: '192.0.2.1',
    serverAddress: '198.51.100.1',
    serverPort: 443,
    tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
    visitorCertificate: null,
    rayId: '230b030023ae2822',
    time: 1_484_063_137_857,
    randomSeed: '0123456789abcdef',
    body: null,
    response: null,
    geo: null,
    timings: { edge: 0, originFirstByte: 0 },
    ...facts,
  };
}
