import { Buffer } from 'node:buffer';
import type { Scheme } from '../../core/mod.ts';
import type { Timed } from '../deadlines.ts';
import type { Edge } from '../edge.ts';
import type { Exchange } from '../exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseBody, Visitor } from '../visitor.ts';
import type { Http2Connection } from './connection.ts';
import { ERROR_CODE } from './frame.ts';
import { appendFieldLines } from './response-fields.ts';

/** Body bytes of a request that a stream may hold: its receive window (RFC 9113 section 5.2). */
export const STREAM_WINDOW = 256 * 1024;
/** Bytes of a response that may wait for the visitor's window before the origin is held back. */
const MAX_QUEUED = 128 * 1024;
const EMPTY = Buffer.alloc(0);

/** One stream of a visitor's HTTP/2 connection: one request and its response. */
export class Http2Stream implements Visitor, Timed {
  readonly id: number;
  deadline = Number.POSITIVE_INFINITY;
  exchange: Exchange | null = null;
  /** Bytes that the visitor lets us send on this stream. */
  sendWindow: number;
  readonly #edge: Edge;
  readonly #connection: Http2Connection;
  /** Bytes of the request that came and were not given back to the visitor's window yet. */
  #uncredited = 0;
  #receiveWindow = STREAM_WINDOW;
  #expectedLength = -1;
  #receivedLength = 0;
  #isHeld = false;
  /** The visitor has sent END_STREAM. */
  #isRemoteDone: boolean;
  /** What came on an extended CONNECT before the origin agreed. */
  #early: Buffer[] | null = null;
  /** Fields of the final response, names and values, until they are sent. */
  #head: string[] | null = null;
  #queue: Buffer[] = [];
  #queued = 0;
  /** Nothing more will be queued. */
  #isLocalDone = false;
  /** END_STREAM is sent. */
  #isEndSent = false;
  #trailers: string[] | null = null;
  #wasFull = false;
  #isGone = false;

  constructor(edge: Edge, connection: Http2Connection, id: number, isRemoteDone: boolean, sendWindow: number) {
    this.#edge = edge;
    this.#connection = connection;
    this.id = id;
    this.#isRemoteDone = isRemoteDone;
    this.sendWindow = sendWindow;
  }

