import type { AccessRecord } from '../../../src/observe/mod.ts';
import type { ServerName } from '../../real/server-process.ts';
import type { Answer } from './answers.ts';
import type { Counted } from './counting-server.ts';
import type { Stream } from './grammar.ts';

/** Something that does not agree, with the bytes that a visitor sent, where they are known. */
export interface Disagreement {
  readonly what: string;
  readonly detail: unknown;
  readonly sent: Stream | null;
}

/** What one visitor sent and got. */
export interface Visited {
  readonly stream: Stream;
  readonly answers: readonly Answer[];
}

interface Forwarded {
  readonly record: AccessRecord;
  /** Its place in the edge's log. */
  readonly place: number;
  readonly origin: ServerName;
  counted: boolean;
  answered: boolean;
}

interface LastOfConnection {
  nth: number | null;
  place: number;
}

const ID = /(i\d+x\d+x)/;

/** Compares what the edge recorded, what the origins counted, and what the visitors got. */
export class SmugglingChecker {
  readonly disagreements: Disagreement[] = [];
  /** Origin pulls that failed, by the failure's name and the origin's. */
  readonly failures: Record<string, number> = {};
  readonly counts = { requests: 0, refused: 0, forwarded: 0, counted: 0, aborted: 0, unnamed: 0, reusedConnections: 0 };
  readonly #records = new Map<string, Forwarded>();
  readonly #connections = new Map<string, LastOfConnection>();
  #sent = new Map<string, Stream>();
  /** Requests that origins counted without coming to their `CF-Ray`, less those of the edge that this explains. */
  readonly #unnamed = new Map<ServerName, Counted[]>();
  #place = 0;

  /** What a visitor is about to send. */
  sends(stream: Stream): void {
    for (const [id] of stream.pieces.join('').matchAll(new RegExp(ID, 'g'))) this.#sent.set(id, stream);
  }

