import { Buffer } from 'node:buffer';
import net, { type Socket } from 'node:net';
import type {
  Delta,
  OriginProof,
  RateAsk,
  RateGrant,
  RateReturn,
  SecurityEvents,
  ServerAlgorithm,
  Snapshot,
  SnapshotEntry,
} from '../core/mod.ts';
import type { CounterReport } from '../observe/mod.ts';
import { type ControlMessage, receiveMessages, sendMessage } from './wire.ts';

/** Whoever applies what comes: the data plane. */
export interface SnapshotTarget {
  /** Number of the last change applied; 0 for none. */
  readonly number: number;
  load(snapshot: Snapshot): void;
  apply(delta: Delta): void;
  /** Takes what ticket keys are derived from, the newest first, in place of what it had. */
  useTicketSecrets(secrets: readonly Uint8Array[]): void;
  /** What it counts. */
  readonly counters: { report(): CounterReport };
  /** What its rules did since the last time. */
  takeEvents(): SecurityEvents;
  /** What it found out about origins since the last time. */
  takeOriginProofs(): readonly OriginProof[];
  /** What others found out about origins. */
  heardOriginProofs(proofs: readonly OriginProof[]): void;
}

/** Whoever asks the counters that all workers share. */
export interface RateAsker {
  answered(grants: readonly RateGrant[]): void;
  recalled(keys: readonly string[]): void;
  /** Nobody answers any more. */
  lost(): void;
}

const RECONNECT_AFTER = 200;
/** What a worker that is killed has counted since is lost. */
const REPORT_EVERY = 1_000;

/**
 * A worker's end of the distribution. Applies what comes, acknowledges it, and connects again whenever the control
 * plane goes away; the target keeps what it has meanwhile.
 */
export class Subscriber {
  readonly #target: SnapshotTarget;
  readonly #rates: RateAsker | null;
  readonly #socketPath: string;
  readonly #pid: number;
  #socket: Socket | null = null;
  #parts: SnapshotEntry[] = [];
  #request = 0;
  readonly #wanted = new Map<number, (found: boolean) => void>();
  #ready: { readonly https: string; readonly http: string } | null = null;
  #onFirstState: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #reporting: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(target: SnapshotTarget, rates: RateAsker | null, socketPath: string, pid: number) {
    this.#target = target;
    this.#rates = rates;
    this.#socketPath = socketPath;
    this.#pid = pid;
  }

  /**
   * Connects. Resolves when the target has everything that the control plane has: whoever serves before could serve what
   * a change has ended. Where no control plane answers, a state that the target has already is good enough.
   */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFirstState = resolve;
      this.#reporting = setInterval(() => this.#report(0), REPORT_EVERY);
      this.#connect();
    });
  }

  /** Tells the control plane that the listeners are bound, now and after every reconnection. */
  ready(https: string, http: string): void {
    this.#ready = { https, http };
    if (this.#socket !== null) sendMessage(this.#socket, { type: 'ready', ...this.#ready });
  }

  /** Tells the control plane that the listeners are closed. */
  draining(): void {
    this.#ready = null;
    if (this.#socket !== null) sendMessage(this.#socket, { type: 'draining' });
  }

  /** Asks for a certificate for a hostname. False where there is none, or nobody to ask. */
  requestCertificate(hostname: string, algorithm: ServerAlgorithm): Promise<boolean> {
    const socket = this.#socket;
    if (socket === null) return Promise.resolve(false);
    return new Promise((resolve) => {
      const request = ++this.#request;
      this.#wanted.set(request, resolve);
      sendMessage(socket, { type: 'certificate_wanted', request, hostname, algorithm });
    });
  }

  /** Asks the counters that all workers share, and gives shares back. False where there is nobody to ask. */
  rate(asks: readonly RateAsk[], returns: readonly RateReturn[]): boolean {
    if (this.#socket === null) return false;
    sendMessage(this.#socket, { type: 'rate', asks, returns });
    return true;
  }

  /** Ends the connection for good. Resolves when the last counts are with the control plane. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#reporting !== null) clearInterval(this.#reporting);
    const socket = this.#socket;
    if (socket === null) return;
    this.#report(0);
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end();
    });
  }

  #report(request: number): void {
    if (this.#socket === null) return;
    sendMessage(this.#socket, { type: 'counted', request, report: this.#target.counters.report() });
    const { events, dropped } = this.#target.takeEvents();
    if (events.length + dropped > 0) sendMessage(this.#socket, { type: 'events', events, dropped });
    const proofs = this.#target.takeOriginProofs();
    if (proofs.length > 0) sendMessage(this.#socket, { type: 'origin_proofs', proofs });
  }

  #connect(): void {
    const socket = net.connect(this.#socketPath);
    socket.on('connect', () => {
      this.#socket = socket;
      this.#parts = [];
      sendMessage(socket, { type: 'subscribe', last: this.#target.number, pid: this.#pid });
      if (this.#ready !== null) sendMessage(socket, { type: 'ready', ...this.#ready });
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#lost());
    receiveMessages<ControlMessage>(socket, (message) => this.#receive(socket, message));
  }

  #lost(): void {
    this.#socket = null;
    for (const answer of this.#wanted.values()) answer(false);
    this.#wanted.clear();
    this.#rates?.lost();
    if (this.#target.number > 0) this.#started();
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#connect(), RECONNECT_AFTER);
  }

  #receive(socket: Socket, message: ControlMessage): void {
    switch (message.type) {
      case 'snapshot':
        this.#parts.push(...message.entries);
        if (message.more) return;
        this.#target.load({ number: message.number, entries: this.#parts });
        this.#parts = [];
        this.#applied(socket);
        break;
      case 'delta':
        if (message.delta.from !== this.#target.number) {
          // A gap: ask anew, which brings whatever is missing.
          socket.destroy();
          return;
        }
        this.#target.apply(message.delta);
        this.#applied(socket);
        break;
      case 'certificate':
        this.#wanted.get(message.request)?.(message.found);
        this.#wanted.delete(message.request);
        break;
      case 'rated':
        this.#rates?.answered(message.grants);
        break;
      case 'rate_recall':
        this.#rates?.recalled([message.key]);
        break;
      case 'ticket_secrets':
        this.#target.useTicketSecrets(message.secrets.map((secret) => Buffer.from(secret, 'base64')));
        break;
      case 'origin_proofs':
        this.#target.heardOriginProofs(message.proofs);
        break;
      case 'count':
        this.#report(message.request);
    }
  }

  #applied(socket: Socket): void {
    sendMessage(socket, { type: 'acknowledge', number: this.#target.number });
    this.#started();
  }

  #started(): void {
    this.#onFirstState?.();
    this.#onFirstState = null;
  }
}
