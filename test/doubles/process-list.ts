import { readFileSync } from 'node:fs';

/** Whether a process runs. One that has ended but was not collected by its parent yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // The state stands behind the name, which is in brackets and may hold anything.
    return !/\) Z [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

/** Resolves when a process is gone. Nothing tells of processes that are not one's own children, so this asks. */
export async function isGone(pid: number, limit = 10_000): Promise<void> {
  await eventually(() => !isAlive(pid), `process ${pid} is still there after ${limit} ms`, limit);
}

/** Resolves as soon as `holds` does: for what has no event. Rejects with `message` after `limit` milliseconds. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  message: string,
  limit = 10_000,
): Promise<void> {
  const end = performance.now() + limit;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(message);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
