import { closeSync, openSync } from 'node:fs';

const SAME_SIGNAL = 500;

/**
 * Calls `stop` on the first SIGINT or SIGTERM and `force` on a later one. A terminal sends Ctrl-C to every process of
 * the group, and a launcher passes it on as well: what comes within half a second is the same signal.
 */
export function onStopSignal(now: () => number, stop: () => void, force: () => void): void {
  let first: number | null = null;
  const handle = () => {
    if (first === null) {
      first = now();
      stop();
    } else if (now() - first > SAME_SIGNAL) {
      force();
    }
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
}

/**
 * Calls `reload` on SIGHUP, and `stop` where that signal says that the terminal is gone which this process was started
 * on: nobody could see or stop it any more.
 */
export function onHangUp(reload: () => void, stop: () => void): void {
  const hadTerminal = hasTerminal();
  process.on('SIGHUP', () => {
    if (hadTerminal && !hasTerminal()) stop();
    else reload();
  });
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
