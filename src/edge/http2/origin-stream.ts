import type { Buffer } from 'node:buffer';
import type { OriginFailureName } from '../../core/mod.ts';
import type { Timed } from '../deadlines.ts';
import type { Exchange } from '../exchange.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Origin } from '../origin.ts';
import type { OriginPool } from '../origin-pool.ts';
import { type OriginRequestFacts, originRequestFields } from '../origin-request.ts';
import { ERROR_CODE } from './frame.ts';
import { StreamInput } from './input.ts';
import type { Http2OriginConnection } from './origin-connection.ts';
import { StreamOutput } from './output.ts';
import type { Priority } from './priority.ts';
import { appendFieldLines } from './response-fields.ts';
import type { ResponseFields } from './response-head.ts';
import type { SessionStream } from './session.ts';

/** One stream of an HTTP/2 connection to an origin: one exchange. */
export class OriginStream implements Origin, SessionStream, Timed {
  readonly id: number;
  readonly output: StreamOutput;
  priority: Priority | null = null;
  readonly isReused: boolean;
  readonly isReady = true;
  readonly canRefuse = true;
  hasAnswered = false;
  wasRefused = false;
  readonly mayBearOtherName = false;
  deadline = Number.POSITIVE_INFINITY;
  readonly #connection: Http2OriginConnection;
  readonly #exchange: Exchange;
  readonly #input: StreamInput;
  #hasHead = false;
  /** Bytes that the response still has to bring, or -1 where nobody knows. */
  #expected = -1;
  #isRemoteDone = false;
  #isGone = false;

  constructor(connection: Http2OriginConnection, id: number, exchange: Exchange) {
    const { session } = connection;
    this.#connection = connection;
    this.id = id;
    this.isReused = id > 1;
    this.#exchange = exchange;
    this.output = new StreamOutput(session, id, session.initialWindow);
    this.#input = new StreamInput(session, id);
    connection.pool.edge.deadlines.add(this);
  }

