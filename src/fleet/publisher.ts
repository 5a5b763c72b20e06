import net, { type Server, type Socket } from 'node:net';
import {
  type Delta,
  type OriginProof,
  type RateAsk,
  type RateGrant,
  type RateReturn,
  type SecurityEvents,
  type ServerAlgorithm,
  type Snapshot,
  SnapshotIndex,
} from '../core/mod.ts';
import { CounterTotals, type Logger } from '../observe/mod.ts';
import type { LastGood } from './last-good.ts';
import { type ControlMessage, receiveMessages, sendMessage, type WorkerMessage } from './wire.ts';

/** Where a publisher takes its state from. */
export interface SnapshotSource {
  /** The whole state. */
  all(): Promise<Snapshot>;
  /** What changed after change `from`, as of one moment; null where nothing did. */
  since(from: number): Promise<Delta | null>;
}

/** What a publisher tells and asks its owner. */
export interface PublisherEvents {
  /** Every live worker has everything up to `number` in use. */
  onAcknowledged(number: number): void;
  /** A worker is ready, or one that was ready is gone. */
  onWorkersChanged(): void;
  /** A worker wants a certificate for a hostname. True where there is one now and it is published. */
  certificateWanted(hostname: string, algorithm: ServerAlgorithm): Promise<boolean>;
  /** Workers ask the counters of rate limits. */
  readonly rates: {
    ask(worker: object, ask: RateAsk): RateGrant | Promise<RateGrant>;
    giveBack(worker: object, returned: RateReturn): void;
    gone(worker: object): void;
  };
  /** A worker tells what rules did. */
  onEvents(events: SecurityEvents): void;
  /** A worker tells what it found out about origins. */
  onOriginProofs(proofs: readonly OriginProof[]): void;
}

/** A worker that the publisher has a connection to. */
export interface ConnectedWorker {
  readonly pid: number;
  /** The last change it acknowledged; 0 before its first. */
  readonly acknowledged: number;
  readonly ready: { readonly https: string; readonly http: string } | null;
  /** It finishes what is under way and takes nothing new. */
  readonly draining: boolean;
}

interface Subscriber {
  readonly socket: Socket;
  pid: number;
  subscribed: boolean;
  acknowledged: number;
  ready: { readonly https: string; readonly http: string } | null;
  draining: boolean;
}

interface Waiter {
  readonly change: number;
  readonly done: (deployed: boolean) => void;
}

const KEPT_DELTAS = 1024;
const PART = 2000;

/**
 * Hands the snapshot to the workers over a unix socket and collects their acknowledgements (architecture section 5).
 * A worker that asks with a recent number gets the deltas it lacks, any other the whole.
 */
export class Publisher {
  /** The state that is published. */
  readonly index = new SnapshotIndex();
  /** What the workers counted, as of their last reports. */
  readonly counters = new CounterTotals();
  readonly #source: SnapshotSource;
  readonly #lastGood: LastGood;
  readonly #events: PublisherEvents;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #subscribers = new Set<Subscriber>();
  readonly #waiters = new Set<Waiter>();
  readonly #now: () => number;
  #deltas: Delta[] = [];
  /** When each of `#deltas` was sent. */
  #sentAt: number[] = [];
  readonly #counting = new Map<number, { readonly waiting: Set<Subscriber>; readonly done: () => void }>();
  #request = 0;
  #ticketSecrets: readonly string[] = [];
  #publishing: Promise<void> = Promise.resolve();

