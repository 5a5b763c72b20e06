import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessLog, type AccessRecord } from './mod.ts';

const record = (RayID: string): AccessRecord => ({ RayID }) as AccessRecord;
const LINE = `${JSON.stringify(record('1'))}\n`.length;

test('while nobody takes lines, so many wait and the rest are counted', async () => {
  const sunk: string[] = [];
  let taken: () => void = () => undefined;
  let dropped = 0;
  const log = new AccessLog(
    (lines, done) => {
      sunk.push(lines);
      taken = done;
    },
    () => {
      dropped++;
    },
    3 * LINE,
  );
  log.write(record('0'));
  log.flush();
  for (const id of ['1', '2', '3', '4', '5']) log.write(record(id));
  log.flush();
  assert.deepEqual([sunk.length, dropped], [1, 2]);
  const ended = log.end(10_000);
  taken();
  assert.deepEqual(
    sunk.map((lines) => lines.match(/\d/g)!.join('')),
    ['0', '123'],
  );
  taken();
  await ended;
});

test('a sink that never takes anything does not hold the end for ever', async () => {
  const log = new AccessLog(() => undefined);
  log.write(record('0'));
  await log.end(1);
});
