import { Buffer } from 'node:buffer';
import type { Scheme } from '../../core/mod.ts';
import { cut } from '../../platform/mod.ts';
import type { Timed } from '../deadlines.ts';
import type { Edge } from '../edge.ts';
import type { Exchange } from '../exchange.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { ResponseBody, Visitor } from '../visitor.ts';
import { ERROR_CODE } from './frame.ts';
import { StreamInput } from './input.ts';
import { StreamOutput } from './output.ts';
import type { Priority } from './priority.ts';
import { appendFieldLines } from './response-fields.ts';
import type { SessionStream } from './session.ts';
import type { Http2Connection } from './visitor-connection.ts';

/** One stream of a visitor's HTTP/2 connection: one request and its response. */
export class VisitorStream implements Visitor, SessionStream, Timed {
  readonly id: number;
  readonly output: StreamOutput;
  priority: Priority | null = null;
  deadline = Number.POSITIVE_INFINITY;
  exchange: Exchange | null = null;
  readonly #edge: Edge;
  readonly #connection: Http2Connection;
  readonly #input: StreamInput;
  #expectedLength = -1;
  #receivedLength = 0;
  /** The visitor has sent END_STREAM. */
  #isRemoteDone: boolean;
  /** What came on an extended CONNECT before the origin agreed. */
  #early: Buffer[] | null = null;
  /** The response is complete as far as the exchange is concerned. */
  #isAnswered = false;
  #isGone = false;

  constructor(edge: Edge, connection: Http2Connection, id: number, isRemoteDone: boolean) {
    const { session } = connection;
    this.#edge = edge;
    this.#connection = connection;
    this.id = id;
    this.#isRemoteDone = isRemoteDone;
    this.output = new StreamOutput(session, id, session.initialWindow);
    this.#input = new StreamInput(session, id);
  }

  get scheme(): Scheme {
    return 'https';
  }
  get address(): string {
    return this.#connection.address;
  }
  get usualFields(): string {
    return this.#connection.usualFields;
  }
  get sni(): string | null {
    return this.#connection.sni;
  }
  get cipher(): string {
    return this.#connection.cipher;
  }
  get localAddress(): string {
    return this.#connection.localAddress;
  }
  get localPort(): number {
    return this.#connection.localPort;
  }
  get protocol(): string {
    return this.#connection.protocol;
  }
  get httpVersion(): string {
    return 'HTTP/2';
  }
  get isReading(): boolean {
    return this.#connection.session.isReading;
  }
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

