import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestFacts } from '../../../test/doubles/request-facts.ts';
import { formatAddress } from '../../match/mod.ts';
import {
  compileFilter,
  compileValue,
  FUNCTIONS,
  PHASES,
  type Phase,
  REFUSED_FUNCTIONS,
  type RequestFacts,
  RequestView,
  RuleError,
  type Value,
} from '../mod.ts';
import { decodeUrl, decodeUrlFully } from './url.ts';

const NOTHING = { lists: () => undefined, hasGeo: true };

function evaluated(expression: string, facts: Partial<RequestFacts>, phase: Phase): Value | null {
  const { evaluate } = compileValue(expression, { ...NOTHING, phase }, null);
  const value = evaluate(new RequestView(requestFacts(facts)));
  if (value === undefined) return null;
  return typeof value === 'object' && 'family' in value ? formatAddress(value) : value;
}

const body = (raw: string): Partial<RequestFacts> => ({ body: { raw, size: raw.length, isTruncated: false } });
const header = (name: string, ...values: string[]): Partial<RequestFacts> => ({
  headers: values.map((value) => [name, value]),
});
const CUSTOM = 'http_request_firewall_custom';
const REWRITE = 'http_request_transform';
const RESPONSE = 'http_response_headers_transform';
const V6 = '2001:0000:130F:0000:0000:09C0:876A:130B';
const CATEGORIES = header('x-categories', 'groceries,electronics,diy,auto');
const RAW = 'http.request.body.raw';
const PATH = 'http.request.uri.path';
const QUERY = 'http.request.uri.query';
const HEADER = (name: string) => `http.request.headers["${name}"]`;

