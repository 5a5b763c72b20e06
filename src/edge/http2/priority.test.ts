import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Priority, parsePriority, sendingOrder } from './priority.ts';

const READ: readonly (readonly [text: string, urgency: number, incremental: boolean])[] = [
  ['', 3, false],
  ['u=0', 0, false],
  ['u=5, i', 5, true],
  ['i, u=1', 1, true],
  ['i=?1', 3, true],
  ['i, i=?0', 3, false],
  ['u=1;x=2, i;y', 1, true],
  ['u=8', 3, false],
  ['u=-1', 3, false],
  ['u="0"', 3, false],
  ['U=0, I', 3, false],
  ['u=0, later=(a b)', 0, false],
  ['=,;,u=', 3, false],
];
for (const [text, urgency, incremental] of READ) {
  test(`priority ${JSON.stringify(text)}: urgency ${urgency}, ${incremental ? 'in parts' : 'whole'}`, () => {
    assert.deepEqual(parsePriority(text), { urgency, incremental });
  });
}

test('any text is a priority', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { urgency } = parsePriority(text);
      assert.ok(Number.isInteger(urgency) && urgency >= 0 && urgency <= 7);
    }),
  );
});

const stream = (
  id: number,
  urgency: number | null,
  incremental = false,
): { id: number; priority: Priority | null } => ({
  id,
  priority: urgency === null ? null : { urgency, incremental },
});

test('the urgent first; whole responses one after the other, those in parts and those of no wish by turns', () => {
  const streams = [
    stream(1, 7),
    stream(3, 3, true),
    stream(5, null),
    stream(9, 3),
    stream(7, 3),
    stream(11, 0, true),
    stream(13, 0),
  ];
  assert.deepEqual(
    sendingOrder(streams).map((group) => group.map(({ id }) => id)),
    [[13], [11], [7], [9], [3, 5], [1]],
  );
});

test('without wishes all share by turns', () => {
  assert.deepEqual(sendingOrder([stream(1, null), stream(3, null)]), [[stream(1, null), stream(3, null)]]);
});
