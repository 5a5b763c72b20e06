import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The command line, as a script of either runtime. */
export const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** What a finished process leaves. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process of a test is started. */
export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it inherits from 3 on. */
  readonly descriptors?: readonly number[];
}

/** The contract of `up --json` as a test reads it (design/product.md). */
export interface UpInfo {
  readonly ready: true;
  readonly pid: number;
  readonly workers: readonly number[];
  readonly edge: { readonly https: string; readonly http: string };
  readonly api: string;
  readonly apiTls?: string;
  readonly dataDir: string;
  readonly tokenFile: string;
  readonly rootCaFile: string;
  readonly originPullCaFile: string;
  readonly demo?: {
    readonly zone: { readonly id: string; readonly name: string };
    readonly hostnames: readonly string[];
    readonly origin: string;
  };
}

/** Addresses that let the system choose every port. */
export const FREE_PORTS = [
  ['--api', '127.0.0.1:0'],
  ['--edge-https', '127.0.0.1:0'],
  ['--edge-http', '127.0.0.1:0'],
].flat();

/** A process whose output can be waited for. */
export class Process {
  readonly child: ChildProcess;
  /** Resolves when the process is gone and all its output has come. */
  readonly finished: Promise<Finished>;
  stdout = '';
  stderr = '';
  #isFinished = false;
  #wake: (() => void)[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    this.finished = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#isFinished = true;
        this.#notify();
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
        this.#notify();
      });
    }
  }

  /** Resolves with what `find` finds, as soon as it finds something; rejects when the process ends before. */
  async until<T>(find: (process: this) => T | null | undefined | false): Promise<T> {
    for (;;) {
      const found = find(this);
      if (found !== null && found !== undefined && found !== false) return found;
      if (this.#isFinished) throw new Error(`the process ended before: ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

/** A directory of a test file and the processes that it starts; both are gone when the file's tests are over. */
export class Workshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  readonly #running = new Set<Process>();
  #paths = 0;

  constructor() {
    after(async () => {
      const running = [...this.#running];
      for (const { child } of running) child.kill('SIGKILL');
      await Promise.all(running.map(({ finished }) => finished));
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  /** A path that nothing uses yet. */
  path(name = 'data'): string {
    return join(this.directory, `${name}-${++this.#paths}`);
  }

  /** Starts a program on this runtime; its standard input stays open. */
  spawn(script: string, args: readonly string[], options: SpawnOptions = {}): Process {
    return this.exec(process.execPath, [script, ...args], options);
  }

  /** Starts any program; its standard input stays open. */
  exec(
    program: string,
    args: readonly string[],
    { env = {}, cwd = this.directory, descriptors = [] }: SpawnOptions = {},
  ): Process {
    const child = spawn(program, args, {
      cwd,
      env: { ...this.#environment(), ...env },
      stdio: ['pipe', 'pipe', 'pipe', ...descriptors],
    });
    child.stdin?.on('error', () => undefined);
    const started = new Process(child);
    this.#running.add(started);
    started.finished.finally(() => this.#running.delete(started));
    return started;
  }

  /** Runs `countersign` to its end. */
  async run(args: readonly string[], options: SpawnOptions = {}): Promise<Finished> {
    const { child, finished } = this.spawn(MAIN, args, options);
    const hanging = setTimeout(() => child.kill('SIGKILL'), 20_000);
    return await finished.finally(() => clearTimeout(hanging));
  }

  /** Runs `countersign up --json` with ports of its own until it is ready. */
  async up(args: readonly string[], options: SpawnOptions = {}): Promise<{ process: Process; info: UpInfo }> {
    const process = this.spawn(MAIN, ['up', '--json', ...args], options);
    const line = await process.until(({ stdout }) => /^.*\n/.exec(stdout)?.[0]);
    return { process, info: JSON.parse(line) as UpInfo };
  }

  /** The environment of every process: nothing of whoever runs the tests, sockets and caches in the directory. */
  #environment(): Record<string, string | undefined> {
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'));
    return { ...Object.fromEntries(kept), TMPDIR: this.directory, NODE_COMPILE_CACHE: join(this.directory, 'cache') };
  }
}
