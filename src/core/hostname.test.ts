import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalHostname, canonicalRecordName, coveringNames, enclosingNames, isWithinZone } from './mod.ts';

const long = `${'a'.repeat(63)}.`.repeat(3);

const NAMES: readonly [name: string, canonical: string | null][] = [
  ['www.example.com', 'www.example.com'],
  ['WWW.Example.COM.', 'www.example.com'],
  ['localhost', 'localhost'],
  ['_acme.example.com', '_acme.example.com'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['1.example', '1.example'],
  [`${long}${'b'.repeat(61)}`, `${long}${'b'.repeat(61)}`],
  [`${long}${'b'.repeat(62)}`, null],
  [`${'a'.repeat(64)}.example`, null],
  ['', null],
  ['.', null],
  ['a..b', null],
  ['.a', null],
  ['a.b..', null],
  ['-a.example', null],
  ['a-.example', null],
  ['*.example.com', null],
  ['192.0.2.1', null],
  ['[::1]', null],
  ['a b.example', null],
  ['a\0.example', null],
  ['a/b', null],
  ['a:443', null],
  ['bücher.example', null],
  // The Kelvin sign becomes k in lower case.
  ['\u212a.example', null],
];
for (const [name, canonical] of NAMES) {
  test(`hostname ${JSON.stringify(name).slice(0, 40)} is ${canonical === null ? 'none' : 'one'}`, () =>
    assert.equal(canonicalHostname(name), canonical));
}

test('a canonical name is its own canonical name', () => {
  const anything = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.domain(),
    fc.stringMatching(/^[a-zA-Z.*-]*$/),
  );
  fc.assert(
    fc.property(anything, (name) => {
      for (const canonical of [canonicalHostname, canonicalRecordName]) {
        const once = canonical(name);
        if (once === null) return;
        assert.equal(canonical(once), once);
        assert.equal(canonical(`${once.toUpperCase()}.`), once);
        assert.match(once, /^[\x21-\x7e]{1,255}$/);
      }
    }),
  );
});

test('a wildcard is the first label of a record name, alone', () => {
  assert.equal(canonicalRecordName('*.Example.com'), '*.example.com');
  for (const name of ['*', '*.', 'a.*.com', '*a.com', '*.*.com']) assert.equal(canonicalRecordName(name), null, name);
});

test('a zone holds its apex and what is below it, nothing that only ends alike', () => {
  assert.ok(isWithinZone('a.test', 'a.test') && isWithinZone('x.y.a.test', 'a.test'));
  assert.ok(
    !isWithinZone('ba.test', 'a.test') && !isWithinZone('test', 'a.test') && !isWithinZone('a.test.x', 'a.test'),
  );
});

test('covering and enclosing names come closest first', () => {
  assert.deepEqual([...coveringNames('a.b.c')], ['a.b.c', '*.b.c', '*.c']);
  assert.deepEqual([...enclosingNames('a.b.c')], ['a.b.c', 'b.c', 'c']);
});
