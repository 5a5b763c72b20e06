import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFacts } from '../../test/doubles/request-facts.ts';
import { type CompileOptions, compileFilter, type RequestFacts, RequestView, RuleError } from './mod.ts';

const OPTIONS: CompileOptions = {
  phase: 'http_request_firewall_custom',
  hasGeo: true,
  lists: (name) =>
    name === 'bad_ips'
      ? { listKind: 'ip', items: ['192.0.2.0/24', '2001:db8::1'] }
      : name === 'hosts'
        ? { listKind: 'hostname', items: ['a.test', '*.example.com'] }
        : name === 'asns'
          ? { listKind: 'asn', items: ['13335', '64500'] }
          : undefined,
};

function matches(expression: string, facts: Partial<RequestFacts> = {}): boolean {
  return compileFilter(expression, OPTIONS).matches(new RequestView(requestFacts(facts)));
}

function refusal(expression: string): RuleError {
  try {
    compileFilter(expression, OPTIONS);
  } catch (error) {
    assert.ok(error instanceof RuleError, String(error));
    return error;
  }
  return assert.fail(`${expression} was taken`);
}

const FACTS: Partial<RequestFacts> = {
  path: '/Blog/Post.HTML',
  query: 'a=1&b=2&a=3&empty=',
  headers: [
    ['Host', 'www.example.com'],
    ['User-Agent', 'curl/8.0 "x"'],
    ['X-Nums', 'one'],
    ['x-nums', 'two'],
    ['X-Bytes', '\xe9\x00\x7f'],
    ['X-Utf8', 'caf\xc3\xa9'],
  ],
};