  /** The edge recorded a request. */
  recorded(record: AccessRecord): void {
    this.counts.requests++;
    if (this.#records.has(record.RayID))
      this.#report('the edge recorded a ray id twice', record, record.ClientRequestURI);
    const origin = originOf(record);
    if (record.OriginIP === '') this.counts.refused++;
    else if (record.OriginResponseStatus === 0) this.counts.aborted++;
    else this.counts.forwarded++;
    if (record.OriginFailure !== '') {
      const failure = `${record.OriginFailure} of ${origin}`;
      this.failures[failure] = (this.failures[failure] ?? 0) + 1;
    }
    if (record.OriginFailure === 'read_timeout')
      this.#report('an origin waits for more than the edge sent', record, record.ClientRequestURI);
    const place = this.#place++;
    this.#records.set(record.RayID, { record, place, origin, counted: false, answered: false });
  }

  /** The method of a request by its ray id. */
  methodOf(ray: string): string | undefined {
    return this.#records.get(ray)?.record.ClientRequestMethod;
  }

  /** True where origins have counted everything that the edge got answers to. */
  hasAllCounts(): boolean {
    return this.#missing().length === 0;
  }

  /** An origin counted a request. */
  counted(origin: ServerName, request: Counted): void {
    this.counts.counted++;
    if (request.ray === null) {
      this.counts.unnamed++;
      this.#unnamed.set(origin, [...(this.#unnamed.get(origin) ?? []), request]);
      this.#follow(origin, request, null);
      return;
    }
    const known = this.#records.get(request.ray);
    const detail = { origin, request, record: known?.record };
    if (known === undefined) {
      this.#report('an origin counted a request that the edge did not', detail, request.line);
      return;
    }
    const { record } = known;
    if (record.OriginIP === '')
      this.#report('an origin counted a request that the edge did not forward', detail, request.line);
    if (known.counted) this.#report('an origin counted one request twice', detail, request.line);
    if (known.origin !== origin) this.#report('another origin counted the request', detail, request.line);
    if (ID.exec(request.line)?.[1] !== ID.exec(record.ClientRequestURI)?.[1])
      this.#report('an origin read another target', detail, request.line);
    if (!request.line.startsWith(`${record.ClientRequestMethod} `))
      this.#report('an origin read another method', detail, request.line);
    if (record.OriginResponseStatus !== 0 && record.OriginResponseStatus !== request.status)
      this.#report('an origin answered with another status', detail, request.line);
    known.counted = true;
    this.#follow(origin, request, known);
  }

  /** A visitor's connection is over. */
  visited({ stream, answers }: Visited): void {
    let last = -1;
    for (const [i, answer] of answers.entries()) {
      const isLast = i === answers.length - 1;
      const problem = this.#problemOf(answer, stream, last, isLast && breaksOff(stream));
      if (problem !== null) this.disagreements.push({ what: problem, detail: { answers, i }, sent: stream });
      const known = answer.ray === null ? undefined : this.#records.get(answer.ray);
      if (known === undefined) continue;
      known.answered = true;
      last = known.place;
    }
  }

  /** The origins have had their time: what is still open does not agree. Forgets what is settled. */
  settle(): void {
    for (const origin of ['nginx', 'apache', 'haproxy'] as const) {
      const missing = this.#missing(origin);
      for (const known of missing) {
        const { record } = known;
        this.#report('an origin did not count a request that it answered', record, record.ClientRequestURI);
        known.counted = true;
      }
    }
    for (const [origin, requests] of this.#unnamed) {
      // Refused before the origin came to the ray id: each must be explained by one request of the edge.
      const open = [...this.#records.values()]
        .filter((known) => known.origin === origin && !known.counted && known.record.OriginIP !== '')
        .sort((one, other) => other.record.OriginResponseStatus - one.record.OriginResponseStatus);
      if (requests.length > open.length)
        this.#report('an origin counted requests that no request of the edge explains', { origin, requests, open }, '');
      for (const known of open.slice(0, requests.length)) known.counted = true;
    }
    for (const { record, answered } of this.#records.values()) {
      const id = ID.exec(record.ClientRequestURI)?.[1];
      const sent = id === undefined ? undefined : this.#sent.get(id);
      if (
        record.OriginResponseStatus !== 0 &&
        !answered &&
        record.OriginFailure === '' &&
        sent !== undefined &&
        !breaksOff(sent)
      )
        this.#report('a visitor did not get the answer of its request', record, record.ClientRequestURI);
    }
    this.#unnamed.clear();
    // What was broken off may be counted long after.
    const kept = new Map<string, Stream>();
    for (const [ray, { record, counted }] of this.#records) {
      const id = ID.exec(record.ClientRequestURI)?.[1];
      const sent = id === undefined ? undefined : this.#sent.get(id);
      if (counted || record.OriginIP === '') this.#records.delete(ray);
      else if (sent !== undefined) kept.set(id!, sent);
    }
    this.#sent = kept;
  }

  #problemOf(answer: Answer, { pieces }: Stream, last: number, mayBeCut: boolean): string | null {
    if (answer.ray === null) return mayBeCut ? null : 'an answer without a ray id';
    const known = this.#records.get(answer.ray);
    if (known === undefined) return 'an answer to a request that the edge did not record';
    const { record, place } = known;
    const id = ID.exec(record.ClientRequestURI)?.[1];
    if (id !== undefined && !pieces.join('').includes(id)) return "an answer to another visitor's request";
    if (place <= last) return 'answers out of order';
    if (known.answered) return 'two answers to one request';
    if (answer.status !== record.EdgeResponseStatus) return 'an answer with another status than recorded';
    if (record.OriginResponseStatus === 0 && answer.originRay !== null)
      return "an origin's answer that the edge did not record";
    // An origin that refuses the head names no ray id; any other answer must name its request's own.
    if (answer.originRay !== null && answer.originRay !== answer.ray) return "another request's answer";
    // Nor does Apache for `OPTIONS *`, which is no request to its site.
    const { OriginResponseStatus: status } = record;
    if (answer.originRay === null && status !== 0 && status < 400 && record.ClientRequestURI !== '*')
      return 'an answer of nobody';
    const named = /^ray=(\S*)\n$/.exec(answer.body)?.[1];
    if (named !== undefined && named !== answer.ray) return "another request's body";
    if (!answer.isComplete && !mayBeCut && record.OriginFailure === '') return 'an answer that is cut';
    return null;
  }

  /** The requests of one connection to an origin come in one order on both sides, and none is left out. */
  #follow(origin: ServerName, request: Counted, known: Forwarded | null): void {
    const key = `${origin} ${request.connection}`;
    const { nth } = request;
    const last = this.#connections.get(key);
    const isFirst = nth === null ? last === undefined : nth === (origin === 'apache' ? 0 : 1);
    if (!isFirst) {
      this.counts.reusedConnections++;
      // Apache counts the requests before this one that kept the connection.
      const isNext = nth === (last?.nth ?? -1) + 1 || (origin === 'apache' && nth === last?.nth);
      if (nth !== null && !isNext && last !== undefined)
        this.#report(
          'a connection to an origin carried a request that was not counted',
          { origin, request, last },
          request.line,
        );
      if (known !== null && last !== undefined && known.place < last.place)
        this.#report(
          'requests of one connection to an origin are out of order',
          { origin, request, last },
          request.line,
        );
    }
    this.#connections.set(key, { nth, place: known?.place ?? last?.place ?? -1 });
  }

  /** What origins have answered and not counted by name, beyond those that they counted without a name. */
  #missing(only?: ServerName): Forwarded[] {
    const missing: Forwarded[] = [];
    for (const origin of only === undefined ? (['nginx', 'apache', 'haproxy'] as const) : [only]) {
      const open = [...this.#records.values()].filter(
        (known) => known.origin === origin && !known.counted && known.record.OriginResponseStatus !== 0,
      );
      const unnamed = this.#unnamed.get(origin)?.length ?? 0;
      // Only a refusal can be counted without a name.
      const refused = open.filter(({ record }) => record.OriginResponseStatus >= 400);
      missing.push(...open.filter(({ record }) => record.OriginResponseStatus < 400), ...refused.slice(unnamed));
    }
    return missing;
  }

  #report(what: string, detail: unknown, text: string): void {
    const id = ID.exec(text)?.[1];
    this.disagreements.push({ what, detail, sent: (id === undefined ? undefined : this.#sent.get(id)) ?? null });
  }
}

/** The visitor itself ends the connection, maybe in the middle of a request: its answers may be cut. */
function breaksOff({ ending }: Stream): boolean {
  return ending !== 'wait';
}

function originOf(record: AccessRecord): ServerName {
  const label = record.ClientRequestHost.toLowerCase().split('.')[0];
  return label === 'apache' || label === 'haproxy' ? label : 'nginx';
}
