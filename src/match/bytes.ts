/** Bytes as latin1 text, one character a byte: what every value that comes from a visitor is. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const CHUNK = 8192;

/** The UTF-8 bytes of a text, as latin1. */
export function utf8Bytes(text: string): string {
  return isAscii(text) ? text : latin1Of(encoder.encode(text));
}

/** The text whose UTF-8 these bytes are; what is not UTF-8 becomes U+FFFD. */
export function utf8Text(bytes: string): string {
  return isAscii(bytes) ? bytes : decoder.decode(bytesOf(bytes));
}

/** The latin1 text of bytes. */
function latin1Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return text;
}

/** The bytes of a latin1 text. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Makes A-Z lower case, and nothing else. */
export function lowerAscii(bytes: string): string {
  return isAscii(bytes) ? bytes.toLowerCase() : bytes.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Makes a-z upper case, and nothing else. */
export function upperAscii(bytes: string): string {
  return isAscii(bytes) ? bytes.toUpperCase() : bytes.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** True where every character is below 128. */
function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** The value of a hexadecimal digit's character code, -1 for another. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
