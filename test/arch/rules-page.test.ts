import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PHASES } from '../../src/waf/mod.ts';

const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');

test('docs/rules.md has every phase and action', () => {
  const names = Object.entries(PHASES).flatMap(([name, { actions }]) => [name, ...actions]);
  assert.deepEqual(
    names.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});
