import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileWildcard, type Wildcard } from './mod.ts';

const CASES: readonly [pattern: string, value: string, loose: boolean, strict: boolean][] = [
  ['a', 'a', true, true],
  ['a', 'A', true, false],
  ['a', 'ab', false, false],
  ['', '', true, true],
  ['*', '', true, true],
  ['/Apps/*', '/apps/x', true, false],
  ['*.example.com', 'www.example.com', true, true],
  ['*.example.com', 'example.com', false, false],
  ['a*b*c', 'axxbyyc', true, true],
  ['a*a', 'a', false, false],
  ['a?c', 'abc', false, false],
  ['a?c', 'a?c', true, true],
  ['\\*', '*', true, true],
  ['\\*', 'x', false, false],
  ['a\\\\b', 'a\\b', true, true],
  ['ab*ba', 'aba', false, false],
  ['\xc0*', '\xe0x', false, false],
];
for (const [pattern, value, loose, strict] of CASES) {
  test(`"${pattern}" and "${value}": ${loose}, strictly ${strict}`, () => {
    assert.equal((compileWildcard(pattern, false) as Wildcard).test(value), loose);
    assert.equal((compileWildcard(pattern, true) as Wildcard).test(value), strict);
  });
}

test('two stars, and other escapes, are refused', () => {
  assert.equal(compileWildcard('a**', false), 'double star');
  assert.equal(compileWildcard('a\\b', false), 'escape');
  assert.equal(compileWildcard('a\\', false), 'escape');
});

test('each star is as short as it can be', () => {
  const wildcard = compileWildcard('https://*.example.com/*/*', false) as Wildcard;
  assert.deepEqual(wildcard.captures('https://Apps.example.com/calendar/a/b'), ['Apps', 'calendar', 'a/b']);
  assert.equal(wildcard.captures('https://example.com/'), null);
});

test('a pattern answers, and captures, as its regular expression does', () => {
  const some = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.', '*'), maxLength: 8 });
  fc.assert(
    fc.property(some, fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.'), maxLength: 12 }), (pattern, value) => {
      const wildcard = compileWildcard(pattern, true);
      if (typeof wildcard === 'string') return;
      const source = pattern.replaceAll('.', '\\.').replaceAll('*', '(.*?)');
      const match = new RegExp(`^${source}$`).exec(value);
      assert.deepEqual(wildcard.captures(value), match === null ? null : match.slice(1));
    }),
  );
});
