/** Whether `part` is what stands in `text` from `from` to `to`. Nothing is cut out of the text for it. */
export function stands(part: string, text: string, from: number, to: number): boolean {
  if (part.length !== to - from) return false;
  for (let i = 0; i < part.length; i++) if (part.charCodeAt(i) !== text.charCodeAt(from + i)) return false;
  return true;
}

/** Whether `part` is what stands in latin1 `bytes` from `from` to `to`. */
export function standsInBytes(part: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (part.length !== to - from) return false;
  for (let i = 0; i < part.length; i++) if (part.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
