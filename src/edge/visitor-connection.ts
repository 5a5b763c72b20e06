import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { canonicalHostname, type Scheme } from '../core/mod.ts';
import type { Timed } from './deadlines.ts';
import type { Edge } from './edge.ts';
import { reasonPhrase, renderErrorPage } from './error-page.ts';
import { Exchange } from './exchange.ts';
import { type BodyFraming, type MessageHandler, MessageReader } from './http1/message-reader.ts';
import { Refusal } from './http1/refusal.ts';
import { parseRequestHead, RequestHead } from './http1/request-head.ts';
import { visitorAddress } from './origin-request.ts';
import { Outbox } from './outbox.ts';
import { beginExchange } from './pipeline.ts';
import { type RequestTarget, requestTarget } from './request-target.ts';

/** Bytes of pipelined requests that may wait while one is answered. */
const MAX_WAITING = 64 * 1024;
const NO_TARGET: RequestTarget = { hostname: 'unknown', host: 'unknown', path: '/' };

/** Why a visitor's socket is not read at the moment. */
type Hold = 'origin' | 'pipeline';

/** One connection of a visitor: requests come in order, one exchange at a time. */
export class VisitorConnection implements MessageHandler, Timed {
  readonly scheme: Scheme;
  readonly address: string;
  /** Canonical server name of the TLS handshake; null over plain http. */
  readonly sni: string | null;
  readonly out: Outbox;
  deadline: number;
  /** True while a read of this connection is being taken apart. */
  isReading = false;
  readonly #edge: Edge;
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  #exchange: Exchange | null = null;
  readonly #holds = new Set<Hold>();
  #isClosing = false;
  #isHalfClosed = false;

  constructor(edge: Edge, socket: Socket, scheme: Scheme) {
    this.#edge = edge;
    this.#socket = socket;
    this.scheme = scheme;
    this.address = visitorAddress(socket.remoteAddress);
    this.sni =
      scheme === 'https'
        ? canonicalHostname(String((socket as TLSSocket & { servername?: string | false }).servername || ''))
        : null;
    this.out = new Outbox(socket);
    this.#reader = new MessageReader(this, edge.limits.requestHead);
    this.deadline = edge.deadlines.now + edge.limits.requestHeadTime;
    edge.visitors.add(this);
    edge.deadlines.add(this);
    this.#listen();
  }

