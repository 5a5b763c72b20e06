import { Buffer } from 'node:buffer';
import { ORIGIN_FAILURES, type OriginFailure, type OriginFailureName } from '../core/mod.ts';
import { traceIdOf } from '../observe/mod.ts';
import { cut } from '../platform/mod.ts';
import type { Answer, EvaluatedFacts, Evaluation, ResponseFacts, Verdict } from '../waf/mod.ts';
import { type ContentDecoder, decoderFor } from './content-decoder.ts';
import type { Edge } from './edge.ts';
import { reasonPhrase, renderErrorPage } from './error-page.ts';
import { changeFields } from './field-changes.ts';
import { grpcAnswer } from './grpc.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-head.ts';
import { passTrailers } from './http1/trailers.ts';
import type { Attempt, Origin } from './origin.ts';
import { passExchange } from './pipeline.ts';
import { bodyFacts, ExchangeFacts, MAX_INSPECTED, responseFacts } from './request-facts.ts';
import type { RequestTarget } from './request-target.ts';
import type { Route } from './route.ts';
import type { Visitor } from './visitor.ts';

const EMPTY = Buffer.alloc(0);
/** Bytes of a body that are kept as long as the origin may refuse the request. */
const MAX_KEPT = 32 * 1024;
/** Times that a request is made again because an origin refused it. */
const MAX_REFUSALS = 3;
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** Failures before anything was sent, after which another address of the origin may be tried (spec/origin-pulls.md 3.2). */
const TRY_NEXT_ADDRESS: ReadonlySet<OriginFailureName> = new Set([
  'connection_refused',
  'connect_timeout',
  'unreachable',
  'tls_handshake',
  'invalid_certificate',
]);

/** One request and its response, from the parsed head to the log line. */
export class Exchange {
  readonly visitor: Visitor;
  readonly head: RequestHead;
  readonly target: RequestTarget;
  readonly rayId: string;
  readonly startedAt: number;
  route: Route | null = null;
  origin: Origin | null = null;
  /** The visitor has sent the whole request. */
  requestComplete = false;
  isTunnel = false;
  /** Status sent to the visitor; 0 before that. */
  status = 0;
  originStatus = 0;
  originAddress = '';
  originProtocol = 'none';
  responseBytes = 0;
  failure: OriginFailureName | '' = '';
  /** When the request was sent to the origin; 0 before that, and where nobody asks. */
  sentAt = 0;
  /** What the rules of the zone did so far; null where it has none. */
  evaluation: Evaluation | null = null;
  /** Without one there is no way to an origin. */
  #verdict: Verdict | null = null;
  #facts: ExchangeFacts | null = null;
  /** What waits for enough of the body. */
  #onBody: (() => void) | null = null;
  readonly #edge: Edge;
  /** Bytes of the request's body so far, and how many there may be. */
  #received = 0;
  #maxUpload = Number.POSITIVE_INFINITY;
  #interimCount = 0;
  #interimBytes = 0;
  /** Body that came before the origin was ready to take it. */
  #waiting: Buffer[] = [];
  #sentHead = false;
  #sentBody = false;
  /** What was sent of the body; null where it need not or cannot be sent again. */
  #kept: Buffer[] | null = [];
  #keptLength = 0;
  /** Refusals that are still made good. */
  #refusalsLeft = MAX_REFUSALS;
  /** One retry on another address is all there is. */
  #hasTriedAnother = false;
  #trailers = '';
  #isOver = false;
  #decoder: ContentDecoder | null = null;

  constructor(edge: Edge, visitor: Visitor, head: RequestHead, target: RequestTarget, rayId: string) {
    this.#edge = edge;
    this.visitor = visitor;
    this.head = head;
    this.target = target;
    this.rayId = rayId;
    this.startedAt = edge.clock.now();
    edge.counters.requestBegan();
  }

  /** True once it was answered whole, or its visitor is gone. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Milliseconds that the origin has to go on with its response: the limit, unless the zone sets another. */
  get originReadTime(): number {
    const seconds = this.route?.resolution.zone?.settings?.proxy_read_timeout;
    return seconds === undefined ? this.#edge.limits.originRead : seconds * 1000;
  }

