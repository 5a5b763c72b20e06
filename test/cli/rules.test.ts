import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { geoDatabase, ipv4Bits } from '../doubles/geo-database.ts';
import { Workshop } from '../doubles/program.ts';

const workshop = new Workshop();

function file(text: string): string {
  const path = workshop.path('file');
  writeFileSync(path, text, 'latin1');
  return path;
}

test('an expression that is right', async () => {
  const { code, stdout, stderr } = await workshop.run(['rules', 'check', file('http.host eq "a"\n  and ssl\n')]);
  assert.deepEqual([code, stdout, stderr], [0, 'ok  http.host eq "a" and ssl\n', '']);
});

test('a list in YAML: those that are wrong are shown with a caret, and the answer is no', async () => {
  const path = file('- ssl\n- http.hots eq "a"\n- true\n- expression: cf.waf.score lt 20\n  action: block\n');
  const { code, stdout, stderr } = await workshop.run(['rules', 'check', path]);
  assert.equal(stderr, '2 of 4 refused.\n');
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^ok {2}ssl\nrefused {2}1:1: There is no field or function "http\.hots"\.\n {2}http\.hots eq "a"\n {2}\^{9}\nok {2}true\n/,
  );
  assert.match(stdout, /The field cf\.waf\.score cannot be used: no attack scoring/);
});

test('a ruleset in JSON, as JSON', async () => {
  const path = file(JSON.stringify({ rules: [{ expression: 'http.request.body.size > 1' }, { expression: '(' }] }));
  const { code, stdout } = await workshop.run(['rules', 'check', '--json', path]);
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout).expressions, [
    {
      expression: 'http.request.body.size > 1',
      uses: { fields: ['http.request.body.size'], lists: [], needsBody: true, needsResponse: false },
      error: null,
    },
    {
      expression: '(',
      uses: null,
      error: {
        message: 'Expected a field, a function, not or a parenthesis.',
        line: 1,
        column: 2,
        span: { start: 1, length: 1 },
      },
    },
  ]);
});

test('lists, phases and values', async () => {
  const list = file('# bad\n192.0.2.0/24\n\n2001:db8::1\n');
  const inList = file('ip.src in $bad');
  assert.equal((await workshop.run(['rules', 'check', inList])).code, 1);
  assert.equal((await workshop.run(['rules', 'check', '--list', `bad=${list}`, inList])).code, 0);
  const value = file('concat("/new", regex_replace(http.request.uri.path, "^/old", ""))');
  assert.equal((await workshop.run(['rules', 'check', '--value', value])).code, 1);
  const args = ['rules', 'check', '--value', '--phase', 'http_request_transform', value];
  assert.equal((await workshop.run(args)).code, 0);
  const wrong = await workshop.run(['rules', 'check', '--phase', 'nope', value]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^--phase must be one of http_request_sanitize, /);
});

const REQUEST = file(
  ['POST /login?next=%2F HTTP/1.1', 'Host: www.example.com:8443', 'X-A: caf\xc3\xa9', '', 'user=a&password=b'].join(
    '\r\n',
  ),
);

test('a request is evaluated, and the fields are shown', async () => {
  const expression = 'http.request.method eq "POST" and http.request.headers["x-a"][0] eq "café"';
  const { code, stdout, stderr } = await workshop.run(['rules', 'eval', '--request', REQUEST, expression]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^true\nFIELD +VALUE\nhttp\.request\.method +"POST"\nhttp\.request\.headers +\{"host":\["www/);
});

test('false is the answer no', async () => {
  const args = ['rules', 'eval', '--json', '--from', '192.0.2.7', '--request', REQUEST, 'not ip.src in {192.0.2.0/24}'];
  const { code, stdout } = await workshop.run(args);
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), { result: false, fields: { 'ip.src': '192.0.2.7' } });
});

test('a value, and the body', async () => {
  const args = [
    'rules',
    'eval',
    '--value',
    '--json',
    '--request',
    REQUEST,
    'concat(http.host, "|", http.request.body.raw)',
  ];
  const { code, stdout } = await workshop.run(args);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).result, 'www.example.com|user=a&password=b');
});

test('where an address is, by a database', async () => {
  const database = workshop.path('geo');
  writeFileSync(database, geoDatabase([[ipv4Bits('192.0.2.0', 24), { country: { iso_code: 'CH' } }]]));
  const args = ['rules', 'eval', '--request', REQUEST, 'ip.src.country eq "CH"'];
  const known = await workshop.run([...args, '--geoip', database, '--from', '192.0.2.1']);
  assert.deepEqual([known.code, known.stdout.split('\n')[0]], [0, 'true']);
  const unknown = await workshop.run([...args, '--json', '--geoip', database]);
  assert.deepEqual(JSON.parse(unknown.stdout), { result: false, fields: { 'ip.src.country': 'XX' } });
  assert.match((await workshop.run(args)).stderr, /needs a geo database, and there is none/);
  assert.match((await workshop.run([...args, '--geoip', REQUEST])).stderr, /is not a database in MaxMind's format/);
});

test('what is wrong is told', async () => {
  for (const [args, sentence] of [
    [['--request', REQUEST, 'nope'], /no field or function "nope"/],
    [['--request', 'nowhere', 'ssl'], /^nowhere cannot be read \(ENOENT\)\./],
    [['--request', file('hello'), 'ssl'], /must begin with a line/],
    [['--request', file('GET / HTTP/1.1\nnope'), 'ssl'], /"nope" is not a header field/],
    [['--request', REQUEST, '--from', 'x', 'ssl'], /--from must be an IP address/],
  ] as const) {
    const { code, stdout, stderr } = await workshop.run(['rules', 'eval', ...args]);
    assert.match(stderr, sentence);
    assert.deepEqual([code, stdout], [2, '']);
  }
});
