/** What the benchmark's rules say, and what nginx is told for the same. */
interface TypicalRule {
  readonly expression: string;
}

/** So many custom rules as zones have them; a usual request matches none. */
export function typicalRules(count: number): readonly TypicalRule[] {
  return Array.from({ length: count }, (_, i) => ({ expression: KINDS[i % KINDS.length]!(i) }));
}

const KINDS: readonly ((i: number) => string)[] = [
  (i) => `http.request.uri.path eq "/admin/${i}"`,
  (i) => `starts_with(http.request.uri.path, "/internal/${i}/")`,
  (i) => `ip.src in {198.51.100.${i % 256} 192.0.2.0/24 10.${i % 256}.0.0/16}`,
  (i) => `http.user_agent contains "scanner-${i}"`,
  (i) => `http.request.method eq "DELETE" and http.request.uri.path contains "/api/${i}"`,
  (i) => `http.request.uri.query contains "debug${i}=" or http.referer contains "spam${i}.example"`,
  (i) => `lower(http.request.uri.path) matches "^/wp-(admin|login)-${i}"`,
  (i) => `http.host eq "old${i}.a.test" and not ssl`,
  (i) => `any(http.request.headers["x-forwarded-host"][*] eq "evil${i}.example")`,
  (i) => `http.cookie contains "tracker${i}=" and http.request.uri.path wildcard "/shop/*/${i}"`,
];

/** A rate limit that no visitor of the benchmark meets. */
export const LIMIT_RULE = {
  action: 'block',
  expression: 'http.request.uri.path contains "/"',
  ratelimit: {
    characteristics: ['cf.colo.id', 'ip.src'],
    period: 60,
    requests_per_period: 1_000_000_000,
    mitigation_timeout: 60,
  },
};