/** What is true of `FACTS`, by the trap of spec/waf.md 1.2 that it is about. */
const TRUE: readonly [trap: string, expression: string][] = [
  ['1', 'notssl or ssl'],
  ['1', 'cf.edge.server_port==443or ssl'],
  ['1', 'ssl and http.host eq"www.example.com"'],
  ['1', 'cf.edge.server_port in{443}and ssl'],
  ['2', 'not cf.edge.server_port == 80'],
  ['2', 'not cf.edge.server_port == 80 and ssl'],
  ['2', '!(cf.edge.server_port == 443) or ssl'],
  ['2', 'not not ssl'],
  ['2', '!!ssl'],
  ['3', 'http.user_agent contains "\\"x\\""'],
  ['3', 'http.request.headers["x-bytes"][0] eq "\\xe9\\000\\177"'],
  ['3', 'http.request.headers["x-bytes"][0] eq e9:00-7f'],
  ['3', 'http.request.headers["x-utf8"][0] eq "café"'],
  ['3', 'http.request.uri.path eq r"/Blog/Post.HTML"'],
  ['3', 'http.user_agent contains r#""x""#'],
  ['4', 'http.user_agent matches "\\"x\\"$"'],
  ['4', 'http.user_agent matches "[\\"]x["]$"'],
  ['4', 'http.user_agent ~ "^curl/\\d\\.\\d "'],
  ['4', 'http.user_agent matches r#""x"$"#'],
  ['5', 'http.request.uri.path matches "Post"'],
  ['5', 'http.request.uri.path matches "(?i)^/blog/"'],
  ['5', 'http.request.headers["x-utf8"][0] matches "^.{5}$"'],
  ['5', 'http.request.headers["x-utf8"][0] matches "(?u)^.{4}$"'],
  ['6', 'http.request.uri.path wildcard "/blog/*.html"'],
  ['6', 'not http.request.uri.path strict wildcard "/blog/*"'],
  ['6', 'http.request.uri.path strict wildcard "/Blog/*"'],
  ['6', 'not http.request.uri.path wildcard "/blog"'],
  ['6', 'not http.request.uri.path wildcard "/blog/?ost.html"'],
  ['7', 'ip.src in {192.0.2.0/24 2001:db8::/32}'],
  ['7', 'ip.src in {192.0.2.0..192.0.2.9}'],
  ['7', 'not ip.src in {}'],
  ['7', 'ip.src != 2001:db8::1'],
  ['7', 'not ip.src < 2001:db8::1'],
  ['7', 'not ip.src > ::'],
  ['7', 'not ip.src == ::ffff:192.0.2.1'],
  ['8', 'http.host contains ""'],
  ['8', 'http.request.uri.path < "/a" and http.request.uri.path >= "/B"'],
  ['8', 'http.request.headers["x-bytes"][0] > "z"'],
  ['8', 'ip.src <= 192.0.2.1 and ip.src > 192.0.1.255'],
  ['9', 'any(http.request.uri.args["a"][*] == "3")'],
  ['9', 'any(http.request.uri.args["a"][*] == "1" and http.request.uri.args["b"][*] == "2")'],
  ['9', 'not any(http.request.uri.args["a"][*] == "3" and http.request.uri.args["b"][*] == "2")'],
  ['9', 'all(not http.request.uri.args["a"][*] == "2")'],
  ['9', 'all(http.request.uri.args["a"][*] == "1" xor http.request.uri.args["a"][*] == "3")'],
  ['10', 'any(lower(http.request.headers.names[*])[*] == "user-agent")'],
  ['10', 'any(len(http.request.uri.args["a"][*])[*] == 1)'],
  ['10', 'all(starts_with(http.request.headers["x-nums"][*], "one"))  or ssl'],
  ['10', 'any(starts_with(http.request.headers["x-nums"][*], "two"))'],
  ['10', 'any(http.request.uri.args[*][*] == "2")'],
  ['10', 'any(http.request.uri.args[*][1] == "3")'],
  ['10', 'all(http.request.uri.args[*][1] == "3")'],
  ['10', 'len(http.request.headers.names) == 6'],
  ['11', 'not http.request.headers["nope"][0] ne "x"'],
  ['11', 'not http.request.headers["nope"][0] eq "x"'],
  ['11', 'not http.request.headers["nope"][0] lt "x"'],
  ['11', 'not http.request.headers["nope"][0] in {"x"}'],
  ['11', 'not len(http.request.headers["nope"][0]) == 0'],
  ['11', 'not http.request.uri.args["a"][2] ne "x"'],
  ['11', 'not starts_with(http.request.headers["nope"][0], "")'],
  ['12', 'not any(http.request.headers["nope"][*] == "x")'],
  ['12', 'all(http.request.headers["nope"][*] matches "x")'],
  ['12', 'not all(starts_with(http.request.headers["nope"][*], "x"))'],
  ['14', 'ssl\r\n  and\nssl'],
  ['15', 'http.request.uri.args [0] eq "x" or ssl'.replace(' [0] eq "x"', '["a"][ 0 ] eq "1"')],
  ['16', 'true'],
  ['16', ' true '],
  ['precedence', 'ssl or ssl and not ssl'],
  ['precedence', 'ssl xor not ssl and ssl'],
  ['precedence', 'not ssl and ssl or ssl'],
  ['precedence', 'ssl || ssl ^^ ssl && ssl'],
  ['precedence', '(ssl or ssl) xor not ssl'],
  ['integers', 'cf.edge.server_port == 0x1bb'],
  ['integers', 'cf.edge.server_port == 0673'],
  ['integers', 'cf.edge.server_port > -1'],
  ['integers', 'cf.edge.server_port & 0x1'],
  ['integers', 'not cf.edge.server_port bitwise_and 4'],
  ['integers', 'cf.edge.server_port in {80 400..500 8443}'],
  ['integers', 'not cf.edge.server_port in {1..442 444..65535}'],
  ['lists', 'ip.src in $bad_ips'],
  ['lists', 'http.host in $hosts'],
  ['lists', 'not ip.src.asnum in $asns'],
  ['strings', 'http.request.method in {"GET" "HEAD"}'],
  ['strings', 'not http.request.method in {}'],
];
for (const [trap, expression] of TRUE) {
  test(`trap ${trap}: ${expression.replaceAll('\n', ' ')}`, () => assert.equal(matches(expression, FACTS), true));
}

const deep = (levels: number) => `${'('.repeat(levels)}ssl${')'.repeat(levels)}`;

