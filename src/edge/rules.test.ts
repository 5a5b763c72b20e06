import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { connect, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { makeCa, makeServer } from '../../test/doubles/certificates.ts';
import { startEdge, type TestEdge, ZONE_ID } from '../../test/doubles/edge.ts';
import { customRules, rule, ruleset } from '../../test/doubles/rules.ts';
import { eachRequest, response, type ScriptedOrigin, scriptedOrigin, visitHttp } from '../../test/doubles/wire.ts';
import type { AccessRuleEntry, SnapshotEntry } from '../core/mod.ts';

let edge: TestEdge;
let origin: ScriptedOrigin;
let seen: string[] = [];

before(async () => {
  origin = await scriptedOrigin((socket) => {
    eachRequest(socket, (request) => {
      seen.push(request);
      const path = request.split(' ')[1]!;
      const score = /^\/score\?(.*)/.exec(path);
      if (score !== null) {
        socket.write(response('', '200 OK', `X-Score: ${score[1]}\r\n`), 'latin1');
        return;
      }
      const [status, fields] = path.startsWith('/missing') ? ['404 Not Found', ''] : ['200 OK', 'X-Origin: yes\r\n'];
      socket.write(response('from the origin', status, fields), 'latin1');
    });
  });
  edge = await startEdge(policy());
});
after(async () => {
  await edge.edge.drain();
  origin.close();
});

const policy = (...rules: readonly SnapshotEntry[]) => ({
  ssl: 'flexible' as const,
  hosts: { www: { port: origin.port } },
  rules,
});

/** What a visitor gets, and what the origin saw, with these rules. */
async function ask(rules: readonly SnapshotEntry[], request = 'GET /', fields = ''): Promise<string> {
  await edge.apply(policy(...rules));
  seen = [];
  const visitor = await visitHttp(edge);
  visitor.send(`${request} HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\n${fields}\r\n`);
  return await visitor.end();
}
/** The first request that the origin got. */
const received = (): string => seen[0] ?? '';
const status = (answer: string) => Number(answer.slice(9, 12));

test('a rule blocks, and the origin sees nothing', async () => {
  const answer = await ask([customRules(rule('r1', 'true', 'block'))]);
  assert.equal(status(answer), 403);
  assert.deepEqual(seen, []);
  const [event] = edge.edge.waf.events.take().events;
  assert.equal(event?.Action, 'block');
  assert.equal(event?.RuleID, 'r1');
  assert.equal(event?.EdgeResponseStatus, 403);
  assert.equal(event?.Source, 'firewallCustom');
  assert.equal(edge.takeLog().at(-1)?.SecurityRuleID, 'r1');
});

test('a rule that does not match, one that is off, and none at all let pass', async () => {
  assert.equal(status(await ask([customRules(rule('r1', 'false', 'block'))])), 200);
  assert.equal(status(await ask([customRules(rule('r1', 'true', 'block', null, { enabled: false }))])), 200);
  assert.equal(status(await ask([])), 200);
});

test('a block has the response that the rule gives it', async () => {
  const own = { response: { status_code: 418, content_type: 'text/plain', content: 'No tea' } };
  const answer = await ask([customRules(rule('r1', 'true', 'block', own))]);
  assert.equal(status(answer), 418);
  assert.match(answer, /\r\nContent-Type: text\/plain\r\n/);
  assert.ok(answer.endsWith('\r\n\r\nNo tea'));
});

test('log goes on, and what comes behind a block does not run', async () => {
  const rules = customRules(rule('r1', 'true', 'log'), rule('r2', 'true', 'block'), rule('r3', 'true', 'log'));
  edge.edge.waf.events.take();
  assert.equal(status(await ask([rules])), 403);
  assert.deepEqual(
    edge.edge.waf.events.take().events.map(({ RuleID, MatchIndex }) => [RuleID, MatchIndex]),
    [
      ['r1', 0],
      ['r2', 1],
    ],
  );
});

const rest = rule('rest', 'true', 'block');
for (const [name, parameters] of [
  ['the rest of its ruleset', { ruleset: 'current' }],
  ['the rest of its phase', { phase: 'current' }],
  ['rules that it names', { rules: { 'zone http_request_firewall_custom': ['rest'] } }],
] as const) {
  test(`skip: ${name}`, async () => {
    assert.equal(status(await ask([customRules(rule('s', 'true', 'skip', parameters), rest)])), 200);
  });
}

test('skip: other phases, and other rulesets', async () => {
  const managed = (action: string, parameters: Record<string, unknown> | null = null) =>
    ruleset('http_request_firewall_managed', [rule('m', 'true', action, parameters)]);
  const skip = (parameters: Record<string, unknown>) => customRules(rule('s', 'true', 'skip', parameters));
  assert.equal(status(await ask([skip({ products: ['bic'] }), managed('block')])), 403);
  assert.equal(status(await ask([skip({ phases: ['http_request_firewall_managed'] }), managed('block')])), 200);
  assert.equal(status(await ask([skip({ products: ['waf'] }), managed('block')])), 200);
  const custom = ruleset('http_request_firewall_managed', [rest], {
    id: 'c1',
    rulesetKind: 'custom',
    scope: 'account',
  });
  const executes = managed('execute', { id: 'c1' });
  assert.equal(status(await ask([custom, executes])), 403);
  assert.equal(status(await ask([custom, skip({ rulesets: ['c1'] }), executes])), 200);
});

test('what the account skips, it skips for the account alone', async () => {
  const skip = ruleset('http_request_firewall_custom', [rule('s', 'true', 'skip', { phase: 'current' }), rest], {
    scope: 'account',
  });
  assert.equal(status(await ask([skip])), 200);
  assert.equal(status(await ask([skip, customRules(rule('r1', 'true', 'block'))])), 403);
});

test('the account comes before the zone', async () => {
  const account = ruleset('http_request_firewall_custom', [rule('a', 'true', 'log')], { scope: 'account' });
  edge.edge.waf.events.take();
  await ask([customRules(rule('z', 'true', 'log')), account]);
  assert.deepEqual(
    edge.edge.waf.events.take().events.map(({ RuleID }) => RuleID),
    ['a', 'z'],
  );
});

test('execute runs a custom ruleset, with overrides', async () => {
  const custom = ruleset(
    'http_request_firewall_custom',
    [rule('c', 'true', 'block'), rule('off', 'true', 'block', null, { enabled: false })],
    { id: 'c1', rulesetKind: 'custom', scope: 'account' },
  );
  const execute = (overrides?: Record<string, unknown>) =>
    customRules(rule('x', 'true', 'execute', { id: 'c1', ...(overrides === undefined ? {} : { overrides }) }));
  assert.equal(status(await ask([custom, execute()])), 403);
  assert.equal(status(await ask([custom, execute({ enabled: false })])), 200);
  assert.equal(status(await ask([custom, execute({ action: 'log' })])), 200);
  assert.equal(status(await ask([custom, execute({ rules: [{ id: 'c', enabled: false }] })])), 200);
  const others = [
    { id: 'c', action: 'log' },
    { id: 'off', enabled: true },
  ];
  assert.equal(status(await ask([custom, execute({ rules: others })])), 403);
});

test('rules that cannot be carried out let nothing pass', async () => {
  assert.equal(status(await ask([customRules(rule('r1', 'no such thing', 'log'))])), 503);
  assert.equal(status(await ask([customRules(rule('r1', 'true', 'compress_response'))])), 503);
  assert.equal(status(await ask([customRules(rule('r1', 'true', 'execute', { id: 'nowhere' }))])), 503);
  assert.deepEqual(seen, []);
  assert.equal(edge.edge.waf.events.take().events.at(-1)?.Action, 'error');
  assert.equal(status(await ask([])), 200);
});

test('a redirect, to a value', async () => {
  const to = (more: Record<string, unknown>) =>
    ruleset('http_request_dynamic_redirect', [
      rule('r', 'true', 'redirect', { from_value: { target_url: { value: 'https://b.test/x' }, ...more } }),
    ]);
  const plain = await ask([to({ status_code: 308 })], 'GET /a?b=c');
  assert.equal(status(plain), 308);
  assert.match(plain, /\r\nLocation: https:\/\/b\.test\/x\r\n/);
  assert.match(
    await ask([to({ preserve_query_string: true })], 'GET /a?b=c'),
    /\r\nLocation: https:\/\/b\.test\/x\?b=c\r\n/,
  );
});

test('path, query and header fields are rewritten', async () => {
  const uri = ruleset('http_request_transform', [
    rule('u', 'true', 'rewrite', { uri: { path: { value: '/new' }, query: { value: 'q=1' } } }),
  ]);
  const headers = ruleset('http_request_late_transform', [
    rule('h', 'true', 'rewrite', {
      headers: {
        'X-Set': { operation: 'set', value: 'new' },
        'X-Gone': { operation: 'remove' },
        'X-More': { operation: 'add', value: 'two' },
      },
    }),
  ]);
  await ask([uri, headers], 'GET /old?q=0', 'x-set: old\r\nX-Gone: 1\r\nX-More: one\r\n');
  const [request] = seen;
  assert.match(request!, /^GET \/new\?q=1 HTTP\/1\.1\r\n/);
  assert.match(request!, /\r\nX-Set: new\r\n/);
  assert.doesNotMatch(request!, /old|x-gone/i);
  assert.match(request!, /\r\nX-More: one\r\n(?:.*\r\n)*X-More: two\r\n/);
});

test('header fields of responses are rewritten, and errors have the pages of rules', async () => {
  const headers = ruleset('http_response_headers_transform', [
    rule('h', 'true', 'rewrite', {
      headers: { 'X-Origin': { operation: 'remove' }, 'X-Edge': { operation: 'set', value: 'here' } },
    }),
  ]);
  const answer = await ask([headers]);
  assert.match(answer, /\r\nX-Edge: here\r\n/);
  assert.doesNotMatch(answer, /X-Origin/);
  const errors = ruleset('http_custom_errors', [
    rule('e', 'true', 'serve_error', { content: '<p>Sorry</p>', content_type: 'text/html', status_code: 410 }),
  ]);
  assert.equal(status(await ask([errors])), 200);
  const sorry = await ask([errors], 'GET /missing');
  assert.equal(status(sorry), 410);
  assert.ok(sorry.endsWith('<p>Sorry</p>'));
  // The connection that was cut short is not used again.
  assert.equal(status(await ask([errors])), 200);
});

test('a configuration rule sets the mode of a request, and an origin rule where it goes', async () => {
  const mode = (ssl: string) => ruleset('http_config_settings', [rule('m', 'true', 'set_config', { ssl })]);
  // Nothing listens for TLS there.
  assert.equal(status(await ask([mode('origin_pull')])), 525);
  assert.equal(status(await ask([])), 200);
  const route = (parameters: Record<string, unknown>) =>
    ruleset('http_request_origin', [rule('o', 'true', 'route', parameters)]);
  await ask([route({ host_header: 'inner.test' })]);
  assert.match(seen[0]!, /\r\nHost: inner\.test\r\n/);
  assert.equal(status(await ask([route({ origin: { port: 1 } })])), 521);
  assert.equal(status(await ask([route({ origin: { host: '127.0.0.1', port: origin.port } })])), 200);
});

test('a rate limit answers 429 beyond its limit', async () => {
  const limit = ruleset('http_ratelimit', [
    rule('l', 'true', 'block', null, {
      ratelimit: {
        characteristics: ['ip.src', 'cf.colo.id'],
        period: 60,
        requests_per_period: 2,
        mitigation_timeout: 60,
      },
    }),
  ]);
  const answers: number[] = [];
  for (let i = 0; i < 4; i++) answers.push(status(await ask([limit])));
  assert.deepEqual(answers, [200, 200, 429, 429]);
});

test('a challenge is answered with work, and its clearance lets pass', async () => {
  edge.edge.useTicketSecrets([new Uint8Array(32).fill(1)]);
  const rules = [customRules(rule('c', 'true', 'managed_challenge'))];
  const page = await ask(rules, 'GET /a?b=c', 'User-Agent: x\r\n');
  assert.equal(status(page), 403);
  assert.match(page, /\r\nCf-Mitigated: challenge\r\n/);
  const [, token, bits] = /token = '([^']+)', bits = (\d+)/.exec(page)!;
  const { createHash } = await import('node:crypto');
  let nonce = 0;
  while (Math.clz32(createHash('sha256').update(`${token}:${nonce}`).digest().readUInt32BE(0)) < Number(bits)) nonce++;
  const path = `/cdn-cgi/countersign/challenge?token=${token}&nonce=${nonce}&to=${encodeURIComponent('/a?b=c')}`;
  const solved = await ask(rules, `GET ${path}`, 'User-Agent: x\r\n');
  assert.equal(status(solved), 303);
  assert.match(solved, /\r\nLocation: \/a\?b=c\r\n/);
  const cookie = /\r\nSet-Cookie: (cf_clearance=[^;]+); Path=\/; Max-Age=1800; HttpOnly; SameSite=Lax\r\n/.exec(
    solved,
  )![1];
  assert.deepEqual(seen, []);
  assert.equal(status(await ask(rules, 'GET /', `User-Agent: x\r\nCookie: ${cookie}\r\n`)), 200);
  assert.equal(status(await ask(rules, 'GET /', `User-Agent: y\r\nCookie: ${cookie}\r\n`)), 403);
});

