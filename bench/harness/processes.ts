import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';

const TICKS_A_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** A program that a benchmark started. */
export interface Program {
  readonly pid: number;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a program; its output goes to stderr only where it fails. */
export function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH, ...env } });
  let errors = '';
  child.stderr!.on('data', (data) => {
    errors = (errors + data).slice(-4000);
  });
  let isStopping = false;
  child.on('exit', (code) => {
    if (!isStopping) process.stderr.write(`${command} ended with ${code}:\n${errors}\n`);
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  return {
    pid: child.pid!,
    child,
    stop: async () => {
      isStopping = true;
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Process ids of a program and all that it started. */
export function tree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? stat(Number(name))?.parent : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

function stat(pid: number): { readonly parent: number; readonly ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}

/** CPU time (user and system) of a program and all that it started, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const ticks = tree(pid).reduce((sum, one) => sum + (stat(one)?.ticks ?? 0), 0);
  return (ticks * 1e6) / TICKS_A_SECOND;
}

/** Resident memory of one process, in MiB; with `proportional` what it shares with others is divided among them. */
export function residentMiB(pid: number, proportional = false): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (proportional ? /^Pss:\s+(\d+)/m : /^Rss:\s+(\d+)/m).exec(rollup)?.[1];
  return Number(kib) / 1024;
}

/** Free ports on loopback, all different; below those that the system gives to outgoing connections (Linux: from 32768). */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const server = net.createServer().listen(randomInt(20_000, 32_000), '127.0.0.1');
    try {
      await once(server, 'listening');
      ports.add((server.address() as net.AddressInfo).port);
    } catch {
      continue;
    }
    await new Promise((resolve) => server.close(resolve));
  }
  return [...ports];
}

/** Resolves when a program accepts connections on a port of loopback. Throws where it ends before. */
export async function reachable({ child }: Program, port: number): Promise<void> {
  while (child.exitCode === null) {
    const socket = net.connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      // Not yet.
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`the program for port ${port} ended`);
}
