import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HOSTNAME } from './certificates.ts';

/** GETs over HTTP/2 for some seconds. Rejects where anything but whole 200 answers came back, or h2load is not installed. */
export async function h2load(
  port: number,
  path: string,
  { seconds, connections, streams }: { seconds: number; connections: number; streams: number },
): Promise<{ requests: number }> {
  const args = ['-t1', `-c${connections}`, `-m${streams}`, '-D', String(seconds), '--warm-up-time=0'];
  const { stdout } = await promisify(execFile)('h2load', [
    ...args,
    `--connect-to=127.0.0.1:${port}`,
    `https://${HOSTNAME}:${port}${path}`,
  ]);
  const counts = /(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(stdout);
  const [done, succeeded, failed, errored, timeout] = (counts ?? []).slice(1).map(Number);
  if (!done || done !== succeeded || failed! + errored! + timeout! > 0 || !/Application protocol: h2/.test(stdout)) {
    throw new Error(`port ${port}: ${stdout}`);
  }
  return { requests: done };
}

/**
 * GETs over HTTP/1.1 at a fixed rate (requests a second, over all connections), from a process of its own. Resolves with the times from
 * request to whole answer, microseconds. Rejects as `h2load`.
 */
export async function h2loadAtRate(
  port: number,
  path: string,
  { seconds, connections, rate }: { seconds: number; connections: number; rate: number },
): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const log = join(directory, 'log');
  try {
    const { stdout } = await promisify(execFile)('h2load', [
      ...['--h1', '-t1', `-c${connections}`, '-D', String(seconds), '--warm-up-time=0'],
      `--rps=${rate / connections}`,
      `--log-file=${log}`,
      `--connect-to=127.0.0.1:${port}`,
      `https://${HOSTNAME}:${port}${path}`,
    ]);
    const answers = readFileSync(log, 'utf8').trimEnd().split('\n');
    const times = answers.map((line) => line.split('\t').slice(1).map(Number) as [status: number, time: number]);
    if (times.length < rate * seconds * 0.8 || times.some(([status]) => status !== 200))
      throw new Error(`port ${port}: ${times.length} answers of ${rate * seconds}\n${stdout}`);
    return times.map(([, time]) => time);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
