import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';

/** Milliseconds in which a connection on loopback stands, unless nobody takes it. */
const LONG = 300;

/** Listens and never accepts: the child's event loop stands still, so that what connects waits in its queue. */
const CHILD = `
const server = require('node:net').createServer();
server.listen({ host: process.argv[1], port: Number(process.argv[2]), backlog: 1 }, () => {
  require('node:fs').writeSync(1, 'listening');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

/** An address that swallows every attempt to connect, as one behind a firewall that drops packets does. */
export async function startBlackHole(host: string, port: number): Promise<{ close(): void }> {
  const child = spawn(process.execPath, ['-e', CHILD, host, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const sockets: Socket[] = [];
  // Its queue is filled until the system drops what comes.
  for (let isTaken = true; isTaken; ) {
    const socket = net.connect({ host, port });
    socket.on('error', () => undefined);
    sockets.push(socket);
    isTaken = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), LONG);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
  return {
    close: () => {
      for (const socket of sockets) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}
