import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecentTexts } from './recent-texts.ts';

test('what is found is what stands there, whatever came before', () => {
  // Few letters, so that texts meet again and share places.
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\xff'), maxLength: 400 });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text, text), { maxLength: 30 }), (parts) => {
      const recent = new RecentTexts();
      for (const [before, value, after] of parts) {
        const from = before.length;
        assert.equal(recent.find(before + value + after, from, from + value.length), value);
      }
    }),
  );
});

test('texts of the same place take turns', () => {
  // 31 * 'a' + 'B' is 31 * 'b' + '#'.
  const recent = new RecentTexts();
  for (const value of ['aB', 'b#', 'aB', 'b#']) assert.equal(recent.find(`-${value}-`, 1, 3), value);
});
