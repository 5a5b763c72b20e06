import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSeed } from '../doubles/random.ts';
import { missing } from '../real/server-process.ts';
import { fuzzIdentity, type IdentityFindings } from './identity/fuzz.ts';
import { fuzzNginx } from './identity/nginx-control.ts';

test('never another identity: 3,000 requests while certificates, switches and origins change', async () => {
  // Chance leaves something out of one run in a hundred: then another one has to show it.
  const first = chooseSeed();
  for (let seed = first; ; seed++) {
    const found = await fuzzIdentity({ seed, requests: 3_000 });
    assert.deepEqual(found.mismatches, [], JSON.stringify(found));
    const missed = notShown(found);
    if (missed.length === 0) break;
    assert.ok(seed < first + 2, `${missed.join(', ')} in ${JSON.stringify(found)}`);
  }
});

/** What happened too rarely for the run to have shown anything about it. */
function notShown(found: IdentityFindings): readonly string[] {
  const moreThan: Readonly<Record<string, readonly [number, number]>> = {
    changes: [found.changes, 50],
    'identities seen': [found.identitiesSeen, 30],
    'requests under way in a change': [found.overlapped, 10],
    'connections used again': [found.reused, 500],
    'requests for names of other connections': [found.misdirected, 20],
    // The rarest, gRPC that an origin of HTTP/2 takes, comes to some 50 of 3,000.
    'each protocol': [
      Math.min(...Object.values(found.byVisitorProtocol), ...Object.values(found.byOriginProtocol)),
      20,
    ],
    'sessions of TLS 1.2': [found.resumed['TLSv1.2'] ?? 0, 50],
    'sessions of TLS 1.3': [found.resumed['TLSv1.3'] ?? 0, 50],
  };
  return [
    ...found.unused,
    ...Object.entries(moreThan)
      .filter(([, [seen, least]]) => seen <= least)
      .map(([what]) => what),
  ];
}

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