test('no path is exempt', async () => {
  const rules = [customRules(rule('r1', 'true', 'block'))];
  for (const path of ['/.well-known/acme-challenge/x', '/cdn-cgi/trace', '/favicon.ico', '*']) {
    assert.equal(status(await ask(rules, `${path === '*' ? 'OPTIONS' : 'GET'} ${path}`)), 403, path);
  }
  assert.deepEqual(seen, []);
});

const zoneRule = { scope: 'zone', scopeId: ZONE_ID } as const;
const access = (id: string, mode: AccessRuleEntry['mode'], value: string): AccessRuleEntry => ({
  kind: 'access_rule',
  ...zoneRule,
  id,
  mode,
  target: value.includes('/') ? 'ip_range' : 'ip',
  value,
});

test('IP access rules block, allow and challenge', async () => {
  const block = access('b', 'block', '127.0.0.0/8');
  assert.equal(status(await ask([block])), 403);
  assert.equal(status(await ask([block], 'GET /cdn-cgi/trace')), 403);
  assert.equal(status(await ask([access('b', 'block', '192.0.2.1')])), 200);
  const rules = customRules(rule('r', 'true', 'block'));
  assert.equal(status(await ask([block, access('w', 'whitelist', '127.0.0.1'), rules])), 200);
  assert.match(await ask([access('c', 'managed_challenge', '127.0.0.1')]), /Cf-Mitigated/);
});

