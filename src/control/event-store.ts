import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecurityEvent, SecurityEvents } from '../core/mod.ts';

/** Events that are kept in memory, over all zones. */
const MAX_EVENTS = 20_000;
/** Bytes of one of the two files. */
const MAX_FILE = 16 * 1024 * 1024;

/** What `list` and `follow` pick: an event has each of these texts in the member of that name. */
export type EventFilter = Readonly<Partial<Record<keyof SecurityEvent, string>>>;

/** Whoever wants to know of events as they come. */
export interface Follower {
  onEvent(event: SecurityEvent): void;
  /** There will be no more. */
  onEnd(): void;
}

/**
 * The security events of all zones: the newest in memory, and as JSON lines in two files of bounded size, of which the older one
 * goes when the newer is full. What cannot be written is told and forgotten: a full disk stops nobody.
 */
export class EventStore {
  readonly #directory: string;
  readonly #onFailure: (reason: string) => void;
  #events: SecurityEvent[];
  readonly #followers = new Set<Follower>();
  #lines = '';
  #fileSize: number;
  #writing: Promise<void> | null = null;

  constructor(directory: string, onFailure: (reason: string) => void) {
    this.#directory = directory;
    this.#onFailure = onFailure;
    const newest = readLines(this.#path('events.ndjson'));
    this.#fileSize = newest.size;
    this.#events = [...readLines(this.#path('events.1.ndjson')).events, ...newest.events].slice(-MAX_EVENTS);
  }

  /** Takes events, the oldest first. */
  add({ events }: Pick<SecurityEvents, 'events'>): void {
    for (const event of events) {
      this.#events.push(event);
      this.#lines += `${JSON.stringify(event)}\n`;
      for (const { onEvent } of this.#followers) onEvent(event);
    }
    if (this.#events.length > MAX_EVENTS + 1_000) this.#events = this.#events.slice(-MAX_EVENTS);
    if (this.#writing === null && this.#lines !== '') this.#writing = this.#write();
  }

  /** The events of a zone that pass the filter, the newest first. */
  list(zoneId: string, filter: EventFilter): readonly SecurityEvent[] {
    // Workers tell of theirs at different times: they come in another order than they happened in.
    return this.#events
      .filter((event) => passes(event, zoneId, filter))
      .reverse()
      .sort((one, other) => (one.Datetime < other.Datetime ? 1 : one.Datetime > other.Datetime ? -1 : 0));
  }

  /** Tells a follower of each new event of a zone that passes the filter. Returns what ends it. */
  follow(zoneId: string, filter: EventFilter, { onEvent, onEnd }: Follower): () => void {
    const follower: Follower = {
      onEvent: (event) => {
        if (passes(event, zoneId, filter)) onEvent(event);
      },
      onEnd,
    };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Ends all following: the program stops. */
  endFollowing(): void {
    for (const { onEnd } of [...this.#followers]) onEnd();
  }

  /** Resolves when what came is written. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#lines !== '') {
      const lines = this.#lines;
      this.#lines = '';
      try {
        if (this.#fileSize > MAX_FILE) {
          renameSync(this.#path('events.ndjson'), this.#path('events.1.ndjson'));
          this.#fileSize = 0;
        }
        await appendFile(this.#path('events.ndjson'), lines, { mode: 0o600 });
        this.#fileSize += lines.length;
      } catch (error) {
        this.#onFailure((error as Error).message);
      }
    }
    this.#writing = null;
  }

  #path(file: string): string {
    return join(this.#directory, file);
  }
}

function passes(event: SecurityEvent, zoneId: string, filter: EventFilter): boolean {
  if (event.ZoneID !== zoneId) return false;
  return Object.entries(filter).every(([name, wanted]) => String(event[name as keyof SecurityEvent]) === wanted);
}

/** The events of a file; a torn line is left out. One that is not a file of ours is removed. */
function readLines(path: string): { readonly events: readonly SecurityEvent[]; readonly size: number } {
  if (!existsSync(path)) return { events: [], size: 0 };
  try {
    const text = readFileSync(path, 'utf8');
    const events = text.split('\n').flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as SecurityEvent];
      } catch {
        return [];
      }
    });
    return { events, size: text.length };
  } catch {
    rmSync(path, { recursive: true, force: true });
    return { events: [], size: 0 };
  }
}
