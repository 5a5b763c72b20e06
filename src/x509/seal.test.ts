import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatMasterKey, parseMasterKey, SealError, seal, unseal } from './seal.ts';

const key = randomBytes(32);

test('what was sealed opens with the same key and context, and with no other', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, context) => {
      const sealed = seal(key, text, context, randomBytes);
      assert.equal(unseal(key, sealed, context), text);
      assert.throws(() => unseal(randomBytes(32), sealed, context), SealError);
      assert.throws(() => unseal(key, sealed, `${context}x`), SealError);
    }),
  );
});

test('altered or cut text does not open', () => {
  const sealed = seal(key, 'secret', 'c', randomBytes);
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => unseal(key, sealed.slice(0, length), 'c'), SealError);
  }
  const [version, nonce, body] = sealed.split('.') as [string, string, string];
  const first = body.startsWith('A') ? 'B' : 'A';
  assert.throws(() => unseal(key, `${version}.${nonce}.${first}${body.slice(1)}`, 'c'), SealError);
});

test('a master key is 64 hexadecimal digits', () => {
  assert.deepEqual(parseMasterKey(formatMasterKey(key)), new Uint8Array(key));
  for (const bad of ['', 'abc', 'g'.repeat(64), '0'.repeat(63), '0'.repeat(65)])
    assert.throws(() => parseMasterKey(bad));
});
