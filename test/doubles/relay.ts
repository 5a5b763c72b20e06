import type { Buffer } from 'node:buffer';
import net, { type Socket } from 'node:net';

/** A relay in front of a port on loopback. */
export interface Relay {
  readonly port: number;
  close(): void;
}

/**
 * Starts a relay that passes each of a visitor's reads on as `cut` says: in these pieces, one write each. `isFirst` is
 * true for what a connection sends first, its ClientHello.
 */
export function startRelay(to: number, cut: (data: Buffer, isFirst: boolean) => readonly Buffer[]): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = net.createServer((visitor) => {
    const onward = net.connect({ host: '127.0.0.1', port: to, noDelay: true });
    let isFirst = true;
    let writes = Promise.resolve();
    for (const [one, other] of [
      [visitor, onward],
      [onward, visitor],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    visitor.on('data', (data: Buffer) => {
      const pieces = cut(data, isFirst);
      isFirst = false;
      for (const piece of pieces) writes = writes.then(() => new Promise((done) => onward.write(piece, () => done())));
    });
    onward.on('data', (data: Buffer) => visitor.write(data));
    onward.on('end', () => visitor.end());
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve({
        port: (server.address() as net.AddressInfo).port,
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
