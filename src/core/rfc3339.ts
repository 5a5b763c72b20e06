/** RFC 3339 in whole seconds, from milliseconds since the epoch. */
export function formatSeconds(milliseconds: number): string {
  return new Date(Math.floor(milliseconds / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
