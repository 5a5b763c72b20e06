import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalisePath } from './normalise-path.ts';

for (const [path, expected] of [
  ['/', '/'],
  ['*', '*'],
  ['/a/b.html', '/a/b.html'],
  ['/%61dmin', '/admin'],
  ['/a%2fb', '/a%2Fb'],
  ['/a//b///c', '/a/b/c'],
  ['/a\\b', '/a/b'],
  ['/a/./b/../c', '/a/c'],
  ['/a/%2e%2E/b', '/b'],
  ['/../../etc', '/etc'],
  ['/a/..', '/'],
  ['/a/b/.', '/a/b/'],
  ['/%', '/%'],
  ['/%zz', '/%zz'],
  ['/.well-known/acme-challenge/x', '/.well-known/acme-challenge/x'],
] as const) {
  test(`${path} is ${expected}`, () => assert.equal(normalisePath(path), expected));
}
