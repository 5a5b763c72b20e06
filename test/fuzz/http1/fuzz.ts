import { deepStrictEqual, ok } from 'node:assert/strict';
import { type HeadText, headText } from '../../../src/edge/http1/head-text.ts';
import type { BodyFraming } from '../../../src/edge/http1/message-reader.ts';
import { Refusal } from '../../../src/edge/http1/refusal.ts';
import { parseRequestHead, type RequestHead } from '../../../src/edge/http1/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../../../src/edge/http1/response-head.ts';
import { passTrailers } from '../../../src/edge/http1/trailers.ts';
import { forbiddenHeaders, visitorFields, writeOriginRequest } from '../../../src/edge/origin-request.ts';
import type { TextSink } from '../../../src/edge/outbox.ts';
import { isWebSocketUpgrade } from '../../../src/edge/pipeline.ts';
import { requestTarget } from '../../../src/edge/request-target.ts';
import { bodyOf, writeResponseHead } from '../../../src/edge/response-framing.ts';
import { type Draw, seeded } from '../../doubles/random.ts';
import { damage } from '../smuggling/damage.ts';
import { Grammar } from '../smuggling/grammar.ts';
import { responseBytes } from './responses.ts';
import { type Framing, type Message, transcribe } from './transcript.ts';

/** Fields of which an origin believes what they say, because only the edge says it; and those of framing. */
const EDGE_FIELD =
  /^(?:cf[-_](?:connecting[-_]ip|ray|visitor|ipcountry|worker|cert[-_](?:presented|verified|revoked))|host|content[-_]length):/im;

/** How long a run goes on: until one of the two is reached. */
export interface Http1Run {
  readonly seed: number;
  readonly streams?: number;
  readonly seconds?: number;
  readonly onProgress?: (line: string) => void;
}

/** Bytes that broke a rule of the codec. */
interface Broken {
  readonly what: string;
  readonly pieces: readonly string[];
}

/** What a run found. */
export interface Http1Findings {
  readonly seed: number;
  readonly streams: number;
  readonly requests: number;
  readonly responses: number;
  readonly refused: number;
  readonly broken: readonly Broken[];
}

/** Small, so that the limits are met. */
const MAX_HEAD = 8 * 1024;
const MAX_LINE = 16 * 1024;
const ADDRESS = '192.0.2.1';
const FACTS = {
  visitor: { address: ADDRESS, scheme: 'https', usualFields: visitorFields(ADDRESS, 'https') },
  rayId: '0123456789abcdef-TST',
} as const;
const HOSTS = ['a.test', 'b.test'];

/**
 * The codec alone, in memory: no bytes make it throw or keep more than its limits; how they are cut changes nothing;
 * and what is written from a parsed message is read as exactly that message.
 */
