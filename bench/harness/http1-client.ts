import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import tls, { type TLSSocket } from 'node:tls';

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  /** The status line and the fields. */
  readonly head: string;
  readonly body: Buffer;
}

/** The head of an answer, and how long the whole is. */
interface Head {
  readonly text: string;
  readonly status: number;
  readonly size: number;
}

/** The connection ended, or gave no answer in time. */
export class NoAnswer extends Error {
  /** It had answered before and ended now without a byte: closed while it was idle, as far as a client can tell. */
  readonly wasIdle: boolean;

  constructor(message: string, wasIdle: boolean) {
    super(message);
    this.wasIdle = wasIdle;
  }
}

const PATIENCE = 30_000;

/** A visitor's HTTP/1.1 connection: one request after the other. */
export class Http1Client {
  readonly socket: TLSSocket;
  #parts: Buffer[] = [];
  #length = 0;
  #answered = 0;
  #head: Head | null = null;
  #pending: { readonly resolve: (answer: Answer) => void; readonly reject: (error: NoAnswer) => void } | null = null;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => this.#fail('the connection ended'));
  }

  /** Connects to a port of loopback as a visitor of `hostname`. */
  static async connect(port: number, hostname: string, ca: string): Promise<Http1Client> {
    const socket = tls.connect({ host: '127.0.0.1', port, servername: hostname, ca });
    await once(socket, 'secureConnect');
    return new Http1Client(socket);
  }

  get isUsable(): boolean {
    return !this.socket.destroyed && this.socket.writable && this.socket.readable;
  }

  /** Sends a request and resolves with its answer. Rejects with `NoAnswer`. */
  async request(head: string, body?: Buffer): Promise<Answer> {
    const timer = setTimeout(() => this.#fail(`no answer within ${PATIENCE} ms`), PATIENCE);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#pending = { resolve, reject };
        if (!this.isUsable) this.#fail('the connection ended');
        this.socket.write(head);
        if (body !== undefined) this.socket.write(body);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #take(data: Buffer): void {
    this.#parts.push(data);
    this.#length += data.length;
    this.#head ??= this.#readHead();
    const head = this.#head;
    if (head === null || this.#length < head.size) return;
    const body = Buffer.concat(this.#parts).subarray(head.text.length, head.size);
    const isOverlong = this.#length > head.size;
    this.#parts = [];
    this.#length = 0;
    this.#head = null;
    if (isOverlong || this.#pending === null) {
      this.#fail('more than the answer came');
      return;
    }
    const { resolve } = this.#pending;
    this.#pending = null;
    this.#answered++;
    resolve({ status: head.status, head: head.text, body });
  }

  #readHead(): Head | null {
    const all = Buffer.concat(this.#parts);
    this.#parts = [all];
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const text = all.toString('latin1', 0, end + 4);
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1];
    const status = Number(text.slice(9, 12));
    if (length === undefined && status !== 101) {
      this.#fail(`an answer without a length: ${text}`);
      return null;
    }
    return { text, status, size: text.length + Number(length ?? 0) };
  }

  #fail(message: string): void {
    const wasIdle = this.#answered > 0 && this.#length === 0 && message === 'the connection ended';
    this.socket.destroy();
    this.#pending?.reject(new NoAnswer(message, wasIdle));
    this.#pending = null;
  }
}
