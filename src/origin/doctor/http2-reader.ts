import { Buffer } from 'node:buffer';
import { MOST_BODY, MOST_RESPONSE, type ResponseReader, type ResponseStart } from './response-reader.ts';

/** Frame types (RFC 9113 section 6). */
const FRAME = { data: 0, headers: 1, resetStream: 3, settings: 4, ping: 6, goaway: 7 } as const;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 32;
const FRAME_HEADER = 9;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** Statuses of the static table, from index 8 on (RFC 7541 appendix A). */
const STATIC_STATUSES = [200, 204, 206, 304, 400, 404, 500];

/** The request, in HTTP/2: preface, empty settings, and one stream without a body. */
export function http2Request(host: string, path: string): Buffer {
  const fields = Buffer.concat([
    Buffer.from([0x82, 0x87]), // :method GET, :scheme https
    literal([0x04], path),
    literal([0x01], host),
    literal([0x0f, 58 - 15], 'countersign-doctor'), // user-agent
  ]);
  return Buffer.concat([
    PREFACE,
    frame(FRAME.settings, 0, 0),
    frame(FRAME.headers, END_STREAM | END_HEADERS, 1, fields),
  ]);
}

/** Reads the response on stream 1 (RFC 9113). Of its header it reads the status, which comes first. */
export class Http2Reader implements ResponseReader {
  hasBegun = false;
  #bytes: Buffer = Buffer.alloc(0);
  #taken = 0;
  #status: number | null = null;
  #body = '';
  #isEnded = false;
  #fate: 'malformed' | 'ended' | null = null;

  push(bytes: Buffer): Buffer | null {
    this.#taken += bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const replies: Buffer[] = [];
    while (this.#fate === null && this.#bytes.length >= FRAME_HEADER) {
      const length = this.#bytes.readUIntBE(0, 3);
      const end = FRAME_HEADER + length;
      if (length > MOST_RESPONSE || this.#taken > 2 * MOST_RESPONSE) this.#fate = 'malformed';
      if (this.#fate !== null || this.#bytes.length < end) break;
      const stream = this.#bytes.readUInt32BE(5) & 0x7fffffff;
      const reply = this.#onFrame(this.#bytes[3]!, this.#bytes[4]!, stream, this.#bytes.subarray(FRAME_HEADER, end));
      if (reply !== null) replies.push(reply);
      this.#bytes = this.#bytes.subarray(end);
    }
    return replies.length === 0 ? null : Buffer.concat(replies);
  }

  state(): ResponseStart | 'malformed' | 'ended' | 'incomplete' {
    if (this.#status !== null) return this.#response(this.#status);
    return this.#fate ?? 'incomplete';
  }

  #response(status: number): ResponseStart {
    const isWhole = this.#isEnded || this.#body.length >= MOST_BODY;
    return { status, location: null, date: null, body: this.#body, isWhole };
  }

  #onFrame(type: number, flags: number, stream: number, payload: Buffer): Buffer | null {
    if (type === FRAME.settings && (flags & ACK) === 0) return frame(FRAME.settings, ACK, 0);
    if (type === FRAME.ping && (flags & ACK) === 0) return frame(FRAME.ping, ACK, 0, payload);
    if (type === FRAME.goaway && this.#status === null) this.#fate = 'ended';
    if (stream !== 1) return null;
    this.hasBegun = true;
    if (type === FRAME.resetStream && this.#status === null) this.#fate = 'ended';
    if (type === FRAME.headers && this.#status === null) {
      const status = statusOf(withoutPadding(flags, payload));
      if (status === null) this.#fate = 'malformed';
      else if (status >= 200) this.#status = status;
    }
    if ((type === FRAME.headers || type === FRAME.data) && (flags & END_STREAM) !== 0) this.#isEnded = true;
    if (type === FRAME.data && this.#body.length < MOST_BODY)
      this.#body += withoutPadding(flags & ~PRIORITY, payload).toString('latin1');
    return null;
  }
}

function withoutPadding(flags: number, payload: Buffer): Buffer {
  const padding = flags & PADDED ? (payload[0] ?? 0) : 0;
  const start = (flags & PADDED ? 1 : 0) + (flags & PRIORITY ? 5 : 0);
  return payload.subarray(start, Math.max(start, payload.length - padding));
}

/** `:status` of a field section, which begins with it (RFC 9113 section 8.3.2, RFC 7541 section 6). */
function statusOf(fields: Buffer): number | null {
  let at = 0;
  // Changes of the dynamic table's size may stand before.
  while (((fields[at] ?? 0) & 0xe0) === 0x20) {
    const isLong = (fields[at++]! & 0x1f) === 0x1f;
    if (isLong) while ((fields[at++] ?? 0) & 0x80);
  }
  const first = fields[at];
  if (first === undefined) return null;
  if (first & 0x80) return STATIC_STATUSES[(first & 0x7f) - 8] ?? null;
  // A literal, indexed or not, whose name is one of the static table's statuses.
  const index = first & 0x40 ? first & 0x3f : first & 0x0f;
  if (index < 8 || index > 14) return null;
  const length = fields[at + 1] ?? 0;
  const value = fields.subarray(at + 2, at + 2 + (length & 0x7f));
  const text = length & 0x80 ? huffmanDigits(value) : value.toString('latin1');
  return /^[1-9]\d\d$/.test(text) ? Number(text) : null;
}

/** Digits in the Huffman code of RFC 7541 appendix B: 0 to 2 have five bits, the others six. */
function huffmanDigits(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  for (let at = 0; at < bits.length && !/^1*$/.test(bits.slice(at)); ) {
    const short = Number.parseInt(bits.slice(at, at + 5), 2);
    const long = Number.parseInt(bits.slice(at, at + 6), 2);
    if (short <= 2) at += 5;
    else if (long >= 0x19 && long <= 0x1f) at += 6;
    else return '';
    text += short <= 2 ? short : long - 0x19 + 3;
  }
  return text;
}

function literal(name: readonly number[], value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  // An integer with a prefix of seven bits (RFC 7541 section 5.1).
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from([...name, ...length]), bytes]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(FRAME_HEADER);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}
