import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import tls, { type TLSSocket } from 'node:tls';
import { type TestEdge, ZONE } from './edge.ts';

/** A frame as a raw visitor sees it. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Writes a frame, well formed or not. */
export function rawFrame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

/** A header block of literals without indexing (RFC 7541 section 6.2.2), names and values as they are. */
export function rawBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    return Buffer.concat([integer(bytes.length), bytes]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** The fields of a usual request. */
export const GET: readonly (readonly [string, string])[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', `www.${ZONE}`],
  [':path', '/'],
];

/** A raw HTTP/2 visitor. */
export class RawVisitor {
  readonly socket: TLSSocket;
  readonly frames: RawFrame[] = [];
  #held = Buffer.alloc(0);
  #isEnded = false;
  #wake: (() => void)[] = [];

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (data: Buffer) => this.#take(data));
    for (const event of ['end', 'close', 'error'])
      socket.on(event, () => {
        this.#isEnded = true;
        this.#notify();
      });
  }

  send(...parts: (Buffer | string)[]): void {
    for (const part of parts) this.socket.write(part as Buffer);
  }

  /** Resolves with the first frame that `wanted` takes; null where the connection ends before. */
  async until(wanted: (frame: RawFrame) => boolean): Promise<RawFrame | null> {
    for (let seen = 0; ; ) {
      for (; seen < this.frames.length; seen++) if (wanted(this.frames[seen]!)) return this.frames[seen]!;
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Resolves with the error code of the GOAWAY that ends the connection; null where it ends without. */
  async goaway(): Promise<number | null> {
    return (await this.until(({ type }) => type === 7))?.payload.readUInt32BE(4) ?? null;
  }

  /** Resolves with the error code that resets a stream, and -1 where it is answered first. */
  async outcome(streamId: number): Promise<number | null> {
    const frame = await this.until(
      ({ type, streamId: id }) => type === 7 || (id === streamId && (type === 1 || type === 3)),
    );
    return frame === null ? null : frame.type === 3 ? frame.payload.readUInt32BE(0) : frame.type === 1 ? -1 : null;
  }

  #take(data: Buffer): void {
    this.#held = Buffer.concat([this.#held, data]);
    while (this.#held.length >= 9 && this.#held.length >= 9 + this.#held.readUIntBE(0, 3)) {
      const length = this.#held.readUIntBE(0, 3);
      this.frames.push({
        type: this.#held[3]!,
        flags: this.#held[4]!,
        streamId: this.#held.readUInt32BE(5),
        payload: this.#held.subarray(9, 9 + length),
      });
      this.#held = this.#held.subarray(9 + length);
    }
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** Connects as a raw HTTP/2 visitor of `www`; preface and SETTINGS are sent unless `isBare`. */
export async function visitHttp2(edge: TestEdge, isBare = false): Promise<RawVisitor> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: edge.httpsPort,
    servername: `www.${ZONE}`,
    ca: edge.root.certificate,
    ALPNProtocols: ['h2'],
  });
  await once(socket, 'secureConnect');
  const visitor = new RawVisitor(socket);
  if (!isBare) visitor.send(PREFACE, rawFrame(4, 0, 0));
  return visitor;
}
