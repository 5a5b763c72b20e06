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
