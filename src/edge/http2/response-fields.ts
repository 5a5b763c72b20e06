import { detached } from '../detached.ts';

/** Field names seen in responses, in lower case. Bounded, whatever origins send. */
const lowerNames = new Map<string, string>();
const MAX_NAMES = 2048;

/** Appends serialised field lines (`name: value` and CRLF each) to a list of names and values, names in lower case. */
export function appendFieldLines(list: string[], lines: string): void {
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\r\n', at);
    const colon = lines.indexOf(':', at);
    const name = lines.slice(at, colon);
    list.push(lowerNames.get(name) ?? lower(name), lines.slice(colon + 2, end));
    at = end + 2;
  }
}

function lower(name: string): string {
  const own = detached(name);
  const known = own.toLowerCase();
  if (lowerNames.size < MAX_NAMES) lowerNames.set(own, known);
  return known;
}