export async function fuzzHttp1(run: Http1Run): Promise<Http1Findings> {
  const end = run.seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + run.seconds * 1000;
  const counts = { requests: 0, responses: 0, refused: 0 };
  const broken: Broken[] = [];
  let streams = 0;
  for (
    ;
    streams < (run.streams ?? Number.POSITIVE_INFINITY) && performance.now() < end && broken.length < 10;
    streams++
  ) {
    const draw = seeded(run.seed + streams * 7919);
    const isResponse = draw(4) === 0;
    const pieces = isResponse ? cut(draw, responseBytes(draw)) : requestPieces(draw, streams);
    try {
      if (isResponse) checkResponses(pieces, counts);
      else checkRequests(pieces, counts);
    } catch (error) {
      broken.push({ what: (error as Error).message, pieces });
    }
    if (streams % 50_000 === 49_999) {
      run.onProgress?.(`${streams + 1} streams, ${JSON.stringify(counts)}, ${broken.length} broken`);
      // Lets signals and timers in.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { seed: run.seed, streams, ...counts, broken };
}

function requestPieces(draw: Draw, stream: number): readonly string[] {
  const { pieces } = new Grammar(draw, HOSTS, `i${stream}`).stream();
  switch (draw(4)) {
    case 0:
      return cut(draw, damage(draw, pieces.join(''), 1 + draw(40)));
    case 1:
      return cut(draw, Array.from({ length: draw(400) }, () => String.fromCharCode(draw(256))).join(''));
    default:
      return pieces;
  }
}

function cut(draw: Draw, text: string): readonly string[] {
  const places = Array.from({ length: draw(5) }, () => draw(text.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, i) => text.slice(from, places[i] ?? text.length));
}

/** What is written to a sink. */
function textOf(write: (out: TextSink) => void): string {
  let written = '';
  write({
    addText: (text) => {
      written += text;
    },
  });
  return written;
}

type Counts = { requests: number; responses: number; refused: number };

function checkRequests(pieces: readonly string[], counts: Counts): void {
  const read = readAll(pieces, requestFraming);
  if (read.refusal !== null) counts.refused++;
  for (const message of read.messages) {
    const head = parseRequestHead(headText(message.head));
    const target = head instanceof Refusal ? head : requestTarget(head);
    const trailers = passTrailers(message.trailers ?? '');
    if (head instanceof Refusal || target instanceof Refusal || message.trailers === null || trailers === null) {
      counts.refused++;
      continue;
    }
    counts.requests++;
    if (!isWebSocketUpgrade(head)) head.upgrade = null;
    if (forbiddenHeaders(head) !== null) continue;
    const written = textOf((out) => writeOriginRequest(out, head, { ...FACTS, path: target.path, host: target.host }));
    const again = readOne(written + bodyText(head.chunked, message.body, trailers), requestFraming);
    const parsed = parseRequestHead(headText(again.head)) as RequestHead;
    ok(!(parsed instanceof Refusal), `a written head is refused: ${written}`);
    deepStrictEqual(
      [parsed.method, parsed.target, parsed.host, parsed.chunked, parsed.minor, again.body, again.trailers],
      [head.method, target.path, target.host, head.chunked, 1, message.body, trailers],
    );
    if (head.upgrade === null) deepStrictEqual(parsed.contentLength, head.contentLength);
    isOneHead(again.head, head.upgrade === null);
    // What the edge alone may say is said once, and by the edge.
    deepStrictEqual(again.head.match(/^cf[-_]ray: ?.*$/gim), [`CF-Ray: ${FACTS.rayId}`]);
    ok(!EDGE_FIELD.test(trailers), `trailers that only the edge may send: ${trailers}`);
  }
}

function checkResponses(pieces: readonly string[], counts: Counts): void {
  const read = readAll(pieces, responseFraming);
  if (read.refusal !== null) counts.refused++;
  for (const message of read.messages) {
    const head = parseResponseHead(headText(message.head));
    if (head instanceof Refusal || message.trailers === null) {
      counts.refused++;
      continue;
    }
    if (head.status < 200) continue;
    counts.responses++;
    const incoming = bodyOf(head, 'GET').kind;
    const chunked = incoming !== 'none' && head.contentLength < 0;
    const trailers = passTrailers(message.trailers) ?? '';
    const written = textOf((out) =>
      writeResponseHead(out, head, {
        rayId: FACTS.rayId,
        contentLength: head.status === 204 ? -1 : head.contentLength,
        chunked,
        close: false,
        keepAlive10: false,
        date: 'now',
        keepsContentEncoding: true,
      }),
    );
    const again = readOne(written + bodyText(chunked, message.body, trailers), responseFraming);
    const parsed = parseResponseHead(headText(again.head)) as ResponseHead;
    ok(!(parsed instanceof Refusal), `a written head is refused: ${written}`);
    deepStrictEqual(
      [parsed.status, parsed.reason, parsed.chunked, again.body, again.trailers],
      [head.status, head.reason, chunked, message.body, chunked ? trailers : ''],
    );
    isOneHead(again.head, true);
  }
}

/** Reads pieces, and the same bytes cut in other ways: the outcome must be one. Checks what the reader keeps. */
function readAll(pieces: readonly string[], framing: Framing) {
  const read = transcribe(pieces, MAX_HEAD, framing, true);
  ok(read.mostHeld <= Math.max(MAX_HEAD, MAX_LINE), `the reader keeps ${read.mostHeld} bytes`);
  const text = pieces.join('');
  const others = [[text], text.length < 2_000 ? [...text] : [text.slice(0, 1), text.slice(1)]];
  for (const other of others) {
    const { messages, refusal, isWhole } = transcribe(other, MAX_HEAD, framing, true);
    deepStrictEqual(
      { messages, refusal, isWhole },
      { messages: read.messages, refusal: read.refusal, isWhole: read.isWhole },
    );
  }
  return read;
}

/** Reads what was written: exactly one message, and nothing left. */
function readOne(text: string, framing: Framing): Message {
  // Fields that the edge adds must not bring a head over a limit here.
  const { messages, refusal, isWhole } = transcribe([text], 4 * MAX_HEAD, framing);
  ok(refusal === null && messages.length === 1 && isWhole, `not one message: ${refusal} ${JSON.stringify(text)}`);
  ok(messages[0]!.trailers !== null, `no end: ${JSON.stringify(text)}`);
  return messages[0]!;
}

function bodyText(chunked: boolean, body: string, trailers: string): string {
  if (!chunked) return body;
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return `${chunk}0\r\n${trailers}\r\n`;
}

/** By plain text rules of its own, not by the parser: what a lenient reader could take for something else is not there. */
function isOneHead(head: string, isFramed: boolean): void {
  ok(!/[\0\v\f]|\r(?!\n)|(?<!\r)\n|\r\n[ \t]/.test(head), `odd bytes are passed on: ${JSON.stringify(head)}`);
  const framings = head.match(/^(?:content[-_]length|transfer[-_]encoding)\s*:/gim) ?? [];
  ok(framings.length <= (isFramed ? 1 : 0), `more than one framing: ${JSON.stringify(head)}`);
  ok((head.match(/^host\s*:/gim) ?? []).length <= 1, `more than one Host: ${JSON.stringify(head)}`);
  ok(
    head
      .split('\r\n')
      .slice(1)
      .every((line) => /^[!-9;-~]+: ?/.test(line)),
    `not a field: ${JSON.stringify(head)}`,
  );
}

function requestFraming(source: HeadText): BodyFraming | null {
  const head = parseRequestHead(source);
  if (head instanceof Refusal || requestTarget(head) instanceof Refusal) return null;
  if (head.chunked) return { kind: 'chunked' };
  return head.contentLength > 0 ? { kind: 'length', length: head.contentLength } : { kind: 'none' };
}

function responseFraming(source: HeadText): BodyFraming | null {
  const head = parseResponseHead(source);
  if (head instanceof Refusal) return null;
  return head.status < 200 ? { kind: 'interim' } : bodyOf(head, 'GET');
}