  constructor(source: SnapshotSource, lastGood: LastGood, events: PublisherEvents, logger: Logger, now: () => number) {
    this.#source = source;
    this.#lastGood = lastGood;
    this.#events = events;
    this.#logger = logger;
    this.#now = now;
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  /** Loads the whole state and listens on a unix socket. */
  async start(socketPath: string): Promise<void> {
    this.index.load(await this.#source.all());
    this.#lastGood.save(this.index.snapshot());
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, () => resolve());
    });
  }

  get workers(): readonly ConnectedWorker[] {
    return [...this.#subscribers].filter((subscriber) => subscriber.subscribed);
  }

  /** Publishes every committed change. Resolves when it is sent, not when it is acknowledged. */
  publish(): Promise<void> {
    // One at a time, in order; a failure is this caller's, not the next one's.
    const next = this.#publishing.then(() => this.#publishNow());
    this.#publishing = next.catch(() => undefined);
    return next;
  }

  /**
   * Publishes, then resolves true when every live worker has `change` in use, and false when one does not say so
   * within `timeout` milliseconds. A worker is live from its first acknowledgement until its connection ends.
   */
  async deployed(change: number, timeout: number): Promise<boolean> {
    await this.publish();
    if (this.#acknowledgedByAll() >= change) return true;
    return await new Promise<boolean>((resolve) => {
      const waiter: Waiter = {
        change,
        done: (deployed) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(deployed);
        },
      };
      const timer = setTimeout(() => waiter.done(false), timeout);
      this.#waiters.add(waiter);
    });
  }

  /** Hands the secrets that ticket keys are derived from (`TicketSecrets.rotate`) to all workers, now and when they come. */
  useTicketSecrets(secrets: readonly string[]): void {
    if (secrets[0] === this.#ticketSecrets[0]) return;
    this.#ticketSecrets = secrets;
    for (const subscriber of this.#subscribers) {
      if (subscriber.subscribed) this.#send(subscriber, { type: 'ticket_secrets', secrets });
    }
  }

  /** Asks all workers for their counts. Resolves when they are in, at the latest after `limit` milliseconds. */
  collect(limit: number): Promise<void> {
    const waiting = new Set([...this.#subscribers].filter(({ subscribed }) => subscribed));
    if (waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const request = ++this.#request;
      const timer = setTimeout(() => done(), limit);
      const done = () => {
        clearTimeout(timer);
        this.#counting.delete(request);
        resolve();
      };
      this.#counting.set(request, { waiting, done });
      for (const subscriber of waiting) this.#send(subscriber, { type: 'count', request });
    });
  }

  /** The last change that every live worker has in use. */
  get acknowledgedByAll(): number {
    return this.#acknowledgedByAll();
  }

  /** Milliseconds for which the slowest live worker has owed an acknowledgement; 0 where none does. */
  get acknowledgementLag(): number {
    const number = this.#acknowledgedByAll();
    const at = this.#deltas.findIndex(({ to }) => to > number);
    return at < 0 ? 0 : this.#now() - this.#sentAt[at]!;
  }

  /** Ends all connections. */
  close(): void {
    this.#server.close();
    for (const { socket } of this.#subscribers) socket.destroy();
    for (const waiter of [...this.#waiters]) waiter.done(false);
    this.#lastGood.close();
  }

  async #publishNow(): Promise<void> {
    const delta = await this.#source.since(this.index.number);
    if (delta === null) return;
    this.index.apply(delta);
    this.#deltas.push(delta);
    this.#sentAt.push(this.#now());
    if (this.#deltas.length > KEPT_DELTAS) {
      this.#deltas.shift();
      this.#sentAt.shift();
    }
    for (const subscriber of this.#subscribers) {
      if (subscriber.subscribed) this.#send(subscriber, { type: 'delta', delta });
    }
    this.#keep(delta);
    if (this.#live().length === 0) this.#acknowledged();
  }

  #keep(delta: Delta): void {
    try {
      this.#lastGood.append(delta, () => this.index.snapshot());
    } catch (error) {
      // The workers have the change; a full disk must not stop the fleet.
      this.#logger.error({ reason: (error as Error).message }, 'the last good state could not be written');
    }
  }

  #accept(socket: Socket): void {
    const subscriber: Subscriber = { socket, pid: 0, subscribed: false, acknowledged: 0, ready: null, draining: false };
    this.#subscribers.add(subscriber);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#subscribers.delete(subscriber);
      this.counters.remove(subscriber);
      this.#events.rates.gone(subscriber);
      for (const request of [...this.#counting.keys()]) this.#counted(subscriber, request);
      this.#acknowledged();
      this.#events.onWorkersChanged();
    });
    receiveMessages<WorkerMessage>(socket, (message) => this.#receive(subscriber, message));
  }

  #receive(subscriber: Subscriber, message: WorkerMessage): void {
    switch (message.type) {
      case 'subscribe':
        subscriber.pid = message.pid;
        subscriber.subscribed = true;
        if (this.#ticketSecrets.length > 0) {
          this.#send(subscriber, { type: 'ticket_secrets', secrets: this.#ticketSecrets });
        }
        this.#catchUp(subscriber, message.last);
        break;
      case 'acknowledge':
        subscriber.acknowledged = Math.max(subscriber.acknowledged, message.number);
        this.#acknowledged();
        break;
      case 'ready':
        subscriber.ready = { https: message.https, http: message.http };
        this.#events.onWorkersChanged();
        break;
      case 'draining':
        subscriber.ready = null;
        subscriber.draining = true;
        this.#events.onWorkersChanged();
        break;
      case 'certificate_wanted':
        this.#answerCertificate(subscriber, message);
        break;
      case 'rate':
        for (const returned of message.returns) this.#events.rates.giveBack(subscriber, returned);
        this.#rate(subscriber, message.asks);
        break;
      case 'events':
        this.#events.onEvents(message);
        break;
      case 'origin_proofs':
        this.#events.onOriginProofs(message.proofs);
        for (const other of this.#subscribers) {
          if (other !== subscriber && other.subscribed)
            this.#send(other, { type: 'origin_proofs', proofs: message.proofs });
        }
        break;
      case 'counted':
        this.counters.add(subscriber, message.report);
        this.#counted(subscriber, message.request);
    }
  }

  /** Asks a worker for its share of a rate limit's counter. */
  recallShare(worker: object, key: string): void {
    this.#send(worker as Subscriber, { type: 'rate_recall', key });
  }

  #rate(subscriber: Subscriber, asks: readonly RateAsk[]): void {
    const grants: RateGrant[] = [];
    for (const ask of asks) {
      const answer = this.#events.rates.ask(subscriber, ask);
      if (answer instanceof Promise) {
        answer.then((grant) => this.#send(subscriber, { type: 'rated', grants: [grant] }));
      } else grants.push(answer);
    }
    if (grants.length > 0) this.#send(subscriber, { type: 'rated', grants });
  }

  #counted(subscriber: Subscriber, request: number): void {
    const counting = this.#counting.get(request);
    if (counting === undefined) return;
    counting.waiting.delete(subscriber);
    if (counting.waiting.size === 0) counting.done();
  }

  #answerCertificate(
    subscriber: Subscriber,
    { request, hostname, algorithm }: Extract<WorkerMessage, { type: 'certificate_wanted' }>,
  ): void {
    this.#events.certificateWanted(hostname, algorithm).then(
      (found) => this.#send(subscriber, { type: 'certificate', request, found }),
      (error: Error) => {
        this.#logger.error({ hostname, reason: error.message }, 'a visitor certificate could not be made');
        this.#send(subscriber, { type: 'certificate', request, found: false });
      },
    );
  }

  #catchUp(subscriber: Subscriber, last: number): void {
    const first = this.#deltas.findIndex((delta) => delta.from === last);
    if (last !== 0 && (last === this.index.number || first >= 0)) {
      // An empty delta still asks for an acknowledgement, which makes the worker live.
      const missing = first < 0 ? [{ from: last, to: last, upserts: [], deletes: [] }] : this.#deltas.slice(first);
      for (const delta of missing) this.#send(subscriber, { type: 'delta', delta });
      return;
    }
    const { number, entries } = this.index.snapshot();
    for (let at = 0; at === 0 || at < entries.length; at += PART) {
      const more = at + PART < entries.length;
      this.#send(subscriber, { type: 'snapshot', number, entries: entries.slice(at, at + PART), more });
    }
  }

  #send(subscriber: Subscriber, message: ControlMessage): void {
    if (!subscriber.socket.destroyed) sendMessage(subscriber.socket, message);
  }

  #live(): Subscriber[] {
    return [...this.#subscribers].filter((subscriber) => subscriber.acknowledged > 0);
  }

  #acknowledgedByAll(): number {
    return this.#live().reduce((least, { acknowledged }) => Math.min(least, acknowledged), this.index.number);
  }

  #acknowledged(): void {
    const number = this.#acknowledgedByAll();
    for (const waiter of [...this.#waiters]) if (waiter.change <= number) waiter.done(true);
    this.#events.onAcknowledged(number);
  }
}
