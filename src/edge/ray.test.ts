import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RayIds } from './ray.ts';

test('a ray id is 16 hexadecimal digits and the site; they count from the seed on', () => {
  const rays = new RayIds(Uint8Array.of(0xab, 0, 1, 2, 0, 0, 0, 0x0e), 'LOC');
  assert.deepEqual(
    [rays.next(), rays.next(), rays.next()],
    ['ab0001020000000f-LOC', 'ab00010200000010-LOC', 'ab00010200000011-LOC'],
  );
});

test('wherever they begin, each is the one before and one more, and after the last comes the first', () => {
  const starts = fc.oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.constantFrom(0xfffe, 0xffff, 0x1_ffff, 0x7fff_fffe, 0xffff_fffd),
  );
  fc.assert(
    fc.property(starts, (start) => {
      const seed = new Uint8Array(8);
      new DataView(seed.buffer).setUint32(4, start);
      const rays = new RayIds(seed, 'X');
      for (let i = 1; i <= 5; i++) {
        const count = ((start + i) % 2 ** 32).toString(16).padStart(8, '0');
        assert.equal(rays.next(), `00000000${count}-X`);
      }
    }),
  );
});
