import { Buffer } from 'node:buffer';
import type { Scheme } from '../../core/mod.ts';
import { cut, hear, type PeerListener, type PeerSocket, type SecurePeerSocket } from '../../platform/mod.ts';
import type { Timed } from '../deadlines.ts';
import type { Edge } from '../edge.ts';
import { Exchange } from '../exchange.ts';
import { visitorFields } from '../origin-request.ts';
import { Outbox } from '../outbox.ts';
import { beginExchange } from '../pipeline.ts';
import { requestTarget, targetOfRefused } from '../request-target.ts';
import { writeInterimHead, writeOwnHead, writeResponseHead } from '../response-framing.ts';
import type { ResponseBody, Visitor, VisitorConnection, VisitorFacts } from '../visitor.ts';
import type { HeadText } from './head-text.ts';
import { type BodyFraming, type MessageHandler, MessageReader } from './message-reader.ts';
import { Refusal } from './refusal.ts';
import { parseRequestHead, RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Bytes of pipelined requests that may wait while one is answered. */
const MAX_WAITING = 64 * 1024;

/** Why a visitor's socket is not read at the moment: one bit each. */
const HELD_BY_ORIGIN = 1;
const HELD_BY_PIPELINE = 2;

/** One HTTP/1 connection of a visitor: requests come in order, one exchange at a time. */
export class Http1Connection implements Visitor, VisitorConnection, PeerListener, MessageHandler, Timed {
  readonly scheme: Scheme;
  readonly address: string;
  readonly sni: string | null;
  deadline: number;
  isReading = false;
  #usualFields: string | null = null;
  readonly #edge: Edge;
  readonly #socket: PeerSocket;
  readonly #out: Outbox;
  readonly #reader: MessageReader;
  #exchange: Exchange | null = null;
  #holds = 0;
  /** How the body of the response under way is framed. */
  #outgoing: 'none' | 'raw' | 'chunked' = 'none';
  #closesAfterResponse = false;
  #isClosing = false;
  /** The visitor takes no more for now. */
  #isBlocked = false;
  #isHalfClosed = false;

  constructor(edge: Edge, socket: PeerSocket, { address, sni }: VisitorFacts) {
    this.#edge = edge;
    this.#socket = socket;
    this.scheme = sni === null ? 'http' : 'https';
    this.address = address;
    this.sni = sni;
    this.#out = new Outbox(socket);
    this.#reader = new MessageReader(this, edge.limits.requestHead);
    this.deadline = edge.deadlines.now + edge.limits.requestHeadTime;
    edge.visitors.add(this);
    edge.deadlines.add(this);
    hear(socket, this);
  }

  get protocol(): string {
    return this.scheme === 'https' ? ((this.#socket as SecurePeerSocket).getProtocol() ?? 'none') : 'none';
  }

  get cipher(): string {
    return this.scheme === 'https' ? ((this.#socket as SecurePeerSocket).getCipher()?.standardName ?? '') : '';
  }

  get localAddress(): string {
    return this.#socket.localAddress ?? '';
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  get usualFields(): string {
    this.#usualFields ??= visitorFields(this.address, this.scheme);
    return this.#usualFields;
  }

  get httpVersion(): string {
    return this.#exchange?.head.minor === 0 ? 'HTTP/1.0' : 'HTTP/1.1';
  }

  // --- requests ----------------------------------------------------------------------------------------------------

  onHead(source: HeadText): BodyFraming | null {
    const head = parseRequestHead(source);
    if (head instanceof Refusal) {
      this.#refuseUnparsed(head);
      return null;
    }
    const target = requestTarget(head);
    const isRefused = target instanceof Refusal;
    const exchange = new Exchange(
      this.#edge,
      this,
      head,
      isRefused ? targetOfRefused(head.host) : target,
      this.#edge.rays.next(),
    );
    this.#exchange = exchange;
    if (isRefused) {
      exchange.refuse(target.status, target.reason);
      return null;
    }
    if (head.hasBody) this.deadline = this.#in(this.#edge.limits.visitorStall);
    else this.deadline = Number.POSITIVE_INFINITY;
    beginExchange(this.#edge, exchange);
    if (this.#isClosing) return null;
    if (head.chunked) return { kind: 'chunked' };
    return head.contentLength > 0 ? { kind: 'length', length: head.contentLength } : { kind: 'none' };
  }

  onData(data: Buffer, from: number, to: number): void {
    this.deadline = this.#in(this.#exchange?.isTunnel ? this.#edge.limits.tunnelIdle : this.#edge.limits.visitorStall);
    this.#exchange?.requestData(cut(data, from, to));
  }

  onMessageEnd(trailers: string): void {
    this.deadline = Number.POSITIVE_INFINITY;
    const exchange = this.#exchange;
    // Null where the edge itself has answered already: then this was only the rest of that request.
    if (exchange !== null) exchange.requestEnd(trailers);
    else if (!this.#isBlocked) this.#nextRequest();
  }

  onRefused(refusal: Refusal): void {
    if (this.#exchange === null) this.#refuseUnparsed(refusal);
    else if (this.#exchange.isAnswered) this.abort();
    else this.#exchange.refuse(refusal.status, refusal.reason);
  }

  continue(): void {
    this.#out.addText('HTTP/1.1 100 Continue\r\n\r\n');
    this.#out.flush();
  }

  holdRequest(on: boolean): void {
    this.#hold(HELD_BY_ORIGIN, on);
  }

  // --- responses ---------------------------------------------------------------------------------------------------

  sendInterim(head: ResponseHead): void {
    // HTTP/1.0 knows none (RFC 9110 section 15.2).
    if (this.#exchange!.head.minor === 1) this.#out.addText(writeInterimHead(head));
  }

  startResponse(head: ResponseHead, { exists, length, keepsContentEncoding }: ResponseBody): void {
    const exchange = this.#exchange!;
    const isOld = exchange.head.minor === 0;
    // What is left of the request, or of a refused upgrade, cannot be told from the next request.
    this.#closesAfterResponse =
      this.#closesAfter(exchange) || !exchange.requestComplete || exchange.head.upgrade !== null;
    if (!exists) this.#outgoing = 'none';
    else if (length >= 0) this.#outgoing = 'raw';
    else this.#outgoing = isOld ? 'raw' : 'chunked';
    if (exists && length < 0 && isOld) this.#closesAfterResponse = true;
    writeResponseHead(this.#out, head, {
      rayId: exchange.rayId,
      contentLength: head.status === 204 ? -1 : length,
      chunked: this.#outgoing === 'chunked',
      close: this.#closesAfterResponse,
      keepAlive10: isOld && !this.#closesAfterResponse,
      date: this.#edge.httpDate,
      keepsContentEncoding,
    });
  }

  sendBody(data: Buffer, from: number, to: number): void {
    if (this.#outgoing === 'chunked') this.#out.addChunk(data, from, to);
    else this.#out.addBytes(data, from, to);
  }

  endResponse(trailers: string): void {
    const exchange = this.#exchange!;
    if (this.#outgoing === 'chunked') this.#out.addText(`0\r\n${trailers}\r\n`);
    this.#exchangeDone(!this.#closesAfterResponse && exchange.requestComplete && !exchange.isTunnel);
  }

  respond(
    status: number,
    reason: string,
    fields: Readonly<Record<string, string>>,
    body: Buffer,
    close: boolean,
  ): void {
    const exchange = this.#exchange!;
    const { head } = exchange;
    this.#isClosing ||= close;
    const keeps =
      !this.#isClosing &&
      !this.#closesAfter(exchange) &&
      (exchange.requestComplete || !head.hasBody) &&
      head.upgrade === null;
    this.#isClosing ||= !keeps;
    this.#out.addText(
      writeOwnHead(status, reason, fields, {
        rayId: exchange.rayId,
        date: this.#edge.httpDate,
        contentLength: body.length,
        close: !keeps,
        keepAlive10: keeps && head.minor === 0,
      }),
    );
    if (head.method !== 'HEAD') this.#out.add(body);
    this.#exchangeDone(keeps);
  }

  flush(): boolean {
    if (this.#out.flush()) return true;
    this.#isBlocked = true;
    this.deadline = this.#in(this.#edge.limits.visitorStall);
    return false;
  }

  // --- upgrades ----------------------------------------------------------------------------------------------------

  startTunnel(head: ResponseHead): Buffer {
    this.#outgoing = 'raw';
    this.deadline = this.#in(this.#edge.limits.tunnelIdle);
    this.#out.addText(
      `HTTP/1.1 101 Switching Protocols\r\n${head.fields}Server: countersign\r\nCF-Ray: ${this.#exchange!.rayId}\r\n` +
        `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`,
    );
    return Buffer.from(this.#reader.tunnel());
  }

  endTunnel(): void {
    this.#socket.end();
  }

  // --- the connection ----------------------------------------------------------------------------------------------

  abort(): void {
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  announceDrain(): void {
    // A response is where HTTP/1.1 says it: the next one does, since the edge drains (RFC 9112 section 9.6).
  }

  drain(): void {
    if (this.#exchange === null && this.#reader.isBetweenMessages) this.#close();
  }

  onDeadline(): void {
    const exchange = this.#exchange;
    if (this.#isClosing || exchange === null || exchange.isAnswered || exchange.requestComplete) {
      // A head that began and never ended gets an answer; a silent connection does not.
      if (!this.#isClosing && !this.#isBlocked && exchange === null && this.#reader.held > 0)
        this.#refuseUnparsed(new Refusal(408, 'the header took too long'));
      else this.destroy();
    } else {
      exchange.refuse(408, 'the body took too long');
    }
  }

  /** Whether the connection ends after this exchange's response. */
  #closesAfter({ head }: Exchange): boolean {
    return head.close || this.#isHalfClosed || this.#edge.isDraining || (head.minor === 0 && !head.keepAlive);
  }

  /** The exchange's response is written whole. */
  #exchangeDone(keepsConnection: boolean): void {
    this.#exchange = null;
    this.flush();
    this.#hold(HELD_BY_ORIGIN, false);
    // A visitor that was not told of the end in this response may be about to ask again.
    if (!keepsConnection || this.#edge.closesIdle) this.#close();
    // What waits behind is answered when this answer is taken: a visitor that never reads must not fill the memory.
    else if (!this.#isBlocked && this.#reader.isComplete) this.#nextRequest();
  }

  /** Stops or goes on reading, for one of several reasons. */
  #hold(reason: number, on: boolean): void {
    const before = this.#holds;
    this.#holds = on ? before | reason : before & ~reason;
    if (before === 0 && this.#holds !== 0) this.#socket.pause();
    else if (before !== 0 && this.#holds === 0) this.#socket.resume();
  }

  onSocketData(data: Buffer): void {
    if (this.#isClosing) return;
    if (this.#exchange === null && this.#reader.isBetweenMessages)
      this.deadline = this.#in(this.#edge.limits.requestHeadTime);
    this.isReading = true;
    this.#reader.push(data);
    this.isReading = false;
    this.#exchange?.flushRequest();
    if (this.#reader.isComplete && this.#reader.held > MAX_WAITING) this.#hold(HELD_BY_PIPELINE, true);
  }

  #nextRequest(): void {
    if (this.#isClosing) return;
    this.deadline = this.#in(this.#reader.held > 0 ? this.#edge.limits.requestHeadTime : this.#edge.limits.visitorIdle);
    this.#hold(HELD_BY_PIPELINE, false);
    const wasReading = this.isReading;
    this.isReading = true;
    this.#reader.next();
    this.isReading = wasReading;
    if (!wasReading) this.#exchange?.flushRequest();
    if (this.#isHalfClosed && this.#exchange === null) this.#close();
  }

  onSocketDrain(): void {
    this.#isBlocked = false;
    const exchange = this.#exchange;
    if (exchange === null) {
      if (this.#reader.isComplete) this.#nextRequest();
      return;
    }
    this.deadline = exchange.isTunnel ? this.#in(this.#edge.limits.tunnelIdle) : Number.POSITIVE_INFINITY;
    exchange.visitorDrained();
  }

  onSocketEnd(): void {
    this.#isHalfClosed = true;
    const exchange = this.#exchange;
    if (exchange?.isTunnel) exchange.visitorEnded();
    else if (exchange === null) {
      // Requests may wait until their visitor has taken the answers before.
      if (!this.#isBlocked && !this.#isClosing) this.#socket.end();
    } else if (!exchange.requestComplete) this.destroy();
  }

  onSocketFinish(): void {
    this.#linger();
  }

  onSocketError(): void {
    this.#socket.destroy();
  }

  onSocketClose(): void {
    this.#edge.visitors.delete(this);
    this.#edge.deadlines.remove(this);
    this.#isClosing = true;
    this.#exchange?.visitorGone();
    this.#exchange = null;
    this.#edge.visitorClosed();
  }

  /** A request that could not even be parsed is answered and the connection closed. */
  #refuseUnparsed(refusal: Refusal): void {
    this.#exchange = new Exchange(this.#edge, this, new RequestHead(), targetOfRefused(null), this.#edge.rays.next());
    this.#exchange.refuse(refusal.status, refusal.reason);
  }

  /** Sends what is left, then FIN, and reads on meanwhile so that what the visitor still sends does not destroy the answer. */
  #close(): void {
    this.#isClosing = true;
    this.#reader.stop();
    this.#out.flush();
    this.#holds = 0;
    this.#socket.end();
    this.#socket.resume();
    if (this.#socket.writableLength === 0) this.#linger();
    else this.deadline = this.#in(this.#edge.limits.visitorStall);
  }

  /** Everything is sent: the visitor has this long to take it. */
  #linger(): void {
    if (this.#isClosing) this.deadline = this.#in(this.#edge.limits.linger);
  }

  #in(time: number): number {
    return this.#edge.deadlines.now + time;
  }
}
