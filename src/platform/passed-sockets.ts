/**
 * Listening sockets that whoever started this process holds and passes on (`sd_listen_fds(3)` of systemd): descriptors by
 * the names that `LISTEN_FDNAMES` gives them. None where they were meant for another process.
 */
export function passedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ReadonlyMap<string, number> {
  const { LISTEN_FDS: count = '0', LISTEN_FDNAMES: names = '', LISTEN_PID: meant } = environment;
  if (meant !== undefined && meant !== String(pid)) return new Map();
  return new Map(
    names
      .split(':')
      .slice(0, Number(count))
      .map((name, i) => [name, FIRST + i]),
  );
}

const FIRST = 3;