  /** `TLSv1.3` and the like; `none` over plain http. */
  get protocol(): string {
    return this.scheme === 'https' ? ((this.#socket as TLSSocket).getProtocol() ?? 'none') : 'none';
  }

  /** True where nothing is under way. */
  get isIdle(): boolean {
    return this.#exchange === null && this.#reader.isBetweenMessages;
  }

  /** Whether the connection ends after this exchange's response. */
  closesAfter(exchange: Exchange): boolean {
    const { head } = exchange;
    return head.close || this.#isHalfClosed || this.#edge.isDraining || (head.minor === 0 && !head.keepAlive);
  }

  onHead(text: string): BodyFraming | null {
    const head = parseRequestHead(text);
    if (head instanceof Refusal) {
      this.#refuseUnparsed(head);
      return null;
    }
    const target = requestTarget(head);
    const exchange = new Exchange(
      this.#edge,
      this,
      head,
      target instanceof Refusal ? { ...NO_TARGET, host: head.host ?? 'unknown' } : target,
      this.#edge.rays.next(),
    );
    this.#exchange = exchange;
    if (target instanceof Refusal) {
      this.refuse(target.status, target.reason);
      return null;
    }
    if (head.hasBody) this.deadline = this.#in(this.#edge.limits.visitorStall);
    else this.deadline = Number.POSITIVE_INFINITY;
    beginExchange(this.#edge, exchange);
    if (this.#isClosing) return null;
    if (head.chunked) return { kind: 'chunked' };
    return head.contentLength > 0 ? { kind: 'length', length: head.contentLength } : { kind: 'none' };
  }

  onData(data: Buffer): void {
    this.deadline = this.#in(this.#exchange?.isTunnel ? this.#edge.limits.tunnelIdle : this.#edge.limits.visitorStall);
    this.#exchange?.requestData(data);
  }

  onMessageEnd(trailers: string): void {
    this.deadline = Number.POSITIVE_INFINITY;
    const exchange = this.#exchange;
    // Null where the edge itself has answered already: then this was only the rest of that request.
    if (exchange === null) this.#nextRequest();
    else exchange.requestEnd(trailers);
  }

  onRefused(refusal: Refusal): void {
    if (this.#exchange === null) this.#refuseUnparsed(refusal);
    else if (this.#exchange.isAnswered) this.destroy();
    else this.refuse(refusal.status, refusal.reason);
  }

  /** Answers with an error of the visitor's own making and closes. */
  refuse(status: number, reason: string): void {
    this.#isClosing = true;
    this.respondError(status, reasonPhrase(status), `The request was refused: ${reason}.`);
  }

  /** Answers with an error page. The connection goes on where the whole request was read. */
  respondError(status: number, title: string, detail: string): void {
    const exchange = this.#exchange!;
    const { rayId, target } = exchange;
    const page = renderErrorPage({ status, title, detail, rayId, hostname: target.hostname }, exchange.head.accept);
    this.respond(status, title, { 'Content-Type': page.contentType, 'Cache-Control': 'no-store' }, page.body);
  }

  /** Answers from the edge itself. */
  respond(status: number, reason: string, fields: Readonly<Record<string, string>>, body: Buffer): void {
    const exchange = this.#exchange!;
    const { head } = exchange;
    const keeps =
      !this.#isClosing &&
      !this.closesAfter(exchange) &&
      (exchange.requestComplete || !head.hasBody) &&
      head.upgrade === null;
    this.#isClosing ||= !keeps;
    let text = `HTTP/1.1 ${status} ${reason}\r\nServer: countersign\r\nCF-Ray: ${exchange.rayId}\r\nDate: ${this.#edge.httpDate}\r\n`;
    for (const [name, value] of Object.entries(fields)) text += `${name}: ${value}\r\n`;
    text += `Content-Length: ${body.length}\r\n${keeps ? (head.minor === 0 ? 'Connection: keep-alive\r\n' : '') : 'Connection: close\r\n'}\r\n`;
    this.out.add(text);
    if (head.method !== 'HEAD') this.out.add(body);
    exchange.answered(status, body.length, keeps);
  }

  /** Tells a visitor that waits with its body to go on (RFC 9110 section 10.1.1). */
  continue(): void {
    this.out.add('HTTP/1.1 100 Continue\r\n\r\n');
    this.out.flush();
  }

  /** Decides an exchange's route anew, after the one it had went away. */
  reroute(exchange: Exchange): void {
    beginExchange(this.#edge, exchange);
  }

  /** Writes what the outbox holds. False where the visitor takes no more for now. */
  flush(): boolean {
    const wantsMore = this.out.flush();
    if (!wantsMore) this.deadline = this.#in(this.#edge.limits.visitorStall);
    return wantsMore;
  }

  /** Stops or goes on reading, for one of several reasons. */
  hold(reason: Hold, on: boolean): void {
    if (on === this.#holds.has(reason)) return;
    if (on) {
      this.#holds.add(reason);
      this.#socket.pause();
    } else {
      this.#holds.delete(reason);
      if (this.#holds.size === 0) this.#socket.resume();
    }
  }

  /** From here on bytes are passed on as they are. Returns what had come already. */
  startTunnel(): Buffer {
    this.deadline = this.#in(this.#edge.limits.tunnelIdle);
    return Buffer.from(this.#reader.tunnel());
  }

  /** The exchange's response is written whole. */
  exchangeDone(keepsConnection: boolean): void {
    this.#exchange = null;
    this.out.flush();
    this.hold('origin', false);
    if (!keepsConnection || this.#edge.isDraining) this.#close();
    else if (this.#reader.isComplete) this.#nextRequest();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The edge drains: an idle connection closes now, a busy one after its response. */
  drain(): void {
    if (this.isIdle) this.#close();
  }

  onDeadline(): void {
    const exchange = this.#exchange;
    if (this.#isClosing || exchange === null || exchange.isAnswered || exchange.requestComplete) {
      // A head that began and never ended gets an answer; a silent connection does not.
      if (!this.#isClosing && exchange === null && this.#reader.held > 0)
        this.#refuseUnparsed(new Refusal(408, 'the header took too long'));
      else this.destroy();
    } else {
      this.refuse(408, 'the body took too long');
    }
  }

  #listen(): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on('data', (data: Buffer) => this.#onSocketData(data));
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onClose());
  }

  #onSocketData(data: Buffer): void {
    if (this.#isClosing) return;
    if (this.#exchange === null && this.#reader.isBetweenMessages)
      this.deadline = this.#in(this.#edge.limits.requestHeadTime);
    this.isReading = true;
    this.#reader.push(data);
    this.isReading = false;
    this.#exchange?.flushRequest();
    if (this.#reader.isComplete && this.#reader.held > MAX_WAITING) this.hold('pipeline', true);
  }

  #nextRequest(): void {
    if (this.#isClosing) return;
    this.deadline = this.#in(this.#reader.held > 0 ? this.#edge.limits.requestHeadTime : this.#edge.limits.visitorIdle);
    this.hold('pipeline', false);
    const wasReading = this.isReading;
    this.isReading = true;
    this.#reader.next();
    this.isReading = wasReading;
    if (!wasReading) this.#exchange?.flushRequest();
    if (this.#isHalfClosed && this.#exchange === null) this.#close();
  }

  #onDrain(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.deadline = exchange.isTunnel ? this.#in(this.#edge.limits.tunnelIdle) : Number.POSITIVE_INFINITY;
    exchange.visitorDrained();
  }

  #onEnd(): void {
    this.#isHalfClosed = true;
    const exchange = this.#exchange;
    if (exchange?.isTunnel) exchange.visitorEnded();
    else if (exchange === null) this.#socket.end();
    else if (!exchange.requestComplete) this.destroy();
  }

  #onClose(): void {
    this.#edge.visitors.delete(this);
    this.#edge.deadlines.remove(this);
    this.#isClosing = true;
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.visitorGone();
    this.#edge.visitorClosed();
  }

  /** A request that could not even be parsed is answered and the connection closed. */
  #refuseUnparsed(refusal: Refusal): void {
    this.#exchange = new Exchange(this.#edge, this, new RequestHead(), NO_TARGET, this.#edge.rays.next());
    this.refuse(refusal.status, refusal.reason);
  }

  /** Sends FIN, and reads on for a while so that what the visitor still sends does not destroy the answer. */
  #close(): void {
    this.#isClosing = true;
    this.#reader.stop();
    this.out.flush();
    this.#holds.clear();
    this.#socket.end();
    this.#socket.resume();
    this.deadline = this.#in(this.#edge.limits.linger);
  }

  #in(time: number): number {
    return this.#edge.deadlines.now + time;
  }
}
