import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileRegex, RegexError, utf8Bytes } from './mod.ts';

const CASES: readonly [pattern: string, value: string, matches: boolean][] = [
  ['b', 'abc', true],
  ['^b', 'abc', false],
  ['^abc$', 'abc\n', false],
  ['a.c', 'a\xffc', true],
  ['a.c', 'a\nc', false],
  ['(?s)a.c', 'a\nc', true],
  ['(?i)ABC', 'xabcx', true],
  ['a(?i)b(?-i)c', 'aBc', true],
  ['a(?i)b(?-i)c', 'aBC', false],
  ['(?i:union|select) x', 'SELECT x', true],
  ['(?i:union|select) x', 'SELECT X', false],
  ['\\s', '\v', true],
  ['[\\s]', '\v', true],
  ['\\S', '\v', false],
  ['[\\S]', '\x85', true],
  ['\\s', '\xa0', false],
  ['\\w', '\xe9', false],
  ['\\d', '7', true],
  ['\\xe9', '\xe9', true],
  ['(?i)\\xe9', '\xc9', false],
  ['\\x{e9}', '\xe9', true],
  ['\\u0041', 'A', true],
  ['é+', `${utf8Bytes('é')}${utf8Bytes('é')}`, true],
  ['^é+$', `${utf8Bytes('éé')}`, true],
  ['^é$', '\xe9', false],
  ['(?u)^é$', utf8Bytes('é'), true],
  ['(?u)\\p{Hangul}+', utf8Bytes('한국'), true],
  ['(?u)^\\w$', utf8Bytes('é'), true],
  ['(?u)^.$', utf8Bytes('😀'), true],
  ['[[:alpha:]]', '1a', true],
  ['[[:^alpha:]]', 'a', false],
  ['[]a]', ']', true],
  ['[^]a]', ']', false],
  ['[a-]', '-', true],
  ['[-a]', '-', true],
  ['[+-9]', '/', true],
  ['\\$\\{jndi', '${jndi:ldap', true],
  ['a{2}', 'a', false],
  ['a{2}', 'aa', true],
  ['a{0}b', 'b', true],
  ['^[a-z]{1,1000}$', 'abc', true],
  ['a{0,1}b', 'b', true],
  ['(foo)?bar', 'bar', true],
  ['(foo)+', 'fofoo', true],
  ['', '', true],
  ['a||b', 'x', true],
  ['\\bword\\b', 'a word.', true],
  ['\\Aab\\z', 'ab', true],
  ['(?P<n>a)(?<m>b)', 'ab', true],
  ['"', 'say "x"', true],
  ['\\"', '"', true],
  ['\\-\\/\\.', '-/.', true],
  ['a#b', 'a#b', true],
  ['\\x7Fa', '\x7fa', true],
];
for (const [pattern, value, matches] of CASES) {
  test(`${pattern} ${matches ? 'is' : 'is not'} in ${JSON.stringify(value)}`, () =>
    assert.equal(compileRegex(pattern).test(value), matches));
}

const REFUSED: readonly [pattern: string, reason: RegExp, at: number][] = [
  ['a(?=b)', /look-around/, 1],
  ['(?<!a)b', /look-around/, 0],
  ['(a)\\1', /\\1 is not an escape/, 3],
  ['a{', /must be written as \\\{/, 1],
  ['${jndi', /must be written as \\\{/, 1],
  ['a(b', /this \( has no \)/, 1],
  ['a)b', /without a \(/, 1],
  ['[a', /this \[ has no \]/, 0],
  ['[a&&b]', /&& inside a class/, 2],
  ['[a--b]', /-- inside a class/, 2],
  ['[a[b]]', /must be written as \\\[/, 2],
  ['[b-a]', /out of order/, 1],
  ['[é]', /needs \(\?u\)/, 1],
  ['\\p{Greek}', /needs \(\?u\)/, 0],
  ['\\x{100}', /needs \(\?u\)/, 0],
  ['a(?u)b', /only at the start/, 1],
  ['(?x)a b', /flag x/, 0],
  ['*a', /nothing to repeat/, 0],
  ['a|*', /nothing to repeat/, 2],
  ['\\q', /not an escape/, 0],
  ['a\\', /ends in a backslash/, 1],
  ['\\xg', /hexadecimal/, 0],
  ['\\<a', /not an escape/, 0],
  ['a{1001}', /repeat/, 0],
  [`${'('.repeat(101)}${')'.repeat(101)}`, /more than 100 deep/, 100],
  ['(((a{100}){100}){100}){100}', /more than 2000 copies/, 10],
  ['.{500}'.repeat(5), /more than 2000 copies/, 25],
  ['(abcdefghij){250}', /more than 2000 copies/, 12],
];
for (const [pattern, reason, at] of REFUSED) {
  test(`${pattern.slice(0, 30)} is refused`, () =>
    assert.throws(
      () => compileRegex(pattern),
      (error) => error instanceof RegexError && reason.test(error.message) && error.at === at,
    ));
}

test('a pattern is compiled once, however many patterns there are', () => {
  const regex = compileRegex('once');
  assert.equal(compileRegex('once'), regex);
  for (let i = 0; i < 2100; i++) compileRegex(`many${i}`);
  assert.notEqual(compileRegex('once'), regex, 'not kept for ever');
  assert.equal(compileRegex('once').test('at once'), true);
});

test('the first match, with its groups', () => {
  const regex = compileRegex('/([^/]*)/(x)?');
  assert.equal(regex.groups, 2);
  assert.deepEqual(regex.first('\xe9/foo/a'), { index: 1, captures: ['/foo/', 'foo', ''] });
  assert.equal(regex.first('foo'), null);
  assert.deepEqual(compileRegex('(?u)é(.)').first(utf8Bytes('aééb')), {
    index: 1,
    captures: [utf8Bytes('éé'), utf8Bytes('é')],
  });
});

// What both flavours understand alike, so that the runtime's own engine can be the judge.
const piece: fc.Memo<string> = fc.memo((depth) =>
  depth <= 1
    ? fc.constantFrom('a', 'b', 'A', '.', '[ab]', '[^a]', '\\d', '^', '$', '\\b', 'ab', '1', '-')
    : fc.oneof(
        piece(depth - 1),
        fc.tuple(piece(depth - 1), piece(depth - 1)).map(([x, y]) => x + y),
        fc.tuple(piece(depth - 1), piece(depth - 1)).map(([x, y]) => `(${x}|${y})`),
        fc.tuple(piece(depth - 1), fc.constantFrom('*', '+', '?', '{2}', '{0,2}')).map(([x, op]) => `(?:${x})${op}`),
      ),
);

test('a pattern answers as the same pattern of the runtime does, its search for needed texts included', () => {
  fc.assert(
    fc.property(
      piece(4),
      fc.boolean(),
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'A', '1', '-', '\n'), maxLength: 10 }), { minLength: 5 }),
      (pattern, foldsCase, values) => {
        const regex = compileRegex(foldsCase ? `(?i)${pattern}` : pattern);
        const own = new RegExp(pattern, foldsCase ? 'i' : '');
        for (const value of values) assert.equal(regex.test(value), own.test(value), `${pattern} on ${value}`);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a hostile value costs time in proportion to its length', () => {
  const regex = compileRegex('(a+)+$');
  const short = 'a'.repeat(1000);
  regex.test(`${short}!`);
  assert.equal(regex.test(`${'a'.repeat(100_000)}!`), false);
});
