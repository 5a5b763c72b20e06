import type { SecurityEvent, SecurityEvents } from '../core/mod.ts';

const SECRET = /pass|pwd|secret|token|key|auth|session|signature|credential|\bsig\b|\bcode\b|jwt/i;
const MAX_TEXT = 2_048;

/** A query as an event has it: what looks like a secret by its name is taken out, and what is long is cut. */
export function redactQuery(query: string): string {
  if (query === '') return '';
  const parts = query.slice(0, MAX_TEXT).split('&');
  const shown = parts.map((part) => {
    const equals = part.indexOf('=');
    return equals >= 0 && SECRET.test(part.slice(0, equals)) ? `${part.slice(0, equals)}=REDACTED` : part;
  });
  return `?${shown.join('&')}`;
}

/** A text as an event has it: not longer than some. */
export function cut(text: string): string {
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
}

/** Events that wait to be sent on: a bounded number, and how many were dropped beyond it. */
export class EventQueue {
  readonly #capacity: number;
  #events: SecurityEvent[] = [];
  #dropped = 0;

  constructor(capacity = 2_000) {
    this.#capacity = capacity;
  }

  add(event: SecurityEvent): void {
    if (this.#events.length >= this.#capacity) this.#dropped++;
    else this.#events.push(event);
  }

  /** Takes everything out. */
  take(): SecurityEvents {
    const taken = { events: this.#events, dropped: this.#dropped };
    this.#events = [];
    this.#dropped = 0;
    return taken;
  }
}