/** What is refused: where, what is underlined, and what the sentence says. */
const REFUSED: readonly [expression: string, at: string, underlined: string, says: RegExp][] = [
  ['', '1:1', '', /Expected an expression/],
  ['false and true', '1:1', 'false', /no field or function "false"/],
  ['nope == 1', '1:1', 'nope', /no field or function "nope"/],
  ['ssl and nope', '1:9', 'nope', /no field or function "nope"/],
  ['ssl\nand nope', '2:5', 'nope', /no field or function "nope"/],
  ['ssl\tand ssl', '1:4', '\tand ssl', /Expected an operator/],
  ['ssl ssl', '1:5', 'ssl', /Expected an operator/],
  ['ssl == true', '1:5', '== true', /Expected an operator/],
  ['(ssl', '1:5', '', /Expected \)/],
  ['http.host', '1:10', '', /comparison operator for the type String/],
  ['http.host is "x"', '1:11', 'i', /comparison operator/],
  ['http.host not in {"x"}', '1:11', 'n', /not stands before the whole comparison/],
  ['http.host eq x', '1:14', 'x', /a string in double quotes/],
  ['http.host eq "a\\nb"', '1:16', '\\n', /behind the backslash/],
  ['http.host eq "\\xg0"', '1:15', '\\x', /behind the backslash/],
  ['http.host eq "\\400"', '1:15', '\\4', /behind the backslash/],
  ['http.host eq "abc', '1:14', '"abc', /no closing quote/],
  ['http.host eq r#"abc"', '1:14', 'r#"abc"', /no closing "#/],
  ['http.host & 1', '1:11', '&', /& is not for the type String/],
  ['cf.edge.server_port contains "4"', '1:21', 'contains', /contains is not for the type Integer/],
  ['cf.edge.server_port == 018', '1:24', '018', /octal/],
  ['cf.edge.server_port == 1and ssl', '1:24', '1a', /decimal/],
  ['cf.edge.server_port == 9007199254740993', '1:24', '9007199254740993', /between -9007199254740991/],
  ['cf.edge.server_port in {5..1}', '1:25', '5..1', /ends before it begins/],
  ['cf.edge.server_port in {1, 2}', '1:26', ',', /separated by spaces/],
  ['cf.edge.server_port in {1 2', '1:28', '', /Expected \}/],
  ['ip.src == 10.0.0.0/8', '1:11', '10.0.0.0/8', /only inside \{ \}/],
  ['ip.src in {10.0.0.1/8}', '1:12', '10.0.0.1/8', /must be zero/],
  ['ip.src in {10.0.0.1..::1}', '1:12', '10.0.0.1..::1', /one family/],
  ['ip.src in {10.0.0.0/33}', '1:12', '10.0.0.0/33', /0 to 32/],
  ['ip.src == "10.0.0.1"', '1:11', '"', /Expected an IP address/],
  ['http.host matches "("', '1:19', '"("', /this \( has no \)/],
  ['http.host matches "(?=a)"', '1:19', '"(?=a)"', /look-around/],
  ['http.host wildcard "a**"', '1:20', '"a**"', /no \*\*/],
  ['http.host wildcard r"a\\b"', '1:20', 'r"a\\b"', /behind a backslash/],
  ['http.host wildcard 61:62', '1:20', '6', /a string in double quotes/],
  ['http.host strict  wildcard "a"', '1:11', 's', /comparison operator/],
  ['http.request.headers == "x"', '1:21', ' ', /Expected an index/],
  ['http.request.headers["a"] == "x"', '1:26', ' ', /Expected an index/],
  ['http.request.headers[0] == "x"', '1:21', '[0]', /a key in double quotes/],
  ['http.request.headers["a"]["b"] == "x"', '1:26', '["b"]', /a position/],
  ['http.host[0] == "x"', '1:10', '[0]', /no index/],
  ['http.request.headers["a"][4294967296] == "x"', '1:27', '4294967296', /below 4294967296/],
  ['http.request.headers["a"][-1] == "x"', '1:27', '-', /Expected a position/],
  ['http.request.headers["a"][*] == "x"', '1:1', 'http.request.headers["a"][*] == "x"', /any\(\) or all\(\)/],
  ['ssl and http.request.uri.args["a"][*] == "x"', '1:9', 'http.request.uri.args["a"][*] == "x"', /one Boolean/],
  ['any(ssl)', '1:5', 'ssl', /Array<Boolean>, not Boolean/],
  ['any(http.request.headers.names)', '1:31', ')', /Expected an index/],
  ['any()', '1:1', 'any()', /1 argument for any, not 0/],
  ['len("x", "y") == 1', '1:1', 'len("x", "y")', /1 argument for len, not 2/],
  ['starts_with("foo", "f")', '1:13', '"foo"', /not a literal/],
  ['lower(ssl) == "x"', '1:7', 'ssl', /a String, not Boolean/],
  ['any(concat("a", http.request.headers.names[*])[*] == "x")', '1:17', 'http.request.headers.names[*]', /no \[\*\]/],
  ['ip.src in $nope', '1:11', '$nope', /no list \$nope/],
  ['ip.src in $cf.anonymizer', '1:11', '$cf.anonymizer', /managed lists/],
  ['ip.src in $hosts', '1:11', '$hosts', /list of hostnames/],
  ['ip.src in $Bad', '1:12', 'B', /name of a list/],
  ['ip.src in $.bad', '1:12', '.bad', /name of a list/],
  ['cf.bot_management.score lt 30', '1:1', 'cf.bot_management.score', /no bot detection/],
  ['http.response.code == 404', '1:1', 'http.response.code', /when the response has come/],
  ['regex_replace(http.host, "a", "b") == "x"', '1:1', 'regex_replace', /not for filters/],
  ['split(http.host, ".", 2)[0] == "x"', '1:1', 'split', /http_response_headers_transform/],
  [deep(129), '1:129', '(', /at most 128 levels/],
  [`ssl or http.host eq "${'x'.repeat(4095)}"`, '1:4097', `${'x'.repeat(20)}"`, /at most 4096 characters/],
];
for (const [expression, at, underlined, says] of REFUSED) {
  test(`refused: ${expression.slice(0, 60).replaceAll('\n', ' ')}`, () => {
    const { line, column, span, message } = refusal(expression);
    assert.match(message, says);
    assert.equal(`${line}:${column}`, at);
    assert.equal(expression.slice(span.start, span.start + span.length), underlined);
  });
}

