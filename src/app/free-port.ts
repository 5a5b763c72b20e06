import net from 'node:net';
import { formatHostPort, type HostPort } from '../config/mod.ts';
import { StartError } from './data-directory.ts';

/**
 * Makes sure that nobody listens at an address, and picks the port where it is 0. Workers share their port, so each
 * of them alone would not notice another program of the same user on it.
 */
export function claimAddress(address: HostPort, flag: string): Promise<HostPort> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', (error: NodeJS.ErrnoException) => {
      const problem =
        error.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${error.code})`;
      reject(new StartError(`The address ${formatHostPort(address)} ${problem}: choose another with --${flag}.`));
    });
    server.listen(address.port, address.host, () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve({ host: address.host, port }));
    });
  });
}
