import type { InstallationStatus } from '../api/mod.ts';
import type { KnownProofs } from '../control/mod.ts';
import type { Publisher } from '../fleet/mod.ts';
import { currentRuntime } from '../platform/mod.ts';
import { VERSION } from './version.ts';

/** A certificate that ends within so many milliseconds is worth a word. */
const ENDS_SOON = 30 * 86_400_000;

/** What runs at the moment `now`, as an account may see it. `startedAt` and `now` are milliseconds since the epoch. */
export function readStatus(
  publisher: Publisher,
  proofs: KnownProofs,
  listeners: InstallationStatus['listeners'],
  accountId: string,
  startedAt: number,
  now: number,
): InstallationStatus {
  const { index } = publisher;
  const { name, version } = currentRuntime();
  const certificatesEnding = [...index.entries()]
    .flatMap((entry) => {
      if (entry.kind !== 'identity' || entry.expiresAt > now + ENDS_SOON) return [];
      const zone = entry.zoneId === null ? null : index.zone(entry.zoneId);
      if (zone !== null && zone?.accountId !== accountId) return [];
      return [{ id: entry.id, level: entry.level, zone: zone?.name ?? null, expiresAt: entry.expiresAt }];
    })
    .sort((a, b) => a.expiresAt - b.expiresAt);
  return {
    version: VERSION,
    runtime: `${name} ${version}`,
    uptime: now - startedAt,
    change: index.number,
    listeners,
    workers: publisher.workers.map(({ pid, ready, draining, acknowledged }) => ({
      pid,
      state: draining ? 'draining' : ready === null ? 'starting' : 'ready',
      acknowledged,
    })),
    originProofs: proofs.counts((zoneId) => index.zone(zoneId)?.accountId === accountId),
    certificatesEnding,
  };
}