/** What an expression gives; null where its value is missing. */
const VALUES: readonly [expression: string, facts: Partial<RequestFacts>, value: Value | null, phase?: Phase][] = [
  ['lower(http.host)', { host: 'WWW.cloudflare.com' }, 'www.cloudflare.com'],
  ['lower(http.host)', { host: '\xc0A' }, '\xc0a'],
  ['upper(http.host)', { host: 'www.cloudflare.com' }, 'WWW.CLOUDFLARE.COM'],
  ['upper(http.host)', { host: '\xe0\xb5\xdfa' }, '\xe0\xb5\xdfA'],
  [`lower(${HEADER('x')}[0])`, {}, null],
  ['len(http.host)', { host: 'example.com' }, 11],
  [`len(${HEADER('x-categories')}[0])`, header('x-categories', 'caf\xc3\xa9'), 5],
  ['len(http.request.headers.names)', CATEGORIES, 1],
  [`len(${HEADER('x')}[0])`, {}, null],
  [`len(${HEADER('x')}[*])`, header('x', 'a', '', 'abc'), [1, 0, 3]],
  ['concat("String1", " ", "String", "2")', {}, 'String1 String2'],
  [`concat(${HEADER('x')}[0], "a", ${HEADER('x')}[1])`, header('x', 'b'), 'ba'],
  ['concat(http.request.headers.names, http.request.headers.values)', header('a', 'b'), ['a', 'b']],
  [`concat(${HEADER('x')}[*], "!")`, header('x', 'a', 'b'), ['a!', 'b!']],
  [`starts_with(${PATH}, "/blog")`, { path: '/blog/first-post' }, true],
  [`starts_with(${PATH}, "blog")`, { path: '/blog/first-post' }, false],
  [`ends_with(${PATH}, ".html")`, { path: '/welcome.html' }, true],
  [`ends_with(${PATH}, http.host)`, { path: '/welcome.html', host: 'html' }, true],
  [`starts_with(${HEADER('x')}[0], "")`, {}, null],
  [`substring(${RAW}, 2, 5)`, body('asdfghjk'), 'dfg'],
  [`substring(${RAW}, 2)`, body('asdfghjk'), 'dfghjk'],
  [`substring(${RAW}, -2)`, body('asdfghjk'), 'jk'],
  [`substring(${RAW}, 0, -2)`, body('asdfghjk'), 'asdfgh'],
  [`substring(${RAW}, 5, 2)`, body('asdfghjk'), ''],
  [`substring(${RAW}, -100, 100)`, body('asdfghjk'), 'asdfghjk'],
  ['remove_bytes(http.host, "\\x2e\\x77")', { host: 'www.cloudflare.com' }, 'cloudflarecom'],
  ['remove_bytes(http.host, "")', { host: 'a.b' }, 'a.b'],
  [`url_decode(${RAW})`, body('John%20Doe'), 'John Doe'],
  [`url_decode(${RAW})`, body('John+Doe'), 'John Doe'],
  [`url_decode(${RAW})`, body('%2520'), '%20'],
  [`url_decode(${RAW}, "r")`, body('%2520'), ' '],
  [`url_decode(${RAW})`, body('%E4%BD'), '\xe4\xbd'],
  [`url_decode(${RAW}, "u")`, body('%u2601'), '\xe2\x98\x81'],
  [`url_decode(${RAW}, "ur")`, body('%2575%u0025u2601'), '%75\xe2\x98\x81'.replace('%75', 'u')],
  [`url_decode(${RAW})`, body('%u2601'), '%u2601'],
  [`url_decode(${RAW})`, body('%2'), '%2'],
  [`url_decode(${RAW})`, body('%zz%'), '%zz%'],
  [`url_decode(${RAW}, "u")`, body('%ud800'), '%ud800'],
  [`lookup_json_string(${RAW}, "company")`, body('{ "company": "cloudflare", "product": "rulesets" }'), 'cloudflare'],
  [`lookup_json_string(${RAW}, "network", "name")`, body('{ "network": { "name": "cloudflare" } }'), 'cloudflare'],
  [`lookup_json_string(${RAW}, 1)`, body('["other_company", "cloudflare"]'), 'cloudflare'],
  [`lookup_json_string(${RAW}, "networks", 1)`, body('{ "networks": ["other", "cloudflare"] }'), 'cloudflare'],
  [`lookup_json_string(${RAW}, 1, "network")`, body('[{ "network": "other" }, { "network": "cf" }]'), 'cf'],
  [`lookup_json_string(${RAW}, "a")`, body('{"a":"caf\xc3\xa9"}'), 'caf\xc3\xa9'],
  [`lookup_json_string(${RAW}, "é")`, body('{"\xc3\xa9":"x"}'), 'x'],
  [`lookup_json_string(${RAW}, "a")`, body('{"a":1}'), null],
  [`lookup_json_string(${RAW}, "constructor", "name")`, body('{}'), null],
  [`lookup_json_string(${RAW}, "a")`, body('{"a":'), null],
  [`lookup_json_string(${RAW}, "length")`, body('["a"]'), null],
  [`lookup_json_integer(${RAW}, "version")`, body('{ "record_id": "aed53a", "version": 2 }'), 2],
  [`lookup_json_integer(${RAW}, "product", "id")`, body('{ "product": { "id": 356 } }'), 356],
  [`lookup_json_integer(${RAW}, 1)`, body('["first_item", -234]'), -234],
  [`lookup_json_integer(${RAW}, "network_ids", 0)`, body('{ "network_ids": [123, 456] }'), 123],
  [`lookup_json_integer(${RAW}, 1, "product_id")`, body('[{ "product_id": 123 }, { "product_id": 456 }]'), 456],
  [`lookup_json_integer(${RAW}, "a")`, body('{"a":42.0}'), null],
  [`lookup_json_integer(${RAW}, "a")`, body('{"a":4e1}'), null],
  [`lookup_json_integer(${RAW}, "a")`, body('{"a":"42"}'), null],
  [`lookup_json_integer(${RAW}, "a")`, body('{"a":90071992547409931}'), null],
  [`lookup_json_string(${RAW}, 0)`, body('['.repeat(100_000)), null],
  ['cidr(ip.src, 24, 24)', { visitorAddress: '113.10.0.2' }, '113.10.0.0'],
  ['cidr(ip.src, 24, 24)', { visitorAddress: V6 }, '2001::'],
  ['cidr6(ip.src, 24)', { visitorAddress: V6 }, '2001::'],
  ['cidr6(ip.src, 24)', { visitorAddress: '113.10.0.2' }, '113.10.0.2'],
  [`decode_base64(${HEADER('client_id')}[*])`, header('client_id', 'MTIzYWJj'), ['123abc']],
  [`decode_base64(${HEADER('a')}[0])`, header('a', 'YQ'), 'a'],
  [`decode_base64(${HEADER('a')}[0])`, header('a', 'Y*=='), null],
  [`decode_base64(${HEADER('a')}[*])`, header('a', 'YQ==', '!', 'Yg=='), ['a', 'b']],
  [
    'join(http.request.headers.names, ",")',
    {
      headers: [
        ['A', '1'],
        ['B', '2'],
      ],
    },
    'A,B',
  ],
  ['join(http.request.headers.names, ",")', header('one', 'x'), 'one'],
  ['join(http.request.headers.names, ",")', { headers: [] }, ''],
  [`join(${HEADER('x')}, ",")`, {}, null],
  [`split(${HEADER('x-categories')}[0], ",", 64)`, CATEGORIES, ['groceries', 'electronics', 'diy', 'auto'], RESPONSE],
  [`split(${HEADER('x-categories')}[0], ",", 3)`, CATEGORIES, ['groceries', 'electronics', 'diy,auto'], RESPONSE],
  [
    `split(${HEADER('x')}[0], ",", 64)`,
    header('x', 'groceries,,electronics'),
    ['groceries', '', 'electronics'],
    RESPONSE,
  ],
  [`split(${HEADER('x')}[0], ",", 1)`, header('x', 'a,b'), ['a,b'], RESPONSE],
  [`split(${HEADER('x')}[0], ",", 64)`, {}, null, RESPONSE],
  ['has_key(http.request.headers, "x-my-header")', header('X-My-Header', ''), true],
  ['has_key(http.request.headers, "X-My-Header")', header('X-My-Header', ''), false],
  [`has_key(http.request.headers, lower(http.request.uri.args.names[0]))`, { ...header('a', 'b'), query: 'A=1' }, true],
  [`has_key(http.request.headers, http.request.uri.args.names[0])`, header('a', 'b'), null],
  ['has_value(http.request.headers.names, "X-My-Header")', header('X-My-Header', ''), true],
  ['has_value(http.request.headers.names, "x-my-header")', header('X-My-Header', ''), false],
  ['encode_base64("hello world")', {}, 'aGVsbG8gd29ybGQ', RESPONSE],
  ['encode_base64("hello world", "p")', {}, 'aGVsbG8gd29ybGQ=', RESPONSE],
  ['encode_base64("hello world", "u")', {}, 'aGVsbG8gd29ybGQ', RESPONSE],
  ['encode_base64("\\xfb\\xff", "up")', {}, '-_8=', RESPONSE],
  ['encode_base64(sha256(""), "p")', {}, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', RESPONSE],
  ['regex_replace("/foo/bar", "/bar$", "/baz")', {}, '/foo/baz', REWRITE],
  ['regex_replace("/x", "^/y$", "/mumble")', {}, '/x', REWRITE],
  ['regex_replace("/foo", "^/FOO$", "/x")', {}, '/foo', REWRITE],
  ['regex_replace("/a/a", "/a", "/b")', {}, '/b/a', REWRITE],
  ['regex_replace("/b", "^/b$", "/b$$")', {}, '/b$', REWRITE],
  [`regex_replace("/foo/a/path", "^/foo/([^/]*)/(.*)$", "/bar/\${2}/\${1}")`, {}, '/bar/path/a', REWRITE],
  [
    `wildcard_replace(http.request.full_uri, "https://*.example.com/*/*", "https://example.com/\${1}/\${2}/\${3}")`,
    { host: 'apps.example.com', path: '/calendar/admin', query: 'expand=true' },
    'https://example.com/apps/calendar/admin?expand=true',
    REWRITE,
  ],
  [
    `wildcard_replace(http.request.full_uri, "/applications/*", "/apps/\${1}")`,
    { host: 'example.com', path: '/applications/app1' },
    'https://example.com/applications/app1',
    REWRITE,
  ],
  [`wildcard_replace(${PATH}, "/*", "/apps/\${1}")`, { path: '/calendar' }, '/apps/calendar', REWRITE],
  [`wildcard_replace(${PATH}, "/apps/*", "/\${1}")`, { path: '/Apps/calendar' }, '/calendar', REWRITE],
  [`wildcard_replace(${PATH}, "/apps/*", "/\${1}", "s")`, { path: '/Apps/calendar' }, '/Apps/calendar', REWRITE],
  [
    `wildcard_replace(${PATH}, "/apps/*/login", "/\${1}/login")`,
    { path: '/apps/calendar/login' },
    '/calendar/login',
    REWRITE,
  ],
  ['to_string(cf.edge.server_port)', {}, '443', REWRITE],
  ['to_string(ssl)', {}, 'true', REWRITE],
  ['to_string(ip.src)', { visitorAddress: '2001:DB8:0:0::1' }, '2001:db8::1', REWRITE],
  ['uuidv4(cf.random_seed)', {}, '30313233-3435-4637-b839-616263646566', REWRITE],
  ['uuidv4(cf.random_seed)', { randomSeed: 'short' }, null, REWRITE],
  [`remove_query_args(${QUERY}, "country")`, { query: 'order=asc&country=GB' }, 'order=asc', REWRITE],
  [`remove_query_args(${QUERY}, "order")`, { query: 'order=asc&country=GB' }, 'country=GB', REWRITE],
  [`remove_query_args(${QUERY}, "search")`, { query: 'order=asc&country=GB' }, 'order=asc&country=GB', REWRITE],
  [
    `remove_query_args(${QUERY}, "order")`,
    { query: 'category=Foo&order=desc&category=Bar' },
    'category=Foo&category=Bar',
    REWRITE,
  ],
  [`remove_query_args(${QUERY}, "category")`, { query: 'category=Foo&order=desc&category=Bar' }, 'order=desc', REWRITE],
  [`remove_query_args(raw.${QUERY}, "a", "b")`, { query: 'a=1&b&c&a' }, 'c', REWRITE],
];
for (const [expression, facts, value, phase = CUSTOM] of VALUES) {
  const given = JSON.stringify(Object.values(facts)).slice(0, 60);
  test(`${expression} of ${given} is ${JSON.stringify(value)}`, () =>
    assert.deepEqual(evaluated(expression, facts, phase), value));
}

const NOW = 1_484_063_137;
const mac = (message: string, time: number, key = 'mysecretkey') =>
  createHmac('sha256', key).update(`${message}${time}`);

const TOKENS: readonly [name: string, call: string, target: (at: number) => string, age: number, isValid: boolean][] = [
  [
    'in one field',
    '8',
    (at) => `/cat.jpg?verify=${at}-${encodeURIComponent(mac('/cat.jpg', at).digest('base64'))}`,
    0,
    true,
  ],
  ['not encoded', '8', (at) => `/cat.jpg?verify=${at}-${mac('/cat.jpg', at).digest('base64')}`, 0, true],
  ['for URLs', '8, "s"', (at) => `/cat.jpg?verify=${at}-${mac('/cat.jpg', at).digest('base64url')}`, 0, true],
  [
    'for URLs, without the flag',
    '8',
    (at) => `/cat.jpg?verify=${at}-${mac('/cat.jpg', at).digest('base64url')}`,
    0,
    false,
  ],
  [
    'without separator',
    '0',
    (at) => `/cat.jpg${at}-${encodeURIComponent(mac('/cat.jpg', at).digest('base64'))}`,
    0,
    true,
  ],
  [
    'in its last second',
    '8',
    (at) => `/cat.jpg?verify=${at}-${encodeURIComponent(mac('/cat.jpg', at).digest('base64'))}`,
    1000,
    true,
  ],
  [
    'too old',
    '8',
    (at) => `/cat.jpg?verify=${at}-${encodeURIComponent(mac('/cat.jpg', at).digest('base64'))}`,
    1001,
    false,
  ],
  [
    'of another message',
    '8',
    (at) => `/dog.jpg?verify=${at}-${encodeURIComponent(mac('/cat.jpg', at).digest('base64'))}`,
    0,
    false,
  ],
  [
    'of another key',
    '8',
    (at) => `/cat.jpg?verify=${at}-${encodeURIComponent(mac('/cat.jpg', at, 'x').digest('base64'))}`,
    0,
    false,
  ],
  ['cut short', '8', (at) => `/cat.jpg?verify=${at}-${mac('/cat.jpg', at).digest('base64').slice(0, 20)}`, 0, false],
  ['empty', '8', () => '/', 0, false],
];
for (const [name, call, target, age, isValid] of TOKENS) {
  test(`a token ${name} is ${isValid ? 'valid' : 'refused'}`, () => {
    const expression = `is_timed_hmac_valid_v0("mysecretkey", http.request.uri, 1000, http.request.timestamp.sec, ${call})`;
    const at = NOW - age;
    const [path, query = ''] = target(at).split('?');
    // Whatever the target says: '=' of the padding stays.
    const facts = requestFacts({ path: path!, query, time: NOW * 1000 });
    const filter = compileFilter(expression, { ...NOTHING, phase: CUSTOM });
    assert.equal(filter.matches(new RequestView(facts)), isValid);
  });
}

test('a token made of several fields', () => {
  const expression = `is_timed_hmac_valid_v0("mysecretkey", concat(http.request.uri, ${HEADER('timestamp')}[0], "-", ${HEADER('mac')}[0]), 1000, http.request.timestamp.sec, 0)`;
  const headers = [
    ['timestamp', `${NOW}`],
    ['mac', encodeURIComponent(mac('/cat.jpg', NOW).digest('base64'))],
  ] as const;
  const filter = compileFilter(expression, { ...NOTHING, phase: CUSTOM });
  assert.equal(filter.matches(new RequestView(requestFacts({ path: '/cat.jpg', headers, time: NOW * 1000 }))), true);
});

const REFUSED: readonly [expression: string, says: RegExp, phase?: Phase][] = [
  ['cidr(ip.src, 33, 24)', /between 1 and 32/],
  ['cidr(ip.src, 24, 0)', /between 1 and 128/],
  ['cidr(1.2.3.4, 24, 24)', /not a literal/],
  ['cidr(ip.src, 24, 24)', /http_ratelimit/, REWRITE],
  ['cidr(ip.src, cf.edge.server_port, 24)', /written out/],
  ['url_decode("a")', /not a literal/],
  ['url_decode(http.host, "x")', /made of r and u/],
  ['decode_base64(http.host)', /is for the phases/, 'http_request_dynamic_redirect'],
  [`split(${PATH}, "", 2)`, /not empty/, RESPONSE],
  [`split(${PATH}, "/", 129)`, /between 1 and 128/, RESPONSE],
  [`split(${PATH}, "/")`, /3 arguments/, RESPONSE],
  ['concat("a", http.request.headers.names)', /one type/],
  ['has_value(http.request.headers.names, 1)', /type of the elements/],
  ['has_value(http.request.headers, "a")', /simple values/],
  [`regex_replace(${PATH}, "(", "")`, /has no \)/, REWRITE],
  [`regex_replace(${PATH}, "a", "\${1}")`, /captures 0/, REWRITE],
  [`regex_replace(${PATH}, "(a)", "$1")`, /number in braces/, REWRITE],
  [`regex_replace(regex_replace(${PATH}, "a", "b"), "a", "b")`, /only once/, REWRITE],
  [`regex_replace(wildcard_replace(${PATH}, "a", "b"), "a", "b")`, /only once/, REWRITE],
  [`wildcard_replace(${PATH}, "**", "")`, /no \*\*/, REWRITE],
  [`wildcard_replace("a", "*", "")`, /not a literal/, REWRITE],
  [`wildcard_replace(${PATH}, "*", "", "i")`, /that is "s"/, REWRITE],
  [`wildcard_replace(${PATH}, "*", "")`, /is for the phases/, RESPONSE],
  ['remove_query_args(http.host, "a")', /Expected http\.request\.uri\.query/, REWRITE],
  [`remove_query_args(${QUERY})`, /2 or more/, REWRITE],
  ['to_string(http.host)', /an Integer, a Boolean or an IP address/, REWRITE],
  ['uuidv4(http.host)', /is for the phases/, 'http_request_dynamic_redirect'],
  ['is_timed_hmac_valid_v0(http.host, http.host, 1, 1)', /written out/],
  ['bit_slice(ip, 0, 1)', /about packets/],
  ['is_jwt_valid("x")', /token configurations/],
];
for (const [expression, says, phase = CUSTOM] of REFUSED) {
  test(`refused: ${expression} in ${phase}`, () =>
    assert.throws(
      () => compileValue(expression, { ...NOTHING, phase }, null),
      (error) => error instanceof RuleError && says.test(error.message),
    ));
}

test('every function says where it may be used, and none is both taken and refused', () => {
  for (const { name, phases } of FUNCTIONS.values()) {
    assert.ok(phases === null || phases.every((phase) => PHASES.includes(phase)), name);
    assert.ok(!REFUSED_FUNCTIONS.has(name), name);
  }
});

test('decoding until nothing is left is decoding again and again', () => {
  const text = fc.string({ unit: fc.constantFrom('%', '2', '5', '4', '1', 'u', '0', '+', 'B', '3'), maxLength: 24 });
  fc.assert(
    fc.property(text, fc.boolean(), (source, isUnicode) => {
      let [before, after] = ['', source];
      while (before !== after) [before, after] = [after, decodeUrl(after, isUnicode)];
      assert.equal(decodeUrlFully(source, isUnicode), after);
    }),
    { numRuns: 5000 },
  );
});

test('decoding until nothing is left takes time in proportion to the text', () => {
  assert.equal(decodeUrlFully(`%${'25'.repeat(200_000)}41`, false), 'A');
});
