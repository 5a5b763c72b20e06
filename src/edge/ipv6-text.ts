/**
 * The one spelling of an IPv6 address (RFC 5952), for logs and headers; an IPv4 address that is mapped into IPv6 is
 * IPv4 again. `text` is known to be an address without a zone. Not by `URL`: one runtime's refuses some spellings.
 */
export function canonicalIPv6(text: string): string {
  return formatIPv6(groupsOf(text));
}

/** Writes eight groups of 16 bits as `canonicalIPv6` does. */
export function formatIPv6(groups: readonly number[]): string {
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return dotted(groups[6]!, groups[7]!);
  const hex = groups.map((group) => group.toString(16)).join(':');
  // The longest run of zero groups is left out, the first of several, but never a single one.
  const runs = [...hex.matchAll(/(?:^|:)(0(?::0)+)(?=:|$)/g)];
  const longest = runs.reduce((best, [, run]) => (run!.length > best.length ? run! : best), '');
  if (longest === '') return hex;
  const at = runs.find(([, run]) => run === longest)!;
  const start = at.index + at[0].length - longest.length;
  return `${hex.slice(0, start).replace(/:$/, '')}::${hex.slice(start + longest.length).replace(/^:/, '')}`;
}

function groupsOf(text: string): number[] {
  const tail = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain =
    tail === null ? text : text.slice(0, tail.index) + [1, 3].map((i) => pair(tail[i]!, tail[i + 1]!)).join(':');
  const [before, after] = plain.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const known = [...before!, ...(after ?? [])];
  const left = after === undefined ? [] : Array<string>(8 - known.length).fill('0');
  return [...before!, ...left, ...(after ?? [])].map((group) => Number.parseInt(group, 16));
}

function pair(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
