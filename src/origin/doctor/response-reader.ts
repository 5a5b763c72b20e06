import { Buffer } from 'node:buffer';

/** Most bytes of a response that are read. */
export const MOST_RESPONSE = 64 * 1024;
/** Most bytes of a body that are looked at. */
export const MOST_BODY = 2 * 1024;

/** What stands at the beginning of a response. */
export interface ResponseStart {
  readonly status: number;
  readonly location: string | null;
  /** What the field `Date` says, milliseconds since the epoch; null where it says nothing. */
  readonly date: number | null;
  /** What has come of the body so far, latin1. */
  readonly body: string;
  /** True where nothing of it is to come. */
  readonly isWhole: boolean;
}

/** Reads the beginning of a response as it comes. */
export interface ResponseReader {
  /** True once a byte came that could belong to a response. */
  readonly hasBegun: boolean;
  /** Takes bytes. Returns what to send back, if anything. */
  push(bytes: Buffer): Buffer | null;
  /** The response, once its head is whole; `malformed` for what is none; `ended` where the server gave the request up without an answer. */
  state(): ResponseStart | 'malformed' | 'ended' | 'incomplete';
}

/** HTTP/1.1 (RFC 9112 section 4), interim responses passed over. */
export class Http1Reader implements ResponseReader {
  #text = '';

  get hasBegun(): boolean {
    return this.#text !== '';
  }

  push(bytes: Buffer): null {
    if (this.#text.length < MOST_RESPONSE) this.#text += bytes.toString('latin1');
    return null;
  }

  state(): ResponseStart | 'malformed' | 'incomplete' {
    for (let rest = this.#text; ; ) {
      if (!'HTTP/1.'.startsWith(rest.slice(0, 7))) return 'malformed';
      const end = /\r?\n\r?\n/.exec(rest);
      if (end === null) return rest.length >= MOST_RESPONSE ? 'malformed' : 'incomplete';
      const head = rest.slice(0, end.index);
      rest = rest.slice(end.index + end[0].length);
      const status = Number(/^HTTP\/1\.[01] ([1-9]\d\d)(?: |\r?\n|$)/.exec(head)?.[1]);
      if (Number.isNaN(status)) return 'malformed';
      if (status < 200) continue;
      const location = /\r?\nlocation:[ \t]*([^\r\n]*)/i.exec(head)?.[1]?.trim() ?? null;
      const length = Number(/\r?\ncontent-length:[ \t]*(\d+)[ \t]*(?:\r?\n|$)/i.exec(head)?.[1]);
      const date = Date.parse(/\r?\ndate:[ \t]*([^\r\n]*)/i.exec(head)?.[1] ?? '');
      return {
        status,
        location,
        date: Number.isNaN(date) ? null : date,
        body: rest.slice(0, MOST_BODY),
        isWhole: rest.length >= Math.min(length, MOST_BODY),
      };
    }
  }
}

/** The request, in HTTP/1.1. */
export function http1Request(host: string, path: string): Buffer {
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'User-Agent: countersign-doctor', 'Connection: close'];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
