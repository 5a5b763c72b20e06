import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSeed } from '../doubles/random.ts';
import { missing } from '../real/server-process.ts';
import { fuzzIdentity } from './identity/fuzz.ts';
import { fuzzNginx } from './identity/nginx-control.ts';

test('never another identity: 3,000 requests while certificates, switches and origins change', async () => {
  const seed = chooseSeed();
  const found = await fuzzIdentity({ seed, requests: 3_000 });
  const figures = JSON.stringify(found);
  assert.deepEqual(found.mismatches, [], figures);
  // Without these the run would have shown nothing.
  assert.ok(found.changes > 50 && found.identitiesSeen > 30 && found.overlapped > 10, figures);
  assert.ok(found.reused > 500 && found.misdirected > 20, figures);
  assert.deepEqual(found.unused, [], figures);
  const requests = [...Object.values(found.byVisitorProtocol), ...Object.values(found.byOriginProtocol)];
  // The rarest, gRPC that an origin of HTTP/2 takes, comes to some 50 of 3,000.
  assert.ok(Math.min(...requests) > 20, figures);
  for (const version of ['TLSv1.2', 'TLSv1.3']) assert.ok((found.resumed[version] ?? 0) > 50, figures);
});

for (const keepsConnections of [true, false]) {
  const shared = keepsConnections ? 'connections' : 'TLS sessions';
  test(`the same visitors find an edge that shares ${shared} among identities`, {
    skip: missing('nginx'),
  }, async () => {
    const checker = await fuzzNginx({ seed: 1, requests: 200, keepsConnections });
    assert.ok(checker.mismatches.length > 50, `${checker.mismatches.length} mismatches`);
    assert.ok(keepsConnections ? checker.reused > 100 : (checker.resumed['TLSv1.2'] ?? 0) > 100);
  });
}
