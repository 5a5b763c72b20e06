import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FIELDS, FUNCTIONS, REFUSED_FIELDS, REFUSED_FUNCTIONS, typeName } from './mod.ts';

const PAGE = readFileSync(new URL('../../docs/rules-language.md', import.meta.url), 'utf8');

test('docs/rules-language.md names each field with its type, and each function', () => {
  for (const { name, type } of FIELDS.values()) assert.ok(PAGE.includes(`| \`${name}\` | ${typeName(type)} |`), name);
  for (const name of FUNCTIONS.keys()) assert.ok(PAGE.includes(`| \`${name}\` |`), name);
});

test('docs/rules-language.md says what is refused, and why', () => {
  for (const { name, reason } of [...REFUSED_FIELDS.values(), ...REFUSED_FUNCTIONS.values()]) {
    assert.ok(PAGE.includes(`\`${name}\``), name);
    assert.ok(PAGE.includes(reason), reason);
  }
});
