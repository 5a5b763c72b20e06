import { Buffer } from 'node:buffer';

/** One PEM block: its label and the bytes it encodes (RFC 7468). */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
  /** Header lines of the old OpenSSL form, as `Proc-Type: 4,ENCRYPTED`. */
  readonly headers: readonly string[];
}

// No blank line within the base64 and no line that is indented: the TLS libraries do not agree on those, and what is
// stored goes to them as it is.
const BLOCK =
  /^-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*\r?\n((?:[A-Za-z-]+:[^\r\n]*\r?\n)+\r?\n)?((?:[A-Za-z0-9+/=][A-Za-z0-9+/= \t]*\r?\n)+)-----END \1-----[ \t]*(?:\r?\n|$)/;
const BLANK_LINES = /^(?:[ \t]*\r?\n)*/;

/** Reads all blocks of a text that holds nothing else but blank lines; null for anything else, and for no block. */
export function readPem(text: string): PemBlock[] | null {
  const blocks: PemBlock[] = [];
  for (let rest = withoutBlankLines(text); rest !== ''; ) {
    const found = BLOCK.exec(rest);
    if (found === null) return null;
    const [whole, label, headers = '', body] = found as unknown as [string, string, string | undefined, string];
    const der = decodeBase64(body.replace(/\s+/g, ''));
    if (der === null) return null;
    blocks.push({ label, der, headers: headers.split(/\r?\n/).filter((line) => line !== '') });
    rest = withoutBlankLines(rest.slice(whole.length));
  }
  return blocks.length === 0 ? null : blocks;
}

function withoutBlankLines(text: string): string {
  const rest = text.replace(BLANK_LINES, '');
  return /^[ \t\r\n]*$/.test(rest) ? '' : rest;
}

/** Strict base64 (RFC 4648 section 4): right padding, no bits left over. */
function decodeBase64(text: string): Uint8Array | null {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null;
}

/** Writes one block, 64 characters a line. */
export function writePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
