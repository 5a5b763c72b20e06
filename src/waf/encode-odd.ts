/** Nothing that a visitor can write ends a line, or is more than one word. */
export function encodeOdd(text: string): string {
  return text.replace(
    /[^\x21-\x7e\x80-\xff]/g,
    (c) => `%${(c.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