  /** True once a response head went out. */
  get isAnswered(): boolean {
    return this.status !== 0;
  }

  // --- the request -------------------------------------------------------------------------------------------------

  /** What rules see of the request: asked for once its body is there, where they look at bodies. */
  get facts(): EvaluatedFacts {
    if (this.#facts === null) {
      const { head, requestComplete } = this;
      const body = head.hasBody ? bodyFacts(Buffer.concat(this.#waiting), head.contentLength, requestComplete) : null;
      this.#facts = new ExchangeFacts(
        this,
        body,
        this.#edge.randomBytes,
        () => this.#edge.clock.now(),
        this.#edge.findPlace,
      );
    }
    return this.#facts;
  }

  /** Calls `then` when as much of the body is there as rules look at. */
  awaitBody(then: () => void): void {
    this.#onBody = then;
    if (this.head.expectContinue) this.visitor.continue();
  }

  #bodyArrived(): void {
    const then = this.#onBody!;
    this.#onBody = null;
    then();
  }

  /** Sends the request on its way to the route's origin, as the verdict allows. */
  forward(route: Route, verdict: Verdict): void {
    if (this.#verdict !== verdict && verdict.fields !== null)
      this.head.fields = changeFields(this.head.fields, verdict.fields);
    this.#verdict = verdict;
    this.route = route;
    this.#maxUpload = route.maxUpload;
    route.pool!.acquire(this);
  }

  /** A connection is ready for this exchange's request. */
  originReady(): void {
    const origin = this.origin!;
    const { head, target, visitor, route } = this;
    if (this.#verdict === null) throw new Error('a request without a verdict');
    if (this.evaluation !== null) this.sentAt = this.#edge.clock.now();
    this.#sentHead = true;
    if (this.#edge.log !== null) {
      this.originAddress = origin.remoteAddress;
      this.originProtocol = origin.protocol;
    }
    origin.sendRequest(head, {
      path: this.#verdict.target ?? target.path,
      host: route!.hostHeader ?? target.host,
      visitor,
      rayId: this.rayId,
    });
    if (head.expectContinue && !this.requestComplete && this.#waiting.length === 0) visitor.continue();
    for (const data of this.#waiting) this.#sendBody(origin, data);
    this.#waiting = [];
    if (this.requestComplete) origin.endRequest(this.#trailers);
    // What the visitor's current read still brings leaves together with the head.
    if (!visitor.isReading) origin.flush();
    visitor.holdRequest(false);
  }

  /** Body bytes from the visitor. */
  requestData(data: Buffer): void {
    if (this.isTunnel) {
      this.origin?.sendBody(data);
      this.origin?.touchTunnel();
      return;
    }
    this.#received += data.length;
    if (this.#onBody !== null) {
      this.#waiting.push(data);
      if (this.#received > MAX_INSPECTED) {
        this.visitor.holdRequest(true);
        this.#bodyArrived();
      }
    } else if (this.#received > this.#maxUpload) {
      this.refuseUpload(this.#maxUpload);
    } else if (this.origin?.isReady) {
      this.#sendBody(this.origin, data);
    } else if (!this.#isOver) {
      this.#waiting.push(data);
      this.visitor.holdRequest(true);
    }
  }

  /** The body is larger than the zone's `max_upload`. What the origin has of it never looks complete. */
  refuseUpload(limit: number): void {
    if (this.isAnswered) this.visitor.abort();
    else
      this.refuse(413, `its body is larger than ${limit / (1024 * 1024)} MB, which is the most that this zone takes`);
  }

  /** The visitor has sent everything. */
  requestEnd(trailers: string): void {
    this.requestComplete = true;
    const passed = passTrailers(trailers);
    if (passed === null) {
      this.refuse(400, 'a malformed trailer');
      return;
    }
    this.#trailers = passed;
    if (this.#onBody !== null) this.#bodyArrived();
    // From here on the origin may be there already.
    if (this.#isOver) return;
    if (this.#sentHead && this.origin?.isReady) this.origin.endRequest(passed);
  }

  /** Writes what the visitor's last read brought. */
  flushRequest(): void {
    if (this.origin?.isReady) this.origin.flush();
  }

  #sendBody(origin: Origin, data: Buffer): void {
    this.#sentBody = true;
    if (origin.canRefuse) this.#keep(data);
    origin.sendBody(data);
  }

  #keep(data: Buffer): void {
    this.#keptLength += data.length;
    if (this.#keptLength > MAX_KEPT) this.#kept = null;
    this.#kept?.push(data);
  }

  /** The origin takes no more for now. */
  originBlocked(): void {
    this.visitor.holdRequest(true);
  }

  /** The origin takes bytes again. */
  originDrained(): void {
    this.visitor.holdRequest(false);
  }

  // --- the response ------------------------------------------------------------------------------------------------

  /** A 1xx response: 100 is answered by the edge itself, the others go on. False where it was one too many. */
  interimResponse(head: ResponseHead): boolean {
    const { limits } = this.#edge;
    this.#interimCount++;
    this.#interimBytes += head.fields.length;
    if (this.#interimCount > limits.interimResponses || this.#interimBytes > limits.responseHead) return false;
    if (head.status !== 100) this.visitor.sendInterim(head);
    return true;
  }

  /** The origin's final response head; `exists` says whether a body follows. */
  responseHead(head: ResponseHead, exists: boolean): void {
    this.originStatus = head.status;
    if (this.#verdict!.evaluation !== null && !this.#judgeResponse(this.#verdict!.evaluation, head)) return;
    this.status = head.status;
    this.#kept = null;
    this.#decoder = exists ? decoderFor(head, this.head.acceptEncoding) : null;
    if (this.#decoder !== null) this.#startDecoder(this.#decoder);
    const keepsContentEncoding = this.#decoder === null;
    this.visitor.startResponse(head, {
      exists,
      length: keepsContentEncoding ? head.contentLength : -1,
      keepsContentEncoding,
    });
  }

  /** Runs the rules for responses. False where they put another answer in its place. */
  #judgeResponse(evaluation: Evaluation, head: ResponseHead): boolean {
    const { answer, fields } = this.#judge(evaluation, responseFacts(head));
    if (answer !== null) {
      this.answer(answer);
      return false;
    }
    if (fields !== null) head.fields = changeFields(head.fields, fields);
    return true;
  }

  #judge(evaluation: Evaluation, facts: ResponseFacts) {
    this.#facts!.response = facts;
    return this.#edge.waf.judgeResponse(evaluation, facts);
  }

  /** Body bytes from the origin: those of `data` from `from` to `to`. */
  responseData(data: Buffer, from: number, to: number): void {
    if (this.#decoder !== null) {
      if (!this.#decoder.push(cut(data, from, to))) this.origin?.pause();
    } else {
      this.#deliver(data, from, to);
    }
    if (this.isTunnel) this.origin?.touchTunnel();
  }

  #deliver(data: Buffer, from: number, to: number): void {
    this.responseBytes += to - from;
    this.visitor.sendBody(data, from, to);
  }

  /** Writes what the origin's last read brought; holds the origin back where the visitor takes no more. */
  flushResponse(): void {
    if (this.visitor.flush()) return;
    this.origin?.pause();
    this.#decoder?.pause();
  }

  /** The visitor takes bytes again. */
  visitorDrained(): void {
    this.#decoder?.resume();
    if (this.#decoder?.isBlocked !== true) this.origin?.resume();
  }

  /** The origin's response is complete. */
  responseEnd(trailers: string): void {
    if (this.#decoder !== null) this.#decoder.end(() => this.#finishResponse(''));
    else this.#finishResponse(trailers);
  }

  #finishResponse(trailers: string): void {
    if (!this.#over()) return;
    // A malformed trailer section is left out: by now the visitor has the message it belongs to.
    this.visitor.endResponse(passTrailers(trailers) ?? '');
  }

  #startDecoder(decoder: ContentDecoder): void {
    decoder.start({
      onData: (data) => {
        this.#deliver(data, 0, data.length);
        this.flushResponse();
      },
      onDrain: () => this.origin?.resume(),
      onFailure: () => this.visitor.abort(),
    });
  }

  // --- upgrades ----------------------------------------------------------------------------------------------------

  /** The origin switches protocols. False where the visitor did not ask for it. */
  upgraded(head: ResponseHead): boolean {
    const asked = this.head.upgrade;
    if (asked === null || head.upgrade?.toLowerCase() !== asked.toLowerCase()) return false;
    this.status = this.originStatus = 101;
    // A tunnel may last for hours: its events need not.
    this.evaluation?.emit(101, 101);
    this.isTunnel = true;
    const early = this.visitor.startTunnel(head);
    if (early.length > 0) this.requestData(early);
    this.flushRequest();
    return true;
  }

  /** The origin's side of the tunnel has sent everything. */
  originEnded(): void {
    this.visitor.endTunnel();
  }

  /** The visitor's side of the tunnel has sent everything. */
  visitorEnded(): void {
    this.origin?.endTunnel();
  }

  /** The origin's side of the tunnel is gone. */
  tunnelClosed(): void {
    if (this.#over()) this.visitor.endResponse('');
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  /** The origin's connection failed. Tries again where the origin cannot have seen the request, else tells the visitor. */
  originFailed(attempt: Attempt, failure: OriginFailureName, detail: string): void {
    if (this.#isOver) return;
    if (!this.isAnswered && this.#retry(attempt, failure)) return;
    this.#edge.logger?.warn(
      {
        rayId: this.rayId,
        hostname: this.target.hostname,
        failure,
        detail,
        clientCertificateLevel: this.route?.resolution.level,
      },
      'origin pull failed',
    );
    this.failure = failure;
    // The visitor must see that the response is cut: nothing that looks like its end.
    if (this.isAnswered) this.visitor.abort();
    else this.failPull(failure);
  }

  /** Answers with the failure's error page. */
  failPull(failure: OriginFailureName): void {
    this.failure = failure;
    const known: OriginFailure = ORIGIN_FAILURES[failure];
    const evaluation = this.#verdict?.evaluation ?? null;
    if (evaluation !== null) {
      const facts = { status: known.status, headers: [], rawHeaders: [], errorType: '5xx', errorCode: known.status };
      const { answer } = this.#judge(evaluation, facts);
      if (answer !== null) {
        this.answer(answer);
        return;
      }
    }
    this.respondError(known.status, known.title, known.advice);
  }

  #retry(attempt: Attempt, failure: OriginFailureName): boolean {
    const { pool, addressIndex } = attempt;
    if (attempt.wasRefused && this.#sendAgain(attempt)) return true;
    if (attempt.isReused && failure === 'empty_response' && !attempt.hasAnswered) {
      if (this.#sentBody || !IDEMPOTENT.has(this.head.method) || this.head.hasBody) return false;
      this.#sentHead = false;
      this.#reconnect(pool.isRetired ? null : attempt, pool.preferred);
      return true;
    }
    if (attempt.mayBearOtherName && !this.#sentHead) {
      pool.checkBothNames();
      this.#reconnect(attempt, addressIndex);
      return true;
    }
    if (this.#sentHead || this.#hasTriedAnother || !TRY_NEXT_ADDRESS.has(failure)) return false;
    const other = pool.otherAddress(addressIndex);
    if (other === null) return false;
    this.#hasTriedAnother = true;
    this.#reconnect(attempt, other);
    return true;
  }

  /** The origin has not processed the request: it may be sent again whatever its method (RFC 9113 section 8.7), if its body is still there. */
  #sendAgain(attempt: Attempt): boolean {
    if (this.#kept === null || this.#refusalsLeft === 0) return false;
    this.#refusalsLeft--;
    this.#waiting = this.#kept;
    this.#kept = [];
    this.#keptLength = 0;
    this.#sentHead = false;
    this.#sentBody = false;
    this.#reconnect(attempt.pool.isRetired ? null : attempt, attempt.pool.preferred);
    return true;
  }

  /** The pool went before the request was sent: it is decided anew, never sent over what is gone. */
  reroute(): void {
    // What failed belongs to the pool that went: the new one has its own try on another address.
    this.#hasTriedAnother = false;
    passExchange(this.#edge, this, this.#verdict!);
  }

  #reconnect(last: Attempt | null, addressIndex: number): void {
    if (last !== null && !last.pool.isRetired) {
      last.pool.connect(this, addressIndex);
      return;
    }
    this.reroute();
  }

  /** The visitor's connection is gone. */
  visitorGone(): void {
    const { origin } = this;
    this.origin = null;
    origin?.destroy();
    this.#decoder?.destroy();
    this.#over();
  }

  /** Refuses a request for a fault of its own; an HTTP/1.1 connection ends with it. */
  refuse(status: number, reason: string): void {
    this.#answerWithPage(status, reasonPhrase(status), `The request was refused: ${reason}.`, true);
  }

  /** Answers as the rules say. */
  answer({ status, fields, body, detail }: Answer): void {
    if (this.head.isGrpc) this.respond(200, 'OK', grpcAnswer(status, detail), EMPTY);
    else if (body !== null) this.respond(status, reasonPhrase(status), fields, Buffer.from(body));
    else this.respondError(status, reasonPhrase(status), detail);
  }

  /** Answers with an error page. */
  respondError(status: number, title: string, detail: string): void {
    this.#answerWithPage(status, title, detail, false);
  }

  /** Answers from the edge itself. */
  respond(status: number, reason: string, fields: Readonly<Record<string, string>>, body: Buffer, close = false): void {
    const { origin } = this;
    this.origin = null;
    origin?.destroy();
    this.status = status;
    this.responseBytes = body.length;
    if (this.#over()) this.visitor.respond(status, reason, fields, body, close);
  }

  #answerWithPage(status: number, title: string, detail: string, close: boolean): void {
    const { rayId, target } = this;
    if (this.head.isGrpc) {
      this.respond(200, 'OK', grpcAnswer(status, detail), EMPTY, close);
      return;
    }
    const page = renderErrorPage({ status, title, detail, rayId, hostname: target.hostname }, this.head.accept);
    this.respond(status, title, { 'Content-Type': page.contentType, 'Cache-Control': 'no-store' }, page.body, close);
  }

  /** Marks, counts and logs the end of the exchange, once. */
  #over(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    const { clock, counters } = this.#edge;
    const now = clock.now();
    counters.requestOver(this.head.method, this.status, this.visitor.httpVersion, now - this.startedAt);
    this.#log(now);
    this.evaluation?.emit(this.status, this.originStatus);
    return true;
  }

  #log(now: number): void {
    const { log } = this.#edge;
    if (log === null) return;
    const { visitor, head, route } = this;
    log.write({
      RayID: this.rayId,
      ZoneName: route?.resolution.zone?.name ?? '',
      ClientIP: visitor.address,
      ClientRequestHost: this.target.host,
      ClientRequestMethod: head.method,
      ClientRequestURI: this.target.path,
      ClientRequestProtocol: visitor.httpVersion,
      ClientRequestScheme: visitor.scheme,
      ClientSSLProtocol: visitor.protocol,
      EdgeStartTimestamp: new Date(this.startedAt).toISOString(),
      EdgeEndTimestamp: new Date(now).toISOString(),
      EdgeResponseStatus: this.status,
      EdgeResponseBytes: this.responseBytes,
      OriginIP: this.originAddress,
      OriginResponseStatus: this.originStatus,
      OriginSSLProtocol: this.originProtocol,
      OriginClientCertLevel: route?.resolution.level ?? 'none',
      OriginClientCertID: route?.resolution.identity?.id ?? '',
      OriginFailure: this.failure,
      SecurityAction: this.evaluation?.lastMatch?.action ?? '',
      SecurityRuleID: this.evaluation?.lastMatch?.ruleId ?? '',
      TraceID: traceIdOf(head.traceparent),
      ...this.evaluation?.customFields,
    });
  }
}
