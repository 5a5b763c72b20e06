import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passedSockets } from './mod.ts';

const PASSED = { LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:https' };

test('sockets are found by their names, from descriptor 3 on, and no more than were passed', () => {
  assert.deepEqual(
    [...passedSockets(PASSED, 7)],
    [
      ['http', 3],
      ['https', 4],
    ],
  );
  assert.deepEqual([...passedSockets({ ...PASSED, LISTEN_FDS: '1' }, 7)], [['http', 3]]);
  assert.deepEqual([...passedSockets({}, 7)], []);
});

test('those that were meant for another process are not taken', () => {
  assert.equal(passedSockets({ ...PASSED, LISTEN_PID: '7' }, 7).size, 2);
  assert.equal(passedSockets({ ...PASSED, LISTEN_PID: '6' }, 7).size, 0);
});
