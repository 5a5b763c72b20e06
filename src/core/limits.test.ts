import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from './limits.ts';

const PAGE = new URL('../../docs/limits.md', import.meta.url);
const UNITS: Readonly<Record<string, number>> = { s: 1000, KB: 1024, '': 1 };

test('docs/limits.md tells every limit of a connection, as it is', () => {
  const rows = [...readFileSync(PAGE, 'utf8').matchAll(/^\| `(\w+)` \| (\d+) ?(s|KB|) \|/gm)];
  const told = Object.fromEntries(rows.map(([, name, value, unit]) => [name, Number(value) * UNITS[unit!]!]));
  assert.deepEqual(told, DEFAULT_LIMITS);
});
