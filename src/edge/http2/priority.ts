/** How a visitor wants a response sent beside its others (RFC 9218 section 4). */
export interface Priority {
  /** 0 (first) to 7. */
  readonly urgency: number;
  /** Of use in parts: sent by turns with others of the same urgency. */
  readonly incremental: boolean;
}

/** What holds where a visitor says nothing (RFC 9218 section 4.1). */
const DEFAULT_URGENCY = 3;

/**
 * Reads a `Priority` field (RFC 9218 section 5). What is unknown or malformed in it counts as not said: a priority is a
 * wish, never a reason to refuse.
 */
export function parsePriority(text: string): Priority {
  let urgency = DEFAULT_URGENCY;
  let incremental = false;
  for (const member of text.split(',')) {
    const [name, value] = member.split(';', 1)[0]!.trim().split('=', 2);
    if (name === 'u' && value !== undefined && /^[0-7]$/.test(value)) urgency = Number(value);
    else if (name === 'i' && (value === undefined || value === '?1')) incremental = true;
    else if (name === 'i' && value === '?0') incremental = false;
  }
  return { urgency, incremental };
}

/** A stream that wants to send. */
interface Sender {
  readonly id: number;
  /** Null where its visitor said nothing. */
  readonly priority: Priority | null;
}

/**
 * Groups of streams, each to be sent before the next: by urgency, and within one first what is of use only whole, one after
 * the other, then the others by turns (RFC 9218 section 10). Who says nothing shares by turns, as without priorities.
 */
export function sendingOrder<T extends Sender>(streams: Iterable<T>): readonly (readonly T[])[] {
  const byUrgency: { whole: T[]; parts: T[] }[] = Array.from({ length: 8 }, () => ({ whole: [], parts: [] }));
  for (const stream of streams) {
    const { priority } = stream;
    const group = byUrgency[priority?.urgency ?? DEFAULT_URGENCY]!;
    if (priority === null || priority.incremental) group.parts.push(stream);
    else group.whole.push(stream);
  }
  return byUrgency.flatMap(({ whole, parts }) => [
    ...whole.sort((one, other) => one.id - other.id).map((stream) => [stream]),
    ...(parts.length > 0 ? [parts] : []),
  ]);
}
