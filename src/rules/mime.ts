/** What kinds of content begin with: offset, bytes, type. */
const SIGNATURES: readonly [offset: number, bytes: string, type: string][] = [
  [0, '\x89PNG\r\n\x1a\n', 'image/png'],
  [0, '\xff\xd8\xff', 'image/jpeg'],
  [0, 'GIF87a', 'image/gif'],
  [0, 'GIF89a', 'image/gif'],
  [0, 'BM', 'image/bmp'],
  [0, 'II*\0', 'image/tiff'],
  [0, 'MM\0*', 'image/tiff'],
  [8, 'WEBP', 'image/webp'],
  [8, 'AVI ', 'video/x-msvideo'],
  [8, 'WAVE', 'audio/wav'],
  [0, '\0\0\x01\0', 'image/vnd.microsoft.icon'],
  [4, 'ftypavif', 'image/avif'],
  [4, 'ftypqt', 'video/quicktime'],
  [4, 'ftyp', 'video/mp4'],
  [0, '\x1a\x45\xdf\xa3', 'video/webm'],
  [0, 'ID3', 'audio/mpeg'],
  [0, '\xff\xfb', 'audio/mpeg'],
  [0, 'OggS', 'audio/ogg'],
  [0, 'fLaC', 'audio/flac'],
  [0, '%PDF-', 'application/pdf'],
  [0, 'PK\x03\x04', 'application/zip'],
  [0, '\x1f\x8b', 'application/gzip'],
  [0, '7z\xbc\xaf\x27\x1c', 'application/x-7z-compressed'],
  [0, 'Rar!\x1a\x07', 'application/vnd.rar'],
  [0, '\0asm', 'application/wasm'],
  [0, '\x7fELF', 'application/x-elf'],
  [0, 'MZ', 'application/x-msdownload'],
];

const TEXTS: readonly [pattern: RegExp, type: string][] = [
  [/^<(?:!doctype html|html|head|body|script)\b/i, 'text/html'],
  [/^<\?xml\b/i, 'application/xml'],
  [/^[{[]/, 'application/json'],
];

const SNIFFED = 512;

/** The type of a body by its first bytes; empty for no body (spec/waf.md 1.4). */
export function sniffMime(body: string): string {
  if (body === '') return '';
  const found = SIGNATURES.find(([offset, bytes]) => body.startsWith(bytes, offset));
  if (found !== undefined) return found[2];
  const start = body.slice(0, SNIFFED);
  if (/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(start)) return 'application/octet-stream';
  const text = start.replace(/^(?:\xef\xbb\xbf)?\s*/, '');
  return TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? 'text/plain';
}