  receive(data: Buffer, size: number, isEnd: boolean): boolean {
    if (!this.#input.take(size)) return false;
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
    else if (this.#early === null) this.#input.credit();
    return true;
  }

  /** The visitor has sent everything; `trailers` are serialised field lines. */
  receiveEnd(trailers: string): void {
    if (this.#isLengthWrong(true)) {
      this.reset(ERROR_CODE.PROTOCOL_ERROR);
      return;
    }
    this.#isRemoteDone = true;
    this.#input.end();
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.exchange?.isTunnel) this.exchange.visitorEnded();
    else if (!this.#isConnect) this.exchange?.requestEnd(trailers);
    if (this.output.isEndSent) this.#remove();
  }

  #isLengthWrong(isEnd: boolean): boolean {
    if (this.#expectedLength < 0) return false;
    return isEnd ? this.#receivedLength !== this.#expectedLength : this.#receivedLength > this.#expectedLength;
  }

  continue(): void {
    this.#connection.session.sendFields(this.id, [':status', '100'], false);
    this.#connection.session.flushSoon();
  }

  holdRequest(on: boolean): void {
    if (on) this.deadline = Number.POSITIVE_INFINITY;
    else this.#touch();
    this.#input.hold(on);
  }

  // --- the response ------------------------------------------------------------------------------------------------

  sendInterim(head: ResponseHead): void {
    const fields = [':status', String(head.status)];
    appendFieldLines(fields, head.fields);
    this.#connection.session.sendFields(this.id, fields, false);
  }

  startResponse(head: ResponseHead, { length, keepsContentEncoding }: ResponseBody): void {
    const fields = this.#ownFields(head.status);
    appendFieldLines(fields, head.fields);
    if (!head.hasDate) fields.push('date', this.#edge.httpDate);
    if (head.contentEncoding !== null && keepsContentEncoding) fields.push('content-encoding', head.contentEncoding);
    if (length >= 0 && head.status !== 204) fields.push('content-length', String(length));
    this.output.begin(fields);
  }

  sendBody(data: Buffer, from: number, to: number): void {
    this.output.add(cut(data, from, to));
  }

  endResponse(trailers: string): void {
    this.#isAnswered = true;
    if (!this.output.isEndSent) {
      const fields: string[] = [];
      appendFieldLines(fields, trailers);
      this.output.end(fields.length === 0 ? null : fields);
    }
    this.#connection.calm.earn();
    this.flush();
  }

  respond(status: number, _reason: string, fields: Readonly<Record<string, string>>, body: Buffer): void {
    const list = this.#ownFields(status);
    list.push('date', this.#edge.httpDate, 'content-length', String(body.length));
    for (const [name, value] of Object.entries(fields)) list.push(name.toLowerCase(), value);
    this.output.begin(list);
    if (this.exchange!.head.method !== 'HEAD') this.output.add(body);
    this.output.end(null);
    this.#isAnswered = true;
    this.flush();
  }

  #ownFields(status: number): string[] {
    return [':status', String(status), 'server', 'countersign', 'cf-ray', this.exchange!.rayId];
  }

  flush(): boolean {
    const hasRoom = this.output.flush();
    this.#settle();
    return hasRoom;
  }

  written(): void {
    this.#settle();
    if (!this.#isGone && this.output.takeRoom()) this.exchange?.visitorDrained();
  }

  /** After writing: the stream may be over, or wait for the visitor. */
  #settle(): void {
    if (this.#isGone) return;
    if (this.output.isEndSent && (this.#isAnswered || this.#isRemoteDone)) {
      // The rest of a request that is answered already is not wanted (RFC 9113 section 8.1).
      if (!this.#isRemoteDone) this.#connection.session.sendReset(this.id, ERROR_CODE.NO_ERROR);
      this.#remove();
    } else if (this.exchange?.isTunnel) {
      this.#touch();
    } else if (this.output.queued > 0) {
      this.deadline = this.#edge.deadlines.now + this.#edge.limits.visitorStall;
      this.#edge.deadlines.add(this);
    } else if (this.#isRemoteDone) {
      this.deadline = Number.POSITIVE_INFINITY;
    }
  }

  // --- upgrades ----------------------------------------------------------------------------------------------------

  startTunnel(head: ResponseHead): Buffer {
    const fields = this.#ownFields(200);
    appendFieldLines(fields, head.fields);
    // The answer to a key that this visitor never sent (RFC 8441 section 5).
    const accept = fields.indexOf('sec-websocket-accept');
    if (accept >= 0) fields.splice(accept, 2);
    this.output.begin(fields);
    const early = Buffer.concat(this.#early ?? []);
    this.#early = null;
    this.#edge.deadlines.add(this);
    this.flush();
    this.#input.credit();
    if (this.#isRemoteDone) this.exchange!.visitorEnded();
    return early;
  }

  endTunnel(): void {
    this.output.end(null);
    this.flush();
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  abort(): void {
    this.reset(ERROR_CODE.INTERNAL_ERROR);
  }

  reset(code: number): void {
    if (this.#isGone) return;
    this.#connection.reset(this.id, code);
    this.closed();
  }

  closed(): void {
    if (this.#isGone) return;
    this.#remove();
    this.exchange?.visitorGone();
  }

  onDeadline(): void {
    const { exchange } = this;
    if (exchange === null || exchange.isAnswered || exchange.requestComplete) this.reset(ERROR_CODE.CANCEL);
    else exchange.refuse(408, 'the body took too long');
  }

  #remove(): void {
    this.#isGone = true;
    this.#edge.deadlines.remove(this);
    this.#input.end();
    this.#connection.session.forget(this);
  }

  #touch(): void {
    const { limits, deadlines } = this.#edge;
    if (this.exchange?.isTunnel) this.deadline = deadlines.now + limits.tunnelIdle;
    else if (!this.#isRemoteDone) this.deadline = deadlines.now + limits.visitorStall;
  }
}