test('trap 13: 128 levels are taken, of parentheses, not and calls', () => {
  assert.equal(matches(deep(128)), true);
  assert.equal(matches(`${'not '.repeat(128)}ssl`), true);
  assert.equal(matches(`${'lower('.repeat(128)}http.host${')'.repeat(128)} == "www.example.com"`), true);
  assert.match(refusal(`${'!'.repeat(129)}ssl`).message, /128/);
  assert.match(refusal(`${'lower('.repeat(129)}http.host${')'.repeat(129)} == "x"`).message, /128/);
});

test('trap 16: true and false stand alone', () => {
  assert.equal(matches('false'), false);
  assert.match(refusal('(true)').message, /no field or function/);
});

test('an error shows the line, with carets below what is meant', () => {
  assert.equal(
    refusal('ssl and\n  http.hots eq "x"').render(),
    '2:3: There is no field or function "http.hots".\n    http.hots eq "x"\n    ^^^^^^^^^',
  );
});

test('a filter says what it looks at', () => {
  const filter = compileFilter('http.host eq "a" and (ip.src in $bad_ips or http.request.body.size > 1)', OPTIONS);
  assert.deepEqual([...filter.fields], ['http.host', 'ip.src', 'http.request.body.size']);
  assert.deepEqual([...filter.lists], ['bad_ips']);
  assert.deepEqual([filter.needsBody, filter.needsResponse], [true, false]);
  const counting = compileFilter('http.response.code eq 401', { ...OPTIONS, stage: 'response' });
  assert.equal(counting.needsResponse, true);
});

test('hostname lists cover what is below a wildcard, not its own name', () => {
  assert.equal(matches('http.host in $hosts', { host: 'a.b.example.com' }), true);
  assert.equal(matches('http.host in $hosts', { host: 'example.com' }), false);
  assert.equal(matches('http.host in $hosts', { host: 'a.test' }), true);
  assert.equal(matches('http.host in $hosts', { host: 'xexample.com' }), false);
});