test('a lockdown lets only its addresses to its URLs, however they are spelled', async () => {
  const lockdown = (addresses: readonly string[], paused = false): SnapshotEntry => ({
    kind: 'lockdown',
    id: 'l',
    zoneId: ZONE_ID,
    urls: ['www.a.test/admin*', 'www.a.test/only'],
    addresses,
    paused,
  });
  for (const path of ['/admin', '/admin/x', '/%61dmin', '//admin', '/x/../admin', '/ADMIN', '/only', '/only?x=1'])
    assert.equal(status(await ask([lockdown(['192.0.2.0/24'])], `GET ${path}`)), 403, path);
  assert.equal(status(await ask([lockdown(['192.0.2.0/24'])], 'GET /other')), 200);
  assert.equal(status(await ask([lockdown(['127.0.0.1'])], 'GET /admin')), 200);
  assert.equal(status(await ask([lockdown([], true)], 'GET /admin')), 200);
  const skip = customRules(rule('s', 'true', 'skip', { products: ['zoneLockdown'] }));
  assert.equal(status(await ask([lockdown([]), skip], 'GET /admin')), 200);
});

test('a user-agent rule blocks that agent', async () => {
  const rules: SnapshotEntry[] = [
    { kind: 'user_agent_rule', id: 'u', zoneId: ZONE_ID, mode: 'block', userAgent: 'Bad "Bot"\\1', paused: false },
  ];
  assert.equal(status(await ask(rules, 'GET /', 'User-Agent: Bad "Bot"\\1\r\n')), 403);
  assert.equal(status(await ask(rules, 'GET /', 'User-Agent: Bad\r\n')), 200);
});

