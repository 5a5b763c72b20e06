import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../observe/mod.ts';
import { currentRuntime, workerFlags } from '../platform/mod.ts';
import type { WorkerSettings } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/** A worker that lived this long was not broken from the start. */
const SETTLED_AFTER = 10_000;
const READY_LIMIT = 30_000;
/** Beyond its own limit a worker gets this long to end. */
const KILL_MARGIN = 5_000;

/** What a supervisor is told. */
export interface SupervisorOptions {
  readonly settings: WorkerSettings;
  /** Descriptors that the workers inherit, from 3 on. */
  readonly descriptors: readonly number[];
  /** Whether the worker with this process id listens. */
  readonly isReady: (pid: number) => boolean;
  /** Milliseconds that a worker may take to drain. */
  readonly drainLimit: number;
  readonly logger: Logger;
  readonly now: () => number;
}

interface Slot {
  child: ChildProcess | null;
  pause: number;
  startedAt: number;
  timer: NodeJS.Timeout | null;
}

/** Keeps a number of worker processes running: one that dies is started again, the others serve on. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[] = [];
  /** Workers of no slot: those that drain after a reload, and the one that is to take a slot. */
  readonly #others = new Set<ChildProcess>();
  readonly #checks = new Set<() => void>();
  #reloading: Promise<boolean> | null = null;
  #isStopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Process ids of the running workers. */
  get pids(): number[] {
    return this.#slots.flatMap(({ child }) => (child?.pid === undefined ? [] : [child.pid]));
  }

  start(count: number): void {
    for (let i = 0; i < count; i++) {
      const slot: Slot = { child: null, pause: FIRST_PAUSE, startedAt: 0, timer: null };
      this.#slots.push(slot);
      this.#fill(slot, this.#spawn());
    }
  }

  /** To be called whenever a worker has become ready or is gone. */
  workersChanged(): void {
    for (const check of [...this.#checks]) check();
  }

  /**
   * Replaces the workers one after the other: a new one listens before its predecessor drains. Resolves false where a
   * new one did not start: then the old ones serve on. A call during a reload waits for it and reloads once more.
   */
  async reload(): Promise<boolean> {
    const before = this.#reloading;
    const reloading = (async () => {
      await before;
      return await this.#replaceAll();
    })();
    this.#reloading = reloading;
    const isDone = await reloading;
    if (this.#reloading === reloading) this.#reloading = null;
    return isDone;
  }

  /** Ends all workers: drained, with notice to visitors or without, or killed. Resolves when the last one is gone. */
  async stop(how: 'notice' | 'stop' | 'kill'): Promise<void> {
    this.#isStopping = true;
    for (const { timer } of this.#slots) if (timer !== null) clearTimeout(timer);
    const children = [...this.#slots.flatMap(({ child }) => child ?? []), ...this.#others];
    const ask = (child: ChildProcess) => {
      if (how === 'notice') child.stdin?.write('"drain"\n');
      else child.kill(how === 'kill' ? 'SIGKILL' : 'SIGTERM');
    };
    await Promise.all(children.map((child) => this.#end(child, () => ask(child))));
  }

  async #replaceAll(): Promise<boolean> {
    for (const slot of this.#slots) {
      if (this.#isStopping) return false;
      const next = this.#spawn();
      this.#others.add(next);
      const isReady = await this.#becomesReady(next);
      if (this.#isStopping) return false;
      this.#others.delete(next);
      if (!isReady) {
        this.#options.logger.error({ worker: next.pid }, 'a new worker did not become ready: the old ones serve on');
        next.kill('SIGKILL');
        return false;
      }
      const old = slot.child;
      if (slot.timer !== null) clearTimeout(slot.timer);
      this.#fill(slot, next);
      if (old !== null) this.#retire(old);
    }
    return true;
  }

  /** Lets a worker drain in the background. */
  #retire(child: ChildProcess): void {
    this.#others.add(child);
    child.once('exit', (code, signal) => {
      if (code !== 0) this.#options.logger.warn({ worker: child.pid, code, signal }, 'a draining worker ended badly');
    });
    this.#end(child, () => child.stdin?.write('"drain"\n')).then(() => this.#others.delete(child));
  }

  /** Asks a worker to end. Resolves when it is gone: at the latest after its limit and some, by force. */
  async #end(child: ChildProcess, ask: () => void): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const { drainLimit, logger } = this.#options;
    const timer = setTimeout(() => {
      logger.warn({ worker: child.pid, limitMs: drainLimit }, 'a worker did not drain in time and is killed');
      child.kill('SIGKILL');
    }, drainLimit + KILL_MARGIN);
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      ask();
    });
    clearTimeout(timer);
  }

  #becomesReady(child: ChildProcess): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isReady: boolean) => {
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve(isReady);
      };
      const timer = setTimeout(() => done(false), READY_LIMIT);
      const check = () => {
        if (child.pid !== undefined && this.#options.isReady(child.pid)) done(true);
      };
      this.#checks.add(check);
      child.once('exit', () => done(false));
      child.once('error', () => done(false));
    });
  }

  #spawn(): ChildProcess {
    const child = spawn(process.execPath, [...workerFlags(currentRuntime()), WORKER], {
      // The pipe's end tells the worker that its supervisor is gone.
      stdio: ['pipe', 'inherit', 'inherit', ...this.#options.descriptors],
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(`${JSON.stringify(this.#options.settings)}\n`);
    child.on('error', (error) => this.#options.logger.error({ reason: error.message }, 'a worker did not start'));
    return child;
  }

  #fill(slot: Slot, child: ChildProcess): void {
    slot.child = child;
    slot.timer = null;
    slot.startedAt = this.#options.now();
    child.on('exit', (code, signal) => {
      if (slot.child === child) this.#onExit(slot, child.pid, code, signal);
    });
  }

  #onExit(slot: Slot, pid: number | undefined, code: number | null, signal: string | null): void {
    slot.child = null;
    if (this.#isStopping) return;
    const { now, logger } = this.#options;
    slot.pause = now() - slot.startedAt > SETTLED_AFTER ? FIRST_PAUSE : Math.min(slot.pause * 2, LONGEST_PAUSE);
    logger.warn({ worker: pid, code, signal, restartsInMs: slot.pause }, 'a worker ended and is started again');
    slot.timer = setTimeout(() => this.#fill(slot, this.#spawn()), slot.pause);
  }
}
