import type { Buffer } from 'node:buffer';
import net, { type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { DoctorAttempt, ProbeAnswer } from '../../core/mod.ts';
import { Http2Reader, http2Request } from './http2-reader.ts';
import { Http1Reader, http1Request, type ResponseReader, type ResponseStart } from './response-reader.ts';
import type { DoctorTools, Endpoint, Pair } from './subject.ts';
import { alertInRecord, alertOf } from './tls-alert.ts';

/** One connection with one request. */
export interface Probe {
  readonly endpoint: Endpoint;
  /** Null for plain HTTP. */
  readonly tls: DoctorAttempt['tls'];
  readonly http: DoctorAttempt['http'];
  /** Null for none. An IP address is sent as it is, though RFC 6066 section 3 forbids it. */
  readonly serverName: string | null;
  readonly host: string;
  readonly path: string;
  readonly pair: Pair | null;
  readonly offered: OfferedSession | null;
}

/** A TLS session, and the server name under which it was made. */
export interface OfferedSession {
  readonly session: Buffer;
  readonly serverName: string | null;
}

/** What came back. */
export interface Observation {
  readonly answer: ProbeAnswer;
  /** Beginning of the response's body, latin1. */
  readonly body: string;
  /** The newest session that the server gave. */
  readonly session: Buffer | null;
  readonly isResumed: boolean;
  /** When the server's own certificate expires, milliseconds since the epoch. */
  readonly serverNotAfter: number | null;
  /** How far the server's clock is ahead of this one, milliseconds; null where it does not tell the time. */
  readonly clockSkew: number | null;
}

/**
 * Milliseconds, at most, that are left to a server of TLS 1.3 to refuse before the request is sent: its refusal comes a round
 * trip after the handshake is done for the client, and one that closes on a request it never read resets the connection, which
 * may overtake the alert that tells why. As a rule twice the time of the handshake, and some.
 */
const MOST_SETTLING = 150;
const LEAST_SETTLING = 20;
const UNREACHABLE: ReadonlySet<unknown> = new Set([
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EINVAL',
  'EACCES',
  'EPERM',
]);
const RESETS: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);
/** Node and Bun report the peer's orderly close within the handshake so. */
const CLOSED_IN_HANDSHAKE = /disconnected before secure TLS connection/;
/** What the library says of a peer that speaks another version than was asked for. */
const OTHER_VERSION = /UNSUPPORTED_PROTOCOL|unsupported protocol/i;

/** Both runtimes have it, their types do not. */
type Renamable = TLSSocket & { setServername(name: string): void };

type Stage = 'connect' | 'handshake' | 'response';

/** Makes one attempt. Rejects only where the pair cannot be loaded. `attemptTimeout` is in milliseconds, for each stage. */
export function probe(target: Probe, tools: Pick<DoctorTools, 'attemptTimeout' | 'clock'>): Promise<Observation> {
  return new Promise((resolve) => new Attempt(target, tools, resolve));
}

class Attempt {
  readonly #target: Probe;
  readonly #timeout: number;
  readonly #clock: DoctorTools['clock'];
  readonly #resolve: (observation: Observation) => void;
  readonly #reader: ResponseReader;
  readonly #socket: Socket;
  #timer: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;
  #stage: Stage = 'connect';
  /** When the stage began, milliseconds since the epoch. */
  #begun: number;
  #settlingTime = 0;
  #error: NodeJS.ErrnoException | null = null;
  #firstBytes: Buffer | null = null;
  #session: Buffer | null = null;
  #isResumed = false;
  #serverNotAfter: number | null = null;
  #isDone = false;