test('rules see bodies, whole and cut, and origins get all of them', async () => {
  const rules = [
    customRules(
      rule('b', 'http.request.body.raw contains "attack"', 'block'),
      rule('t', 'http.request.body.truncated and http.request.uri.path eq "/short"', 'block'),
    ),
  ];
  await edge.apply(policy(...rules));
  const post = async (body: string, path = '/') => {
    seen = [];
    const visitor = await visitHttp(edge);
    visitor.send(
      `POST ${path} HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    visitor.send(body);
    return status(await visitor.end());
  };
  assert.equal(await post('an attack'), 403);
  assert.deepEqual(seen, []);
  assert.equal(await post('fine'), 200);
  assert.ok(received().endsWith('\r\n\r\nfine'));
  const long = 'x'.repeat(1_000_000);
  assert.equal(await post(long), 200);
  assert.ok(received().endsWith(`\r\n\r\n${long}`));
  assert.equal(await post(long, '/short'), 403);
  assert.equal(await post('x'.repeat(128 * 1024), '/short'), 200);
});

test('a visitor that waits for 100 Continue gets it where rules look at bodies', async () => {
  await edge.apply(policy(customRules(rule('b', 'http.request.body.raw contains "attack"', 'block'))));
  const visitor = await visitHttp(edge);
  visitor.send(
    'POST / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n',
  );
  await visitor.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  visitor.send('attack');
  assert.match(await visitor.end(), /\r\n\r\nHTTP\/1\.1 403 /);
});

test('values are worked out for each request, and none ends a header line', async () => {
  const uri = ruleset('http_request_transform', [
    rule('u', 'true', 'rewrite', { uri: { path: { expression: 'concat("/v2", http.request.uri.path)' } } }),
  ]);
  const headers = ruleset('http_request_late_transform', [
    rule('h', 'true', 'rewrite', {
      headers: { 'X-Seen': { operation: 'set', expression: 'url_decode(http.request.uri.query)' } },
    }),
  ]);
  await ask([uri, headers], 'GET /a?x%0d%0aX-Bad:%201');
  assert.match(seen[0]!, /^GET \/v2\/a\?x%0d%0aX-Bad:%201 HTTP\/1\.1\r\n/);
  assert.match(seen[0]!, /\r\nX-Seen: xX-Bad: 1\r\n/);
  const redirect = ruleset('http_request_dynamic_redirect', [
    rule('r', 'true', 'redirect', {
      from_value: { target_url: { expression: 'concat("https://b.test/", url_decode(http.request.uri.query))' } },
    }),
  ]);
  const answer = await ask([redirect], 'GET /?x%0d%0aX-Bad:%201');
  assert.match(answer, /\r\nLocation: https:\/\/b\.test\/x%0D%0AX-Bad:%201\r\n/);
});

const limited = (ratelimit: Record<string, unknown>, expression = 'true') =>
  ruleset('http_ratelimit', [
    rule('l', expression, 'block', null, {
      ratelimit: { characteristics: ['cf.colo.id', 'ip.src'], period: 60, mitigation_timeout: 60, ...ratelimit },
    }),
  ]);
/** Statuses of so many requests, with a fresh counter. */
async function statuses(rules: readonly SnapshotEntry[], requests: readonly (readonly [string, string])[]) {
  const answers: number[] = [];
  for (const [path, fields] of requests) answers.push(status(await ask(rules, `GET ${path}`, fields)));
  return answers;
}

test('rate limits count by characteristics, and a missing value is another than an empty one', async () => {
  const limit = limited({
    characteristics: ['cf.colo.id', 'http.request.headers["x-key"]'],
    requests_per_period: 1,
    period: 10,
  });
  const key = (value: string) => ['/', `X-Key: ${value}\r\n`] as const;
  const answers = await statuses(
    [limit],
    [key('a'), key('b'), ['/', ''], key(''), key('a'), key('b'), ['/', ''], key('')],
  );
  assert.deepEqual(answers, [200, 200, 200, 200, 429, 429, 429, 429]);
});

test('a counting expression counts other requests than those that are held back', async () => {
  const limit = limited(
    { requests_per_period: 2, period: 15, counting_expression: 'http.response.code eq 404' },
    'http.request.uri.path eq "/login"',
  );
  const login = ['/login', ''] as const;
  const missing = ['/missing', ''] as const;
  assert.deepEqual(
    await statuses([limit], [login, login, login, missing, login, missing, login, missing]),
    [200, 200, 200, 404, 200, 404, 429, 404],
  );
});

test('only what reaches the origin is counted, where a rule says so', async () => {
  const rules = (reach: boolean) => [
    limited({ requests_per_period: 1, period: reach ? 20 : 30, requests_to_origin: reach }),
    ruleset('http_request_firewall_managed', [rule('x', 'http.request.uri.path eq "/stop"', 'block')]),
  ];
  const stop = ['/stop', ''] as const;
  assert.deepEqual(await statuses(rules(false), [stop, stop]), [403, 429]);
  assert.deepEqual(await statuses(rules(true), [stop, stop, ['/', ''], stop]), [403, 403, 200, 429]);
});

test('a score that the origin gives is what counts', async () => {
  const limit = limited({ score_per_period: 10, period: 40, score_response_header_name: 'X-Score' });
  const score = (value: string) => [`/score?${value}`, ''] as const;
  const answers = await statuses([limit], [score('9'), score('0'), score('x'), score('1'), score('1')]);
  assert.deepEqual(answers, [200, 200, 200, 200, 429]);
});

test('an error in the rules lets nothing pass', async () => {
  const broken = { take: () => Promise.reject(new Error('the counters are away')) };
  const other = await startEdge({ ...policy(limited({ requests_per_period: 1 })) }, {}, [], undefined, {
    rateCounters: broken,
  });
  seen = [];
  const visitor = await visitHttp(other);
  visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\n\r\n');
  assert.equal(status(await visitor.end()), 503);
  assert.deepEqual(seen, []);
  assert.equal(other.edge.waf.events.take().events.at(-1)?.Description, 'the counters are away');
  await other.edge.drain();
});

test('an error in the rules lets requests pass where that is wanted', async () => {
  const broken = { take: () => Promise.reject(new Error('the counters are away')) };
  const rules = policy(limited({ requests_per_period: 1 }));
  const other = await startEdge(rules, {}, [], undefined, { rateCounters: broken, wafFailure: 'open' });
  const visitor = await visitHttp(other);
  visitor.send('GET / HTTP/1.1\r\nHost: www.a.test\r\nConnection: close\r\n\r\n');
  assert.equal(status(await visitor.end()), 200);
  assert.equal(other.edge.waf.events.take().events.at(-1)?.Action, 'error');
  await other.edge.drain();
});

test('custom fields come into the log', async () => {
  const fields = ruleset('http_log_custom_fields', [
    rule('f', 'true', 'log_custom_field', {
      request_fields: [{ name: 'X-Trace' }],
      response_fields: [{ name: 'x-origin' }],
      cookie_fields: [{ name: 'a' }],
    }),
  ]);
  edge.takeLog();
  await ask([fields], 'GET /', 'X-Trace: 7\r\nCookie: a=1; b=2\r\n');
  const { RequestHeaders, ResponseHeaders, Cookies } = edge.takeLog().at(-1)!;
  assert.deepEqual([RequestHeaders, ResponseHeaders, Cookies], [{ 'x-trace': '7' }, { 'x-origin': 'yes' }, { a: '1' }]);
});

test('over HTTP/2, on both sides, too', async () => {
  const server = await makeServer(await makeCa('Origin CA'), 'www.a.test');
  const http2Origin = createSecureServer({ cert: server.certificate, key: server.privateKey });
  http2Origin.on('stream', (stream: ServerHttp2Stream, { ':path': path }) => {
    stream.respond({ ':status': path === '/missing' ? 404 : 200, 'x-origin': 'yes' });
    stream.end('from the origin');
  });
  await new Promise<void>((resolve) => http2Origin.listen(0, '127.0.0.1', resolve));
  const other = await startEdge({
    hosts: { www: { port: (http2Origin.address() as AddressInfo).port } },
    rules: [
      customRules(rule('b', 'http.request.uri.path eq "/blocked"', 'block')),
      ruleset('http_custom_errors', [
        rule('e', 'true', 'serve_error', { content: 'Sorry', content_type: 'text/plain' }),
      ]),
      ruleset('http_response_headers_transform', [
        rule('h', 'true', 'rewrite', { headers: { 'X-Edge': { operation: 'set', value: 'here' } } }),
      ]),
    ],
  });
  const session = connect(`https://127.0.0.1:${other.httpsPort}`, {
    ca: other.root.certificate,
    servername: 'www.a.test',
  });
  const get = (path: string): Promise<readonly [number, string, string | undefined]> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path, ':authority': 'www.a.test' });
      let head: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
      let body = '';
      stream.on('response', (fields) => {
        head = fields;
      });
      stream.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      stream
        .on('end', () => resolve([head[':status']!, body, head['x-edge'] as string | undefined]))
        .on('error', reject);
    });
  assert.deepEqual(await get('/'), [200, 'from the origin', 'here']);
  assert.deepEqual((await get('/missing')).slice(0, 2), [404, 'Sorry']);
  assert.equal((await get('/blocked'))[0], 403);
  assert.deepEqual(await get('/'), [200, 'from the origin', 'here']);
  session.destroy();
  await other.edge.drain();
  http2Origin.close();
});
