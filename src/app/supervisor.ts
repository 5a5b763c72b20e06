import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../observe/mod.ts';
import type { WorkerSettings } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/** A worker that lived this long was not broken from the start. */
const SETTLED_AFTER = 10_000;

interface Slot {
  child: ChildProcess | null;
  pause: number;
  startedAt: number;
  timer: NodeJS.Timeout | null;
}

/** Keeps a number of worker processes running: one that dies is started again, the others serve on. */
export class Supervisor {
  readonly #settings: WorkerSettings;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #slots: Slot[] = [];
  #isStopping = false;

  constructor(settings: WorkerSettings, logger: Logger, now: () => number) {
    this.#settings = settings;
    this.#logger = logger;
    this.#now = now;
  }

  /** Process ids of the running workers. */
  get pids(): number[] {
    return this.#slots.flatMap(({ child }) => (child?.pid === undefined ? [] : [child.pid]));
  }

  start(count: number): void {
    for (let i = 0; i < count; i++) {
      const slot: Slot = { child: null, pause: FIRST_PAUSE, startedAt: 0, timer: null };
      this.#slots.push(slot);
      this.#spawn(slot);
    }
  }

  /** Drains all workers. Resolves when the last one is gone. `force` kills them instead. */
  async stop(force = false): Promise<void> {
    this.#isStopping = true;
    const exits: Promise<void>[] = [];
    for (const { child, timer } of this.#slots) {
      if (timer !== null) clearTimeout(timer);
      if (child === null || child.exitCode !== null || child.signalCode !== null) continue;
      exits.push(new Promise((resolve) => child.once('exit', () => resolve())));
      child.kill(force ? 'SIGKILL' : 'SIGTERM');
    }
    await Promise.all(exits);
  }

  #spawn(slot: Slot): void {
    slot.startedAt = this.#now();
    const child = spawn(process.execPath, [WORKER], {
      // The pipe's end tells the worker that its supervisor is gone.
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    slot.child = child;
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(`${JSON.stringify(this.#settings)}\n`);
    child.on('error', (error) => this.#logger.error({ reason: error.message }, 'a worker did not start'));
    child.on('exit', (code, signal) => this.#onExit(slot, code, signal));
  }

  #onExit(slot: Slot, code: number | null, signal: string | null): void {
    const pid = slot.child?.pid;
    slot.child = null;
    if (this.#isStopping) return;
    slot.pause = this.#now() - slot.startedAt > SETTLED_AFTER ? FIRST_PAUSE : Math.min(slot.pause * 2, LONGEST_PAUSE);
    this.#logger.warn({ worker: pid, code, signal, restartsInMs: slot.pause }, 'a worker ended and is started again');
    slot.timer = setTimeout(() => this.#spawn(slot), slot.pause);
  }
}
