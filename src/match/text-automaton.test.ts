import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { textAutomaton } from './mod.ts';

test('an automaton finds what a search for each text finds', () => {
  const text = (minLength: number, maxLength: number) =>
    fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\xff', '\0'), minLength, maxLength });
  fc.assert(
    fc.property(fc.array(text(1, 5), { minLength: 1, maxLength: 12 }), text(0, 30), (texts, value) => {
      const found = [...textAutomaton(texts)(value)].sort((a, b) => a - b);
      assert.deepEqual(
        found,
        texts.flatMap((one, index) => (value.includes(one) ? [index] : [])),
      );
    }),
    { numRuns: 2000 },
  );
});

test('every byte may stand in a text', () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  const find = textAutomaton(bytes);
  for (const [index, byte] of bytes.entries()) assert.ok(find(byte).includes(index), `${index}`);
});
