import type { Buffer } from 'node:buffer';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { listTokens } from './http1/field-lines.ts';
import type { ResponseHead } from './http1/response-head.ts';

/** What a `ContentDecoder` tells its owner. */
export interface DecoderEvents {
  onData(data: Buffer): void;
  /** It takes bytes again. */
  onDrain(): void;
  onFailure(): void;
}

/**
 * Decodes a response body for a visitor that does not take the coding. Origins are always asked for `br, gzip`
 * (spec/origin-pulls.md 4.1), whatever the visitor said.
 */
export class ContentDecoder {
  readonly #stream: Transform;
  isBlocked = false;

  constructor(stream: Transform) {
    this.#stream = stream;
  }

  start(events: DecoderEvents): void {
    this.#stream.on('data', events.onData);
    this.#stream.on('error', events.onFailure);
    this.#stream.on('drain', () => {
      this.isBlocked = false;
      events.onDrain();
    });
  }

  /** False where the owner shall wait for `onDrain`. */
  push(data: Buffer): boolean {
    this.isBlocked = !this.#stream.write(data);
    return !this.isBlocked;
  }

  /** The owner takes no more for now. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(done: () => void): void {
    this.#stream.on('end', done);
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}

/** A decoder where the response's coding is `br` or `gzip` and the visitor did not accept it, else null. */
export function decoderFor(head: ResponseHead, acceptEncoding: string | null): ContentDecoder | null {
  const coding = head.contentEncoding?.toLowerCase();
  // A part of a coded body (206) does not decode by itself.
  if ((coding !== 'br' && coding !== 'gzip') || head.status === 206) return null;
  if (accepts(acceptEncoding, coding)) return null;
  return new ContentDecoder(coding === 'br' ? createBrotliDecompress() : createGunzip());
}

function accepts(acceptEncoding: string | null, coding: string): boolean {
  if (acceptEncoding === null) return false;
  let any = false;
  for (const token of listTokens(acceptEncoding)) {
    const [name, ...parameters] = token.split(';').map((part) => part.trim());
    const refused = parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
    if (name === coding) return !refused;
    if (name === '*') any = !refused;
  }
  return any;
}