  get scheme(): Scheme {
    return 'https';
  }
  get address(): string {
    return this.#connection.address;
  }
  get sni(): string | null {
    return this.#connection.sni;
  }
  get protocol(): string {
    return this.#connection.protocol;
  }
  get httpVersion(): string {
    return 'HTTP/2';
  }
  get isReading(): boolean {
    return this.#connection.isReading;
  }
  /** True where the visitor may still send on this stream. */
  get isOpen(): boolean {
    return !this.#isRemoteDone;
  }
  get #isConnect(): boolean {
    return this.exchange?.head.upgrade != null;
  }

  // --- the request -------------------------------------------------------------------------------------------------

  /** The exchange begins: the head is whole, a body may follow. */
  start(exchange: Exchange): void {
    this.exchange = exchange;
    if (exchange.head.upgrade !== null) this.#early = [];
    else this.#expectedLength = exchange.head.contentLength;
    if (!this.#isRemoteDone) {
      this.#edge.deadlines.add(this);
      this.#touch();
    }
  }

  /** After the head: what needs no more of the visitor is complete. */
  headDone(): void {
    if (this.#isRemoteDone || this.#isConnect) this.exchange?.requestEnd('');
  }

  /** Bytes of a DATA frame; `size` counts its padding too, which the window does. False where the visitor broke its window. */
  receive(data: Buffer, size: number, isEnd: boolean): boolean {
    if (size > this.#receiveWindow) return false;
    this.#receiveWindow -= size;
    this.#uncredited += size;
    this.#receivedLength += data.length;
    if (this.#isLengthWrong(isEnd)) {
      this.reset(ERROR_CODE.PROTOCOL_ERROR);
      return true;
    }
    this.#touch();
    if (data.length > 0) {
      if (this.#early !== null) this.#early.push(data);
      else this.exchange?.requestData(data);
    }
    if (isEnd) this.receiveEnd('');
    else if (this.#early === null) this.#credit();
    return true;
  }

  /** The visitor has sent everything; `trailers` are serialised field lines. */
  receiveEnd(trailers: string): void {
    if (this.#isLengthWrong(true)) {
      this.reset(ERROR_CODE.PROTOCOL_ERROR);
      return;
    }
    this.#isRemoteDone = true;
    this.#connection.credit(this.#uncredited);
    this.#uncredited = 0;
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.exchange?.isTunnel) this.exchange.visitorEnded();
    else if (!this.#isConnect) this.exchange?.requestEnd(trailers);
    this.#closeWhenDone();
  }

  #isLengthWrong(isEnd: boolean): boolean {
    if (this.#expectedLength < 0) return false;
    return isEnd ? this.#receivedLength !== this.#expectedLength : this.#receivedLength > this.#expectedLength;
  }

  /** Gives the visitor its window back for what the origin took. */
  #credit(): void {
    if (this.#isHeld || this.#isRemoteDone || this.#isGone || this.#uncredited < STREAM_WINDOW / 4) return;
    this.#connection.credit(this.#uncredited);
    this.#connection.sendWindowUpdate(this.id, this.#uncredited);
    this.#receiveWindow += this.#uncredited;
    this.#uncredited = 0;
  }

  continue(): void {
    this.#connection.sendFields(this.id, [':status', '100'], false);
    this.#connection.flushSoon();
  }

  holdRequest(on: boolean): void {
    this.#isHeld = on;
    if (on) this.deadline = Number.POSITIVE_INFINITY;
    else {
      this.#touch();
      this.#credit();
    }
  }

  // --- the response ------------------------------------------------------------------------------------------------

  sendInterim(head: ResponseHead): void {
    const fields = [':status', String(head.status)];
    appendFieldLines(fields, head.fields);
    this.#connection.sendFields(this.id, fields, false);
  }

  startResponse(head: ResponseHead, { length, keepsContentEncoding }: ResponseBody): void {
    const fields = [':status', String(head.status)];
    appendFieldLines(fields, head.fields);
    this.#pushOwn(fields);
    if (!head.hasDate) fields.push('date', this.#edge.httpDate);
    if (head.contentEncoding !== null && keepsContentEncoding) fields.push('content-encoding', head.contentEncoding);
    if (length >= 0 && head.status !== 204) fields.push('content-length', String(length));
    this.#head = fields;
  }

  sendBody(data: Buffer): void {
    this.#queue.push(data);
    this.#queued += data.length;
  }

  endResponse(trailers: string): void {
    this.#isLocalDone = true;
    if (this.#isEndSent) {
      this.#localEnd();
      return;
    }
    if (trailers !== '') {
      this.#trailers = [];
      appendFieldLines(this.#trailers, trailers);
    }
    this.#connection.calm.earn();
    this.flush();
  }

  respond(status: number, _reason: string, fields: Readonly<Record<string, string>>, body: Buffer): void {
    const list = [':status', String(status)];
    this.#pushOwn(list);
    list.push('date', this.#edge.httpDate, 'content-length', String(body.length));
    for (const [name, value] of Object.entries(fields)) list.push(name.toLowerCase(), value);
    this.#head = list;
    if (this.exchange!.head.method !== 'HEAD' && body.length > 0) this.sendBody(body);
    this.#isLocalDone = true;
    this.flush();
  }

  #pushOwn(fields: string[]): void {
    fields.push('server', 'countersign', 'cf-ray', this.exchange!.rayId);
  }

  flush(): boolean {
    while (this.write());
    this.#connection.flushSoon();
    this.#wasFull = this.#queued > MAX_QUEUED || this.#connection.isBlocked;
    if (this.exchange?.isTunnel) this.#touch();
    else if (this.#queued > 0) this.#waitForVisitor();
    return !this.#wasFull;
  }

  /** Writes one frame, if the windows let it through. False where there is nothing (more) to write now. */
  write(): boolean {
    if (this.#isGone || this.#isEndSent) return false;
    if (this.#head !== null) {
      const isAll = this.#isLocalDone && this.#queued === 0 && this.#trailers === null;
      this.#connection.sendFields(this.id, this.#head, isAll);
      this.#head = null;
      if (isAll) this.#localEnd();
      return true;
    }
    if (this.#queue.length > 0) return this.#writeData();
    if (!this.#isLocalDone) return false;
    if (this.#trailers === null) this.#connection.sendData(this.id, EMPTY, true);
    else this.#connection.sendFields(this.id, this.#trailers, true);
    this.#localEnd();
    return true;
  }

  #writeData(): boolean {
    const allowed = this.#connection.allowance(this.sendWindow);
    if (allowed <= 0) return false;
    const first = this.#queue[0]!;
    const part = first.length <= allowed ? first : first.subarray(0, allowed);
    if (part === first) this.#queue.shift();
    else this.#queue[0] = first.subarray(allowed);
    this.#queued -= part.length;
    this.sendWindow -= part.length;
    const isAll = this.#isLocalDone && this.#queued === 0 && this.#trailers === null;
    this.#connection.sendData(this.id, part, isAll);
    if (isAll) this.#localEnd();
    return true;
  }

  /** After `write`: the windows opened or the socket takes bytes again, so the origin may go on. */
  resume(): void {
    if (this.#isGone) return;
    if (this.#queued > 0) this.#waitForVisitor();
    else if (this.#isRemoteDone && !this.exchange?.isTunnel) this.deadline = Number.POSITIVE_INFINITY;
    if (this.#wasFull && this.#queued <= MAX_QUEUED / 2 && !this.#connection.isBlocked) {
      this.#wasFull = false;
      this.exchange?.visitorDrained();
    }
  }

  #localEnd(): void {
    const isFirst = !this.#isEndSent;
    this.#isEndSent = true;
    // A tunnel's other half goes on until the origin is gone.
    if (isFirst && this.exchange?.isTunnel && !this.#isRemoteDone) return;
    // The rest of a request that is answered already is not wanted (RFC 9113 section 8.1).
    if (!this.#isRemoteDone) this.#connection.sendReset(this.id, ERROR_CODE.NO_ERROR);
    this.#remove();
  }

  #closeWhenDone(): void {
    if (this.#isEndSent) this.#remove();
  }

  // --- upgrades ----------------------------------------------------------------------------------------------------

  startTunnel(head: ResponseHead): Buffer {
    const fields = [':status', '200'];
    appendFieldLines(fields, head.fields);
    // The answer to a key that this visitor never sent (RFC 8441 section 5).
    const accept = fields.indexOf('sec-websocket-accept');
    if (accept >= 0) fields.splice(accept, 2);
    this.#pushOwn(fields);
    this.#head = fields;
    const early = Buffer.concat(this.#early ?? []);
    this.#early = null;
    this.#edge.deadlines.add(this);
    this.flush();
    this.#credit();
    if (this.#isRemoteDone) this.exchange!.visitorEnded();
    return early;
  }

  endTunnel(): void {
    this.#isLocalDone = true;
    this.flush();
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  abort(): void {
    this.reset(ERROR_CODE.INTERNAL_ERROR);
  }

  /** Ends the stream with an error of ours. */
  reset(code: number): void {
    if (this.#isGone) return;
    this.#connection.sendReset(this.id, code);
    this.#connection.flushSoon();
    this.closed();
  }

  /** The stream is gone: reset by either side, or with its connection. */
  closed(): void {
    if (this.#isGone) return;
    this.#remove();
    this.exchange?.visitorGone();
  }

  onDeadline(): void {
    const { exchange } = this;
    if (exchange === null || exchange.isAnswered || exchange.requestComplete) {
      this.reset(ERROR_CODE.CANCEL);
    } else {
      exchange.refuse(408, 'the body took too long');
    }
  }

  #remove(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#queue = [];
    this.#edge.deadlines.remove(this);
    this.#connection.credit(this.#uncredited);
    this.#uncredited = 0;
    this.#connection.forget(this);
  }

  #touch(): void {
    const { limits, deadlines } = this.#edge;
    if (this.exchange?.isTunnel) this.deadline = deadlines.now + limits.tunnelIdle;
    else if (!this.#isRemoteDone) this.deadline = deadlines.now + limits.visitorStall;
  }

  #waitForVisitor(): void {
    this.deadline = this.#edge.deadlines.now + this.#edge.limits.visitorStall;
    this.#edge.deadlines.add(this);
  }
}
