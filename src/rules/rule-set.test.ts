import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestFacts } from '../../test/doubles/request-facts.ts';
import { type CompileOptions, compileFilter, type Filter, RequestView, ruleSet } from './mod.ts';

const OPTIONS: CompileOptions = { phase: 'http_request_firewall_custom', lists: () => undefined, hasGeo: false };

function allOf(filters: readonly Filter[], view: RequestView): number[] {
  const set = ruleSet(filters);
  const found: number[] = [];
  for (let at = set.next(view, 0); at >= 0; at = set.next(view, at + 1)) found.push(at);
  return found;
}

const host = fc.constantFrom('a', 'b', 'c');
const hostTest = fc
  .tuple(
    fc.constantFrom('http.host contains', 'lower(http.host) contains', 'http.host matches', 'http.host wildcard'),
    fc.constantFrom('', 'a', 'B', 'ab', '(?i)b', 'a|bc', 'b+c', '[ab]c', 'a*'),
  )
  .map(([left, right]) => `${left} "${right}"`);
const leaf = fc.oneof(
  hostTest,
  host.map((name) => `http.host eq "${name}"`),
  fc.array(host, { maxLength: 2 }).map((names) => `http.host in {${names.map((name) => `"${name}"`).join(' ')}}`),
  fc.constantFrom('/x', '/y').map((path) => `http.request.uri.path == "${path}"`),
  fc.constantFrom('ssl', 'http.host ne "a"', 'http.host contains "b"', 'http.request.headers["x"][0] eq "a"'),
);
const expression: fc.Memo<string> = fc.memo((depth) =>
  depth <= 1
    ? leaf
    : fc.oneof(
        leaf,
        fc
          .tuple(fc.constantFrom('and', 'or', 'xor'), expression(depth - 1), expression(depth - 1))
          .map(([operator, left, right]) => `(${left}) ${operator} (${right})`),
        expression(depth - 1).map((inner) => `not (${inner})`),
      ),
);

test('a set finds what its filters find one by one, in order', () => {
  fc.assert(
    fc.property(
      fc.array(expression(3), { maxLength: 30 }),
      fc.constantFrom('a', 'b', 'c', 'd', '', 'ab', 'Abc', 'xbbc', 'AB'),
      fc.constantFrom('/x', '/z'),
      fc.boolean(),
      (expressions, name, path, isSecure) => {
        const filters = expressions.map((text) => compileFilter(text, OPTIONS));
        const view = new RequestView(
          requestFacts({ host: name, path, scheme: isSecure ? 'https' : 'http', headers: [['X', name]] }),
        );
        const oneByOne = filters.flatMap((filter, index) => (filter.matches(view) ? [index] : []));
        assert.deepEqual(allOf(filters, view), oneByOne);
      },
    ),
    { numRuns: 2000 },
  );
});

test('a set follows facts that an action changes', () => {
  const facts = { ...requestFacts({ path: '/a' }) };
  const view = new RequestView(facts);
  const texts = ['/a', '/b', '/a', '/b', '/a', '/b'].map((path) => `http.request.uri.path eq "${path}"`);
  const set = ruleSet(texts.map((text) => compileFilter(text, OPTIONS)));
  assert.equal(set.next(view, 0), 0);
  facts.path = '/b';
  assert.equal(set.next(view, 1), 1);
  assert.equal(set.next(view, 2), 3);
});

test('filters that compare one field with texts are not run for another value', () => {
  let runs = 0;
  const filters = Array.from({ length: 300 }, (_, i) => {
    const filter = compileFilter(`ssl and http.host eq "h${i}.test"`, OPTIONS);
    return {
      ...filter,
      matches: (view: RequestView) => {
        runs++;
        return filter.matches(view);
      },
    };
  });
  assert.deepEqual(allOf(filters, new RequestView(requestFacts({ host: 'h7.test' }))), [7]);
  assert.equal(runs, 1);
});

test('an address or a text among 10,000 costs one look-up', () => {
  const list = {
    listKind: 'ip',
    items: Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.7`),
  } as const;
  const filter = compileFilter('ip.src in $many', { ...OPTIONS, lists: () => list });
  const matches = (visitorAddress: string) => filter.matches(new RequestView(requestFacts({ visitorAddress })));
  assert.deepEqual([matches('10.39.15.7'), matches('10.39.16.7'), matches('10.0.0.6')], [true, false, false]);
});
