import { Buffer } from 'node:buffer';
import type { HeadText } from '../../../src/edge/http1/head-text.ts';
import { type BodyFraming, type MessageHandler, MessageReader } from '../../../src/edge/http1/message-reader.ts';
import type { Refusal } from '../../../src/edge/http1/refusal.ts';

/** One message as a reader took it: its head, its body without framing, and how it ended. */
export interface Message {
  readonly head: string;
  body: string;
  /** Serialised trailers; null where the message did not end. */
  trailers: string | null;
}

/** What became of a connection's bytes. */
export interface Transcript {
  readonly messages: readonly Message[];
  /** Why reading stopped, if it did. */
  readonly refusal: string | null;
  /** Most bytes that the reader ever kept between two pushes. */
  readonly mostHeld: number;
  /** True where nothing is left half read. */
  readonly isWhole: boolean;
}

/** Says how a head's body is framed; null stops the reader, as a refused head does. */
export type Framing = (head: HeadText) => BodyFraming | null;

/** Reads latin1 bytes that come in pieces, one message after the other. */
export function transcribe(pieces: readonly string[], maxHead: number, framing: Framing, ends = false): Transcript {
  const recorder = new Recorder(framing);
  const reader = new MessageReader(recorder, maxHead);
  recorder.reader = reader;
  let mostHeld = 0;
  for (const piece of pieces) {
    reader.push(Buffer.from(piece, 'latin1'));
    mostHeld = Math.max(mostHeld, reader.held);
  }
  const isWhole = ends ? reader.end() : reader.isBetweenMessages;
  return { messages: recorder.messages, refusal: recorder.refusal, mostHeld, isWhole };
}

class Recorder implements MessageHandler {
  readonly messages: Message[] = [];
  refusal: string | null = null;
  reader: MessageReader | null = null;
  readonly #framing: Framing;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  onHead(head: HeadText): BodyFraming | null {
    this.messages.push({ head: head.text, body: '', trailers: null });
    return this.#framing(head);
  }

  onData(data: Buffer, from: number, to: number): void {
    this.messages.at(-1)!.body += data.toString('latin1', from, to);
  }

  onMessageEnd(trailers: string): void {
    this.messages.at(-1)!.trailers = trailers;
    this.reader!.next();
  }

  onRefused(refusal: Refusal): void {
    this.refusal = refusal.reason;
  }
}