  get pool(): OriginPool {
    return this.#connection.pool;
  }
  get addressIndex(): number {
    return this.#connection.addressIndex;
  }
  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }
  get protocol(): string {
    return this.#connection.protocol;
  }
  get isOpen(): boolean {
    return !this.#isRemoteDone;
  }

  // --- the request -------------------------------------------------------------------------------------------------

  sendRequest(head: RequestHead, facts: OriginRequestFacts): void {
    const fields = [':method', head.method, ':scheme', 'https', ':authority', facts.host, ':path', facts.path];
    appendFieldLines(fields, originRequestFields(head, facts));
    if (head.contentLength >= 0) fields.push('content-length', String(head.contentLength));
    // We take trailers from every origin; gRPC servers ask for the word (RFC 9110 section 10.1.4).
    fields.push('te', 'trailers');
    this.output.begin(fields);
  }

  sendBody(data: Buffer): void {
    this.output.add(data);
  }

  endRequest(trailers: string): void {
    const fields: string[] = [];
    appendFieldLines(fields, trailers);
    this.output.end(fields.length === 0 ? null : fields);
    this.deadline = this.#in(this.#exchange.originReadTime);
  }

  flush(): void {
    if (this.output.flush()) return;
    this.deadline = this.#in(this.pool.edge.limits.originWrite);
    this.#exchange.originBlocked();
  }

  written(): void {
    if (this.#isGone || !this.output.takeRoom()) return;
    this.deadline = this.output.isEndSent ? this.#in(this.#exchange.originReadTime) : Number.POSITIVE_INFINITY;
    this.#exchange.originDrained();
  }

  // --- the response ------------------------------------------------------------------------------------------------

  /** The fields of a 1xx response, of the final one, or of its trailers. */
  receiveFields(fields: ResponseFields, isTooLarge: boolean, isEnd: boolean): void {
    this.hasAnswered = true;
    this.#waitForMore();
    if (isTooLarge) this.#fail('response_headers_too_large');
    else if (this.#hasHead) this.#receiveTrailers(fields, isEnd);
    else this.#receiveHead(fields, isEnd);
  }

  #receiveHead(fields: ResponseFields, isEnd: boolean): void {
    const head = fields.head();
    if (head === null || (head.status < 200 && isEnd)) {
      this.#fail('malformed_response');
      return;
    }
    this.#connection.touch(this);
    if (head.status < 200) {
      if (!this.#exchange.interimResponse(head)) this.#fail('malformed_response');
      return;
    }
    this.#hasHead = true;
    const { method } = this.#exchange.head;
    const isBodiless = method === 'HEAD' || head.status === 204 || head.status === 304;
    if (isEnd && !isBodiless && head.contentLength < 0) head.contentLength = 0;
    this.#expected = isBodiless ? 0 : head.contentLength;
    this.#exchange.responseHead(head, !isEnd && !isBodiless);
    if (isEnd && !this.#isGone) this.#complete('');
  }

  #receiveTrailers(fields: ResponseFields, isEnd: boolean): void {
    const trailers = fields.trailers();
    if (trailers === null || !isEnd || this.#expected > 0) this.#fail('malformed_response');
    else this.#complete(trailers);
  }

  receive(data: Buffer, size: number, isEnd: boolean): boolean {
    if (!this.#input.take(size)) return false;
    this.#waitForMore();
    if (!this.#hasHead || !this.#fits(data.length, isEnd)) {
      this.#fail('malformed_response');
      return true;
    }
    if (data.length > 0) {
      this.#exchange.responseData(data, 0, data.length);
      this.#connection.touch(this);
    }
    if (this.#isGone) return true;
    if (isEnd) this.#complete('');
    else this.#input.credit();
    return true;
  }

  /** Counts body bytes against the response's length. */
  #fits(length: number, isEnd: boolean): boolean {
    if (this.#expected < 0) return true;
    if (length > this.#expected) return false;
    this.#expected -= length;
    return !isEnd || this.#expected === 0;
  }

  /** Passes on what the connection's last read brought. */
  flushResponse(): void {
    if (!this.#isGone) this.#exchange.flushResponse();
  }

  pause(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.#input.hold(true);
  }

  resume(): void {
    this.#waitForMore();
    this.#input.hold(false);
  }

  #complete(trailers: string): void {
    this.#isRemoteDone = true;
    this.#remove();
    // What the visitor still sends is not wanted any more (RFC 9113 section 8.1).
    if (!this.output.isEndSent) this.#connection.session.sendReset(this.id, ERROR_CODE.CANCEL);
    this.#exchange.origin = null;
    this.#exchange.responseEnd(trailers);
  }

  // --- tunnels: those go over HTTP/1.1 -----------------------------------------------------------------------------

  touchTunnel(): void {}
  endTunnel(): void {}

  // --- the end -----------------------------------------------------------------------------------------------------

  destroy(): void {
    if (this.#isGone) return;
    this.#connection.session.sendReset(this.id, ERROR_CODE.CANCEL);
    this.#remove();
  }

  reset(code: number): void {
    if (this.#isGone) return;
    this.#connection.session.sendReset(this.id, code);
    this.#failed('malformed_response');
  }

  closed(code: number | null): void {
    if (this.#isGone) return;
    this.wasRefused = code === ERROR_CODE.REFUSED_STREAM;
    this.#failed(code === null ? this.#connection.failure : 'empty_response');
  }

  onDeadline(): void {
    this.#connection.session.sendReset(this.id, ERROR_CODE.CANCEL);
    this.#failed(this.output.queued > 0 ? 'write_timeout' : 'read_timeout');
  }

  #fail(failure: OriginFailureName): void {
    if (this.#isGone) return;
    this.#connection.session.sendReset(this.id, ERROR_CODE.PROTOCOL_ERROR);
    this.#failed(failure);
  }

  #failed(failure: OriginFailureName): void {
    this.#remove();
    this.#exchange.origin = null;
    this.#exchange.originFailed(this, failure, 'HTTP/2');
  }

  #remove(): void {
    this.#isGone = true;
    this.pool.edge.deadlines.remove(this);
    this.#input.end();
    this.#connection.session.forget(this);
  }

  #waitForMore(): void {
    this.deadline = this.#in(this.#exchange.originReadTime);
  }

  #in(time: number): number {
    return this.pool.edge.deadlines.now + time;
  }
}
