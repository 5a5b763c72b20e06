import type { Client, Zone } from './client.ts';
import { type Examined, examineHostname, STAGE_TEXTS } from './examination.ts';

/** What watching origins takes from outside. */
export interface WatchTools {
  readonly now: () => number;
  readonly delay: (milliseconds: number) => Promise<void>;
  /** Told when a hostname's origin is at another stage than before. */
  readonly onChange: (text: string) => void;
}

/** Where a hostname's origin stood last. */
export interface Watched {
  readonly hostname: string;
  readonly stage: Examined['stage'];
}

/** Milliseconds from one look to the next. */
const PAUSE = 10_000;

/** The hostnames of a zone that have an origin of their own. */
export async function originHostnames(client: Client, zone: Zone): Promise<string[]> {
  const origins = await client.call<{ readonly hostname: string }[]>('GET', `/zones/${zone.id}/countersign/origins`);
  return origins.map(({ hostname }) => hostname).filter((hostname) => !hostname.startsWith('*'));
}

/**
 * Looks at origins until each of them asks for the certificate that is presented and lets it in, so that enforcing is safe, or until
 * `limit` milliseconds are over. Resolves with where each stood last.
 */
export async function watchUntilProven(
  client: Client,
  hostnames: readonly string[],
  limit: number,
  { now, delay, onChange }: WatchTools,
): Promise<Watched[]> {
  const end = now() + limit;
  const last = new Map<string, Watched>();
  for (;;) {
    for (const hostname of hostnames) {
      if (isProven(last.get(hostname)?.stage)) continue;
      const { stage, report } = await examineHostname(client, hostname);
      if (last.get(hostname)?.stage !== stage)
        onChange(`${hostname}: ${STAGE_TEXTS[stage]}${stage === 'unknown' ? `. ${report.summary}` : ''}`);
      last.set(hostname, { hostname, stage });
    }
    const watched = [...last.values()];
    if (watched.every(({ stage }) => isProven(stage)) || now() + PAUSE > end) return watched;
    await delay(PAUSE);
  }
}

/** Whether the origin has shown that it asks for the certificate and lets it in. */
export function isProven(stage: Examined['stage'] | undefined): boolean {
  return stage === 'observes' || stage === 'enforces';
}
