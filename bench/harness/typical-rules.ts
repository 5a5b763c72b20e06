/** What the benchmark's rules say. */
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

/** What the benchmark's visitor asks for. */
export const TARGET = '/shop/search/shoes?q=shoes&page=2&sort=price';

export const HEADERS = [
  ['Host', 'www.a.test'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['Accept-Language', 'en-GB,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br'],
  ['Referer', 'https://www.a.test/shop/cart?item=42&from=mail'],
  ['Cookie', 'session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes'],
] as const;

/** nginx variables for what the rules look at, in the order of `KINDS`, and the keys of their maps. */
const MAPS: readonly (readonly [variable: string, source: string, keys: (i: number) => readonly string[]])[] = [
  ['by_path', '$uri', (i) => [`/admin/${i}`]],
  ['by_prefix', '$uri', (i) => [`~^/internal/${i}/`]],
  ['by_address', 'geo', (i) => [`198.51.100.${i % 256}`, `10.${i % 256}.0.0/16`]],
  ['by_agent', '$http_user_agent', (i) => [`~scanner-${i}`]],
  ['by_method', '"$request_method $uri"', (i) => [`"~^DELETE .*/api/${i}"`]],
  ['by_query', '"$args $http_referer"', (i) => [`"~debug${i}=|spam${i}.example"`]],
  ['by_word', '$uri', (i) => [`"~*^/wp-(admin|login)-${i}"`]],
  ['by_host', '$host', (i) => [`old${i}.a.test`]],
  ['by_forwarded', '$http_x_forwarded_host', (i) => [`evil${i}.example`]],
  ['by_cookie', '"$http_cookie $uri"', (i) => [`"~tracker${i}=.* /shop/.*/${i}$"`]],
];

/** The same rules as nginx's `map` and `geo` blocks, as near as they come. */
export function typicalMaps(count: number): { readonly maps: string; readonly variables: readonly string[] } {
  const blocks = MAPS.map(([variable, source, keys], kind) => {
    const ofKind = Array.from({ length: count }, (_, i) => i).filter((i) => i % MAPS.length === kind);
    const lines = new Set(ofKind.flatMap(keys));
    if (source === 'geo') lines.add('192.0.2.0/24');
    const head = source === 'geo' ? `geo $${variable}` : `map ${source} $${variable}`;
    return `${head} { default 0; ${[...lines].map((key) => `${key} 1;`).join(' ')} }`;
  });
  return { maps: blocks.join('\n  '), variables: MAPS.map(([variable]) => variable) };
}
