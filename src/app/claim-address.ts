import { closeSync } from 'node:fs';
import net from 'node:net';
import { formatHostPort, type HostPort } from '../config/mod.ts';
import { type ListeningSocket, openListeningSocket } from '../platform/mod.ts';
import { StartError } from './data-directory.ts';

/** An address that is ours: its port is chosen, and nobody else listens there. */
export interface ClaimedAddress extends HostPort {
  /** What the workers inherit; null where they must share the port by themselves (`reusePort`). */
  readonly socket: ListeningSocket | null;
}

/**
 * Claims an address for the workers, and picks the port where it is 0. `passed` is a socket that listens there already and
 * that somebody else holds. Throws `StartError`.
 */
export async function claimAddress(address: HostPort, flag: string, passed?: number): Promise<ClaimedAddress> {
  const { host, port } = address;
  if (passed !== undefined) {
    if (port === 0) throw new StartError(`--${flag} must name the port of the socket that was passed on.`);
    return { host, port, socket: { fd: passed, port, close: () => closeSync(passed) } };
  }
  try {
    const socket = await openListeningSocket(host, port);
    return { host, port: socket?.port ?? (await checkFree(address)), socket };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${code})`;
    throw new StartError(`The address ${formatHostPort(address)} ${problem}: choose another with --${flag}.`);
  }
}

/** Workers that share a port would not notice another program of the same user on it: this does. Resolves with the port. */
function checkFree({ host, port }: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(port, host, () => {
      const bound = (server.address() as net.AddressInfo).port;
      server.close(() => resolve(bound));
    });
  });
}
