import { execFile } from 'node:child_process';
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
