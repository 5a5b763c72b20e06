/** Whether `part` is what stands in `text` from `from` to `to`. Nothing is cut out of the text for it. */
export function stands(part: string, text: string, from: number, to: number): boolean {
  if (part.length !== to - from) return false;
  for (let i = 0; i < part.length; i++) if (part.charCodeAt(i) !== text.charCodeAt(from + i)) return false;
  return true;
}