  constructor(
    target: Probe,
    { attemptTimeout, clock }: Pick<DoctorTools, 'attemptTimeout' | 'clock'>,
    resolve: (observation: Observation) => void,
  ) {
    this.#target = target;
    this.#timeout = attemptTimeout;
    this.#clock = clock;
    this.#begun = clock.now();
    this.#resolve = resolve;
    this.#reader = target.http === 'h2' ? new Http2Reader() : new Http1Reader();
    this.#timer = setTimeout(() => this.#onTimeout(), attemptTimeout);
    this.#socket = target.tls === null ? net.connect(addressOf(target)) : connectTls(target);
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('connect', () => {
      if (this.#stage !== 'connect') return;
      if (this.#target.tls === null) this.#onReady();
      else this.#enter('handshake');
    });
    socket.on('secureConnect', () => this.#onSecure(socket as TLSSocket));
    socket.on('session', (session: Buffer) => {
      this.#session = session;
      // The server has verified the client before it gives out a session: nothing is left to wait for.
      if (this.#settling !== undefined && !this.#reader.hasBegun) this.#send();
    });
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => this.#finish(this.#answerOfClose()));
  }

  #enter(stage: Stage): void {
    this.#stage = stage;
    this.#begun = this.#clock.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onTimeout(), this.#timeout);
  }

  #onSecure(socket: TLSSocket): void {
    const handshake = this.#clock.now() - this.#begun;
    this.#settlingTime = Math.min(MOST_SETTLING, this.#timeout / 2, 2 * handshake + LEAST_SETTLING);
    this.#isResumed = socket.isSessionReused();
    const expiry = Date.parse(socket.getPeerCertificate()?.valid_to ?? '');
    this.#serverNotAfter = Number.isNaN(expiry) ? null : expiry;
    const { tls: version, http } = this.#target;
    const isOffered = socket.getProtocol() === version && (http !== 'h2' || socket.alpnProtocol === 'h2');
    if (isOffered) this.#onReady();
    else this.#finish({ kind: 'not_offered' });
  }

  #onReady(): void {
    this.#enter('response');
    if (this.#target.tls !== 'TLSv1.3') this.#send();
    else this.#settling = setTimeout(() => this.#send(), this.#settlingTime);
  }

  #send(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
    const { host, path, http } = this.#target;
    this.#socket.write((http === 'h2' ? http2Request : http1Request)(host, path));
  }

  #onData(bytes: Buffer): void {
    this.#firstBytes ??= bytes;
    const reply = this.#reader.push(bytes);
    if (reply !== null && this.#settling === undefined) this.#socket.write(reply);
    const state = this.#reader.state();
    if (state === 'malformed') this.#finish(this.#answerOfGarbage());
    else if (state === 'ended') this.#finish({ kind: 'closed_before_response' });
    // The body of a refusal may say whose it is; it comes before the close, if it comes.
    else if (state !== 'incomplete' && (state.status < 400 || state.isWhole)) this.#onAnswer(state);
  }

  /** TLS 1.3 servers may give out their session only now (RFC 8446 section 4.6.1). */
  #onAnswer(response: ResponseStart): void {
    const finish = () => this.#finish(answerOf(response));
    const { tls: version, offered } = this.#target;
    if (version !== 'TLSv1.3' || offered !== null || this.#session !== null) {
      finish();
    } else {
      this.#settling ??= setTimeout(finish, this.#settlingTime);
      this.#socket.once('session', finish);
    }
  }

  #answerOfGarbage(): ProbeAnswer {
    const alert = this.#target.tls === null ? alertInRecord(this.#firstBytes!) : null;
    return alert === null ? { kind: 'malformed_response' } : { kind: 'alert_in_handshake', alert };
  }

  #onTimeout(): void {
    const state = this.#reader.state();
    this.#finish(typeof state === 'object' ? answerOf(state) : { kind: 'timeout', stage: this.#stage });
  }

  #answerOfClose(): ProbeAnswer {
    const state = this.#reader.state();
    if (typeof state === 'object') return answerOf(state);
    const { code, message = '' } = this.#error ?? {};
    const alert = alertOf(message);
    if (alert === 'protocol_version' || alert === 'no_application_protocol') return { kind: 'not_offered' };
    if (alert !== null)
      return this.#stage === 'response'
        ? { kind: 'alert_after_handshake', alert }
        : { kind: 'alert_in_handshake', alert };
    if (this.#reader.hasBegun) return { kind: 'malformed_response' };
    if (code === 'ECONNREFUSED') return { kind: 'connection_refused' };
    if (code === 'ETIMEDOUT') return { kind: 'timeout', stage: this.#stage };
    if (UNREACHABLE.has(code)) return { kind: 'unreachable' };
    if (CLOSED_IN_HANDSHAKE.test(message)) return { kind: 'closed_in_handshake' };
    if (RESETS.has(code)) return { kind: 'connection_reset' };
    if (OTHER_VERSION.test(message)) return { kind: 'not_offered' };
    if (this.#error !== null) return { kind: 'malformed_response' };
    return this.#stage === 'response' ? { kind: 'closed_before_response' } : { kind: 'closed_in_handshake' };
  }

  #finish(answer: ProbeAnswer): void {
    if (this.#isDone) return;
    this.#isDone = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#settling);
    this.#socket.destroy();
    const state = this.#reader.state();
    this.#resolve({
      answer,
      body: typeof state === 'object' ? state.body : '',
      session: this.#session,
      isResumed: this.#isResumed,
      serverNotAfter: this.#serverNotAfter,
      clockSkew: typeof state === 'object' && state.date !== null ? state.date - this.#clock.now() : null,
    });
  }
}

function answerOf({ status, location }: ResponseStart): ProbeAnswer {
  return { kind: 'response', status, location };
}

function addressOf({ endpoint: { address, port } }: Probe): { host: string; port: number } {
  return { host: address, port };
}

function connectTls(target: Probe): TLSSocket {
  const { serverName, pair, offered, http } = target;
  // Runtimes offer a session only under the name it was made for, and send no address as a name. A name that is set
  // between the two steps, before the handshake begins, is sent all the same, on both.
  const first = offered === null ? serverName : offered.serverName;
  const socket = tls.connect({
    ...addressOf(target),
    servername: first === null || net.isIP(first) > 0 ? '' : first,
    // Whoever the server is: what it does with a client is the question.
    rejectUnauthorized: false,
    minVersion: target.tls!,
    maxVersion: target.tls!,
    // With a way out: some servers answer with a protocol that was not offered where they know none that was.
    ALPNProtocols: http === 'h2' ? ['h2', 'http/1.1'] : ['http/1.1'],
    ...(pair === null ? {} : { cert: pair.certificate, key: pair.privateKey }),
    ...(offered === null ? {} : { session: offered.session }),
  });
  if (serverName !== null && (serverName !== first || net.isIP(serverName) > 0))
    (socket as Renamable).setServername(serverName);
  return socket;
}
